"""A release that raises."""

import contextlib

import lifetrack


@lifetrack.tracked
class Backend:
    def close(self):
        self.flush()

    def flush(self):
        raise OSError("full")


backend = Backend()
with contextlib.suppress(OSError):
    backend.close()
