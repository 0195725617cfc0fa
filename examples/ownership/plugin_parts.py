"""A plugin that owns its parts: what it acquires for itself it releases when it is shut down.

Run it, and read the report that it ends with:  python examples/ownership/plugin_parts.py
"""

import lifetrack


@lifetrack.tracked
class Handle:
    def close(self):
        self.open = False


@lifetrack.tracked
class Plugin:
    def __init__(self):
        self.key = lifetrack.transfer(Handle(), to=self)
        self.log = lifetrack.transfer(Handle(), to=self)

    def shutdown(self):
        self.log.close()
        self.key.close()


class Careless(Plugin):
    def shutdown(self):
        self.log.close()  # the key is left open, and its owner is gone


def main():
    good = Plugin()
    good.shutdown()
    careless = Careless()
    careless.shutdown()
    return careless, Plugin()  # nobody shuts this one down: one leak, with its two parts


if __name__ == "__main__":
    lifetrack.start(policy="record")
    kept = main()
