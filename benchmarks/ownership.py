"""What ownership costs, as ratios to ``weakref.finalize`` + ``detach()``: ``python benchmarks/ownership.py [--fast]``.

As in ``figures.py`` all cases of a ratio take turns within a fraction of a second, and the middle one of several
processes is shown. Each level has processes of its own: with one tracker, as in every usual program. The status is 1 if
a figure is over its target.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from figures import CLOCK, DEPTH, SLICE  # noqa: E402
from workloads import Loop, at_depth, call_of, made  # noqa: E402

import lifetrack  # noqa: E402

LEVELS = {"sites": 1.0, "stacks": None}
FINALIZE = "finalize + detach"


def cases() -> Iterator[tuple[str, Loop]]:
    """Give every case by name; resources, owners and handles are made beforehand."""
    new = made("class", lifetrack.tracked)["Resource"]
    resource, handle = new(), lifetrack.Shared(new())
    one, other = lifetrack.Owner("one"), lifetrack.Owner("other")
    names: dict[str, Any] = {
        "finalize": weakref.finalize, "resource": resource, "plain": made("class", None)["Resource"](), "one": one,
        "other": other, "transfer": lifetrack.transfer, "borrow": lifetrack.borrow, "handle": handle,
    }  # fmt: skip
    bodies = {
        FINALIZE: "finalize(plain, print).detach(); finalize(plain, print).detach()",
        "transfer": "transfer(resource, to=one); transfer(resource, to=other)",
        "borrow + return": "\n        ".join(["with borrow(resource): pass"] * 2),
        "clone + drop": "handle.clone().release(); handle.clone().release()",
    }
    for name, body in bodies.items():
        yield name, call_of(body, CLOCK, **names)


def work(level: str, turns: int) -> dict[str, float]:
    """Time all cases in turns at a level; give the least seconds for one operation of each."""
    lifetrack.start(level, policy="record", report=False)
    loops = dict(cases())
    rounds = {name: max(10, int(SLICE / (loop(200) / 200))) for name, loop in loops.items()}
    best = dict.fromkeys(loops, float("inf"))
    for turn in range(turns):
        for name in list(loops) if turn % 2 else reversed(loops):
            seconds = at_depth(DEPTH, partial(loops[name], rounds[name]))
            best[name] = min(best[name], seconds / rounds[name] / 2)
    return best


def measured(level: str, turns: int, processes: int) -> list[dict[str, float]]:
    """Run workers in fresh processes."""
    command = [sys.executable, __file__, "--worker", level, "--turns", str(turns)]
    done = [subprocess.run(command, stdout=subprocess.PIPE, check=True) for _ in range(processes)]
    return [json.loads(each.stdout) for each in done]


def main() -> int:
    """Print the table; the status tells whether all figures are within their targets."""
    parser = argparse.ArgumentParser(description="what ownership costs, as ratios")
    parser.add_argument("--fast", action="store_true", help="fewer turns, fewer processes")
    parser.add_argument("--worker", choices=[*LEVELS], help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, help="how often each case takes its turn in a process")
    options = parser.parse_args()
    turns = options.turns or (40 if options.fast else 150)
    if options.worker:
        print(json.dumps(work(options.worker, turns)))
        return 0
    within = True
    print(f"Python {platform.python_version()}, ratios to {FINALIZE}, {DEPTH} frames deep")
    for level, target in LEVELS.items():
        times = measured(level, turns, 3 if options.fast else 5)
        for name in times[0]:
            ratio = statistics.median(each[name] / each[FINALIZE] for each in times)
            verdict = "" if target is None or name == FINALIZE else "ok" if round(ratio, 2) <= target else "over"
            within = within and verdict != "over"
            print(
                f"{level:<8} {name:<20} {ratio:>6.2f} {'' if not verdict else f'{target:.2f}':>7}  {verdict}".rstrip()
            )
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
