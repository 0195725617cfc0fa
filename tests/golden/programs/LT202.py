"""A second release."""

import lifetrack


@lifetrack.tracked
class Backend:
    def handshake(self):
        pass

    def shutdown(self):
        pass


backend = Backend()
backend.shutdown()
backend.shutdown()
