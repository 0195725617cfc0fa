"""The owner goes away without being closed."""

import gc

import lifetrack


@lifetrack.tracked
class Connection:
    def close(self):
        pass


def fill(pool):
    connection = Connection()
    lifetrack.transfer(connection, to=pool)
    return connection


pool = lifetrack.Owner("pool")
connection = fill(pool)
del pool
gc.collect()
