"""Each request leaves a session behind, and a second line passes the cap of its type."""

import lifetrack

history = []


@lifetrack.tracked
class Session:
    def close(self):
        pass


@lifetrack.tracked(max_live=3)
class Connection:
    def close(self):
        pass


def handle():
    session = Session()
    history.append(session)
    short = Session()
    short.close()


lifetrack.growth(handle)
for session in history:
    session.close()

connections = []
for _ in range(4):
    connections.append(Connection())
lifetrack.report()
for connection in connections:
    connection.close()
