"""A child process uses and releases what it has inherited; the report is the child's."""
# needs: fork

import os
import tempfile

import lifetrack


@lifetrack.tracked
class Connection:
    def query(self):
        pass

    def close(self):
        pass


def child(connection, path):
    connection.query()
    connection.close()
    lifetrack.report().write(path)


connection = Connection()
report = os.path.join(tempfile.mkdtemp(), "child.json")
pid = os.fork()
if pid == 0:
    try:
        child(connection, report)
    finally:
        os._exit(0)
os.waitpid(pid, 0)
connection.close()
