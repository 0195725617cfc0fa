"""What a watched lock costs: ``python benchmarks/locks.py [TURNS]``, acquire + release, uncontended, against plain.

All cases take turns in short slices, and each counts with its fastest one. A lock that was made while a tracker watched
stays what it is, so the levels are compared in one process: the tracker is switched between the slices.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from lifetrack.tracker import Tracker  # noqa: E402

KINDS = ("Lock", "RLock", "Condition", "Semaphore")
LEVELS = ("off", "counts", "sites", "stacks")
#: Frames of user code under everything that is timed, and repetitions in one slice.
DEPTH, REPEAT = 24, 500

Loop = Callable[[], float]


def by_with(lock: Any) -> Loop:
    """Take and give it by a block."""

    def loop() -> float:
        start = perf_counter()
        for _ in range(REPEAT):
            with lock:
                pass
        return (perf_counter() - start) / REPEAT

    return loop


def by_call(lock: Any) -> Loop:
    """Take and give it by calls."""

    def loop() -> float:
        start = perf_counter()
        for _ in range(REPEAT):
            lock.acquire()
            lock.release()
        return (perf_counter() - start) / REPEAT

    return loop


def nested(outer: Any, inner: Any) -> Loop:
    """Take one inside the other, in an order that is known."""

    def loop() -> float:
        start = perf_counter()
        for _ in range(REPEAT):
            with outer, inner:
                pass
        return (perf_counter() - start) / REPEAT

    return loop


def at_depth(depth: int, loop: Loop) -> float:
    """Run it below some frames of the user's."""
    return loop() if depth == 0 else at_depth(depth - 1, loop)


def cases() -> dict[str, Loop]:
    """Make the locks, watched if a tracker is on, and what is done with them."""
    found: dict[str, Loop] = {}
    for kind in KINDS:
        make = getattr(threading, kind)
        found[f"{kind}, by with"] = by_with(make())
        found[f"{kind}, by calls"] = by_call(make())
    found["Lock in Lock, by with"] = nested(threading.Lock(), threading.Lock())
    return found


def measure(turns: int) -> dict[str, dict[str, float]]:
    """Give the seconds of each case at each level."""
    best: dict[str, dict[str, float]] = {}
    plain, tracker = cases(), Tracker()
    tracker.start("counts", policy="record", watch="locks", report=False)
    watched = cases()
    tracker.stop()
    for _ in range(turns):
        for level in ("plain", *LEVELS):
            if level not in ("plain", "off"):
                tracker.start(level, policy="record", watch="locks", report=False)
            for name, loop in (plain if level == "plain" else watched).items():
                seconds = at_depth(DEPTH, loop)
                row = best.setdefault(name, {})
                row[level] = min(row.get(level, seconds), seconds)
            tracker.stop()
    return best


def main() -> None:
    """Print the table."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(
        f"{'acquire + release':24}{'plain':>9}"
        + "".join(f"{('stopped' if level == 'off' else level) + ' / plain':>17}" for level in LEVELS)
    )
    for name, row in measure(turns).items():
        ratios = "".join(f"{row[level] / row['plain']:17.2f}" for level in LEVELS)
        print(f"{name:24}{row['plain'] * 1e9:6.0f} ns{ratios}")


if __name__ == "__main__":
    main()
