"""What tracking keeps in memory: ``python benchmarks/memory.py [COUNT]``.

Bytes that lifetrack adds for one live object, by tracemalloc, at each level; and what is left when the objects have
been released and collected.
"""

from __future__ import annotations

import gc
import platform
import sys
import tracemalloc
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lifetrack.tracker import Tracker

LEVELS = ("off", "counts", "sites", "stacks")


def make() -> type:
    class Resource:
        __slots__ = ()

        def close(self) -> None:
            pass

    return Resource


def fill(cls: Any, count: int) -> list[Any]:
    return [cls() for _ in range(count)]


def spread(cls: Any, count: int) -> list[Any]:
    """Make objects from a new pair of frames each, so that no two share their callers."""

    def one() -> Any:
        return cls()

    def two() -> Any:
        return one()

    return [two() for _ in range(count)]


def at_depth(depth: int, function: Any, *arguments: Any) -> Any:
    return at_depth(depth - 1, function, *arguments) if depth else function(*arguments)


def measure(level: str, count: int, way: Any) -> tuple[float, float, int]:
    """Give bytes added for a live object, bytes left for a released one, and how many entries are left."""
    tracker = Tracker()
    cls = tracker.tracked_as(make())
    if level != "off":
        tracker.start(level, policy="record", report=False)
    fill(cls, 1)[0].close()
    gc.collect()
    tracemalloc.start(1)
    objects = at_depth(24, way, cls, count)
    live = tracemalloc.get_traced_memory()[0]
    for each in objects:
        each.close()
    del objects, each
    gc.collect()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    entries = 0 if tracker.ledger is None else sum(key > 0 for key in tracker.ledger.entries)  # others are marks
    tracker.stop()
    return live / count, left / count, entries


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"Python {platform.python_version()}, {count} objects")
    print(f"{'level':<24} {'bytes for a live one':>20} {'left after release':>20} {'entries left':>14}")
    plain = measure("off", count, fill)[0]
    for level in LEVELS[1:]:
        for way, words in ((fill, ""), (spread, ", own callers")):
            if way is spread and level != "stacks":
                continue
            live, left, entries = measure(level, count, way)
            print(f"{level + words:<24} {live - plain:>20.0f} {left:>20.1f} {entries:>14}")


if __name__ == "__main__":
    main()
