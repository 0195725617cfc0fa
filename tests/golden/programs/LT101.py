"""One of three backends from one line is still live at the end."""

import lifetrack


@lifetrack.tracked
class Backend:
    def handshake(self):
        pass

    def shutdown(self):
        pass


def load(names):
    backends = []
    for _ in names:
        backends.append(Backend())
    return backends


backends = load(("openssl", "schannel", "minimal"))
for backend in backends[1:]:
    backend.shutdown()
