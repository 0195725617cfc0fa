"""A plugin host with two mistakes: a plugin used after its shutdown, and a plugin that nobody shuts down.

Run it, and read the error and the report that it ends with:  python examples/plugins.py
"""

import lifetrack


@lifetrack.tracked
class Plugin:
    """The base class is decorated once; every plugin below it is tracked."""

    def __init__(self, name):
        self.name = name

    def handle(self, request):
        return f"{self.name}: {request}"

    def shutdown(self):
        self.connected = False


class Cache(Plugin):
    def __init__(self):
        super().__init__("cache")
        self.entries = {}

    def shutdown(self):
        super().shutdown()
        self.entries.clear()


class Mailer(Plugin):
    """Overrides the release without calling super(): tracked all the same."""

    def shutdown(self):
        self.outbox = []


def serve():
    cache, mailer = Cache(), Mailer("mailer")
    cache.handle("GET /")
    cache.shutdown()
    try:
        cache.handle("GET /again")
    except lifetrack.UseAfterReleaseError as error:
        print(f"{type(error).__name__}: {error}")
        for note in error.__notes__:
            print(f"  {note}")
    return mailer.handle("done")  # and nobody shuts it down


if __name__ == "__main__":
    lifetrack.start(policy="raise")
    print(serve())
