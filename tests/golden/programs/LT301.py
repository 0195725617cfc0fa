"""A release by somebody who is not the owner."""

import lifetrack


@lifetrack.tracked
class Session:
    def close(self):
        pass


owner = lifetrack.Owner("pool", exclusive=True)
session = Session()
lifetrack.transfer(session, to=owner)
session.close()
owner.close()
