"""A child is used after its parent was released."""

import lifetrack


@lifetrack.tracked(children=("cursor",))
class Connection:
    def cursor(self):
        return Cursor()

    def close(self):
        pass


@lifetrack.tracked
class Cursor:
    def fetch(self):
        pass

    def close(self):
        pass


connection = Connection()
cursor = connection.cursor()
connection.close()
cursor.fetch()
cursor.close()
