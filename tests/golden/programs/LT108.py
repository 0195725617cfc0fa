"""Two sessions are held for longer than the limit of their type, of which one is released after all."""

import time

import lifetrack


@lifetrack.tracked(limit=0.01)
class Session:
    def close(self):
        pass


def held():
    return Session()


first, second = held(), held()
time.sleep(0.02)
lifetrack.report()
first.close()
