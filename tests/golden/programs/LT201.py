"""A use after the release."""

import lifetrack


@lifetrack.tracked
class Backend:
    def handshake(self):
        pass

    def shutdown(self):
        pass


def work(backend):
    backend.handshake()
    backend.shutdown()
    backend.handshake()


backend = Backend()
work(backend)
