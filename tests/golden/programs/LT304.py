"""A borrow is open when the owner ends."""

import lifetrack


@lifetrack.tracked
class Session:
    def close(self):
        pass


owner = lifetrack.Owner("pool")
session = Session()
lifetrack.transfer(session, to=owner)
with lifetrack.borrow(session):
    owner.close()
