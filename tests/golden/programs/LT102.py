"""A file that nothing closes, and a backend that nobody keeps."""
# watch: stdlib

import lifetrack


@lifetrack.tracked
class Backend:
    def handshake(self):
        pass

    def shutdown(self):
        pass


def size(path):
    return len(open(path).read())


def connect():
    backend = Backend()
    backend.handshake()


size(__file__)
connect()
