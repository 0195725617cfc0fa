"""A use through a handle that is empty."""

import contextlib

import lifetrack


@lifetrack.tracked
class Connection:
    def close(self):
        pass


first = lifetrack.Owned(Connection())
second = first.move()
with contextlib.suppress(lifetrack.UseAfterMoveError):
    first.get()
second.release()
