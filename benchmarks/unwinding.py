"""The cost of being told of frames that an exception leaves, on 3.12 and later: ``python benchmarks/unwinding.py``.

Each case is timed with lifetrack listening and without, in turns within one process; the fastest of each counts. Fifty
resources are live meanwhile, acquired by another function than those that the exceptions leave.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lifetrack.tracker import Tracker  # noqa: E402
from lifetrack.watchers.unwinding import _listening  # noqa: E402

TURNS = int(sys.argv[1]) if len(sys.argv) > 1 else 40


def fibonacci(number: int) -> int:
    """Call many functions."""
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def calls() -> None:
    """Work without any exception."""
    fibonacci(16)


def inside() -> None:
    """Raise and handle exceptions in one function."""
    for _ in range(500):
        try:
            int("x")
        except ValueError:
            pass


def fail(depth: int) -> None:
    """Raise an exception below as many calls."""
    if depth:
        fail(depth - 1)
    raise LookupError


def one() -> None:
    """Let exceptions leave one frame each."""
    for _ in range(500):
        try:
            fail(0)
        except LookupError:
            pass


def ten() -> None:
    """Let exceptions leave ten frames each."""
    for _ in range(50):
        try:
            fail(9)
        except LookupError:
            pass


def timed(case: Callable[[], None]) -> float:
    """Give the seconds of the fastest of a few calls."""
    times = []
    for _ in range(5):
        start = perf_counter()
        case()
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    """Print a row for each case."""
    tracker = Tracker()

    @tracker.tracked
    class Resource:
        def close(self) -> None:
            pass

    def fill() -> list[Resource]:
        return [Resource() for _ in range(50)]

    with tracker.start("stacks", policy="record", report=False):
        live = fill()
        print(f"{'case':<10}{'without':>12}{'with':>12}{'ratio':>8}")
        for case in (calls, inside, one, ten):
            plain, told = [], []
            for _ in range(TURNS):
                _listening._end()
                plain.append(timed(case))
                _listening._begin()
                told.append(timed(case))
            without, with_it = min(plain), min(told)
            print(f"{case.__name__:<10}{without * 1e6:>9.1f} us{with_it * 1e6:>9.1f} us{with_it / without:>8.2f}")
        for item in live:
            item.close()


if __name__ == "__main__":
    main()
