"""Who holds what leaked: each finding tells the path of references, with a verdict and what to do about it.

Run it:  python examples/holders.py
"""

import functools

import lifetrack


@lifetrack.tracked
class Backend:
    def close(self):
        pass

    def on_event(self, event):
        pass


class Pool:
    def __init__(self):
        self.sessions = []


REGISTRY = {}
POOL = Pool()
CALLBACKS = []


@functools.lru_cache
def capabilities(backend):
    return ("certificates", type(backend).__name__)


def rows(backend):
    yield from (1, 2, 3)
    backend.close()


def load():
    REGISTRY["openssl"] = Backend()
    POOL.sessions.append(Backend())
    CALLBACKS.append(Backend().on_event)
    capabilities(Backend())
    CALLBACKS.append(rows(Backend()))
    next(CALLBACKS[-1])


if __name__ == "__main__":
    lifetrack.start(policy="record", report=False)
    load()
    for holder in lifetrack.why_alive(REGISTRY["openssl"]):
        print(holder.words, holder.verdict, holder.advice, sep="\n    ")
    print()
    for finding in lifetrack.find_leaks(held_by=True):
        print(f"{finding.rule} {finding.name}: {finding.held_by[0]}")
