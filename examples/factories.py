"""Resources that are not your classes: a factory function, a context manager function, and a pair of C-style functions.

Run it:  python examples/factories.py
"""

import contextlib
import itertools

import lifetrack

HANDLES = itertools.count(1)


@lifetrack.acquires(release="close")
def open_log(path):
    return open(path, encoding="utf-8")


@lifetrack.acquires
@contextlib.contextmanager
def transaction():
    yield ["statements"]


class Key:
    """Has no release method of its own: a function destroys it."""

    def __init__(self):
        self.handle = next(HANDLES)


@lifetrack.acquires
def create_key():
    return Key()


@lifetrack.releases("key")
def destroy_key(key):
    key.handle = None


def main():
    log = open_log(__file__)
    log.close()
    with transaction() as statements:
        statements.append("insert")
    key = create_key()
    destroy_key(key)
    with contextlib.suppress(lifetrack.DoubleReleaseError):
        destroy_key(key)
    create_key()  # dropped


if __name__ == "__main__":
    lifetrack.start(policy="raise", report=False)
    main()
    print(lifetrack.report().to_text())
