"""A use before the acquire method has run."""

import lifetrack


@lifetrack.tracked(acquire="open", release="close")
class Driver:
    def open(self):
        pass

    def send(self):
        pass

    def close(self):
        pass


driver = Driver()
driver.send()
driver.open()
driver.close()
