"""A backend of one collection is released through another one."""

import contextlib

import lifetrack


class Driver:
    name = "driver"

    def close(self):
        pass


first, second = lifetrack.BackendCollection("first"), lifetrack.BackendCollection("second")
driver = first.add(Driver())
with contextlib.suppress(lifetrack.BackendError):
    second.remove(driver, release=True)
first.cleanup()
