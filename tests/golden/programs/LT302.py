"""A release while somebody has borrowed it."""

import lifetrack


@lifetrack.tracked
class Session:
    def close(self):
        pass


session = Session()
with lifetrack.borrow(session):
    session.close()
