"""A parent is released before its child."""

import lifetrack


@lifetrack.tracked(children=("cursor",))
class Connection:
    def cursor(self):
        return Cursor()

    def close(self):
        pass


@lifetrack.tracked
class Cursor:
    def close(self):
        pass


connection = Connection()
cursor = connection.cursor()
connection.close()
cursor.close()
