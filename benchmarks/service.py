"""What a service costs: ``python benchmarks/service.py [TURNS]``, create + close, and one look at many live resources.

All cases take turns in short slices, and each counts with its fastest one. Every case has its own tracker.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from lifetrack.tracker import Tracker  # noqa: E402

REPEAT, LIVE = 500, 100_000
CASES = {
    "plain": None,
    "sites": {"level": "sites"},
    "sites, limits": {"level": "sites", "held_limits": {"*": 3600.0}, "check_every": 3600},
    "sites, metrics": {"level": "sites", "sinks": "prometheus", "check_every": 3600},
    "stacks": {"level": "stacks"},
    "stacks, metrics": {"level": "stacks", "sinks": "prometheus", "check_every": 3600},
}


def _class() -> type:
    namespace: dict[str, type] = {}
    exec("class Session:\n    def close(self):\n        pass", namespace)
    return namespace["Session"]


def _loop(cls: type) -> Callable[[], float]:
    def loop() -> float:
        start = perf_counter()
        for _ in range(REPEAT):
            cls().close()
        return (perf_counter() - start) / REPEAT

    return loop


def _case(options: dict[str, object] | None) -> tuple[Tracker | None, Callable[[], float]]:
    cls = _class()
    if options is None:
        return None, _loop(cls)
    tracker = Tracker()
    tracker.start(policy="record", report=False, **options)  # type: ignore[arg-type]
    return tracker, _loop(tracker.tracked(cls))


def create_and_close(turns: int) -> None:
    """Print what each case adds to the plain class, and against the same level without a service."""
    best: dict[str, float] = {}
    for _ in range(turns):
        for name, options in CASES.items():
            tracker, loop = _case(options)
            best[name] = min(best.get(name, 1.0), *(loop() for _ in range(20)))
            if tracker is not None:
                tracker.stop()
    for name, seconds in best.items():
        extra, base = seconds - best["plain"], best[name.partition(",")[0]] - best["plain"]
        ratio = f"{extra / base:6.2f} x the level alone" if "," in name else ""
        print(f"{name:18} +{extra * 1e9:6.0f} ns  {ratio}")


def looks() -> None:
    """Print how long one look at many live resources takes, for limits and for numbers."""
    tracker = Tracker()
    tracker.start(
        "sites", policy="record", report=False, held_limits={"*": 3600.0}, sinks="prometheus", check_every=3600
    )
    cls = tracker.tracked(_class())
    kept = [cls() for _ in range(LIVE)]
    service = tracker.service
    if service is None or tracker._account is None:
        sys.exit("no service")
    for name, look in (("limits", lambda: service.judge(tracker._account)), ("numbers", service.tally)):
        start = perf_counter()
        look()
        print(f"one look at {len(kept)} live, {name}: {(perf_counter() - start) * 1e3:.0f} ms")
    tracker.stop()


if __name__ == "__main__":
    create_and_close(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    looks()
