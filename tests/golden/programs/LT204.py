"""A release of something that was never opened."""

import lifetrack


@lifetrack.tracked(acquire="open", release="close")
class Driver:
    def open(self):
        pass

    def close(self):
        pass


driver = Driver()
driver.close()
