"""The figures of the journal: what it adds to create and close, with and without, in one run.

``python benchmarks/journal.py`` prints the table and leaves with status 1 if a figure is missed; ``--fast`` takes fewer
processes. "Extra" is the time beyond that of the plain class.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

import pyperf  # noqa: E402
import workloads  # noqa: E402
from workloads import Loop, at_depth  # noqa: E402

from lifetrack.tracker import Tracker  # noqa: E402

#: Least times of many short slices are stable where others use the machine too.
SLICE, DEPTH = 0.0003, 20
TARGETS = {"sites": 1.5, "stacks": 1.3}
#: Where every stack is walked anew, names are looked up frame by frame: shown, and not promised.
CALLERS = {"loop": "in a loop", "one": "a new frame each time", "with": "by with", "two": "2 new frames each time"}
ANEW = ("two",)
CLOCK = pyperf.perf_counter


def cases(folder: str) -> Iterator[tuple[str, Loop]]:
    """Give every case by name; trackers stand side by side, each with classes of its own."""
    for callers in CALLERS:
        yield f"{callers}: plain", workloads.cycle("class", None, CLOCK, callers)
    for level in TARGETS:
        without, with_journal = Tracker(), Tracker()
        without.start(level, policy="record", report=False)
        path = os.path.join(folder, f"{level}.journal")
        with_journal.start(level, policy="record", report=False, journal=path)
        for callers in CALLERS:
            yield f"{callers}: {level}", workloads.cycle("class", without.tracked_as, CLOCK, callers)
            yield f"{callers}: {level}, journal", workloads.cycle("class", with_journal.tracked_as, CLOCK, callers)


def work(turns: int) -> dict[str, float]:
    """Time all cases in turns; give the least seconds of one round for each."""
    with tempfile.TemporaryDirectory() as folder:
        loops = dict(cases(folder))
        rounds: dict[str, int] = {}
        for name, loop in loops.items():
            loop(50)
            rounds[name] = max(10, int(SLICE / (loop(200) / 200)))
        best = dict.fromkeys(loops, float("inf"))
        for turn in range(turns):
            for name in list(loops) if turn % 2 else reversed(list(loops)):
                seconds = at_depth(DEPTH, partial(loops[name], rounds[name]))
                best[name] = min(best[name], seconds / rounds[name])
        return best


def start_worker(number: int, turns: int) -> dict[str, float]:
    """Run a worker in a fresh process."""
    command = [sys.executable, __file__, "--worker", "--turns", str(turns)]
    environment = {**os.environ, "PYTHONHASHSEED": str(number)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def show(measured: list[dict[str, float]]) -> bool:
    """Print the table; give whether all figures are within their targets."""
    within = True
    print(f"Python {platform.python_version()}, {len(measured)} processes, {DEPTH} frames deep")
    print(f"{'figure':<64} {'ratio':>6} {'target':>7}")
    for level, target in TARGETS.items():
        for callers, words in CALLERS.items():

            def extra(times: dict[str, float], case: str, callers: str = callers) -> float:
                return times[f"{callers}: {case}"] - times[f"{callers}: plain"]

            ratio = statistics.median(extra(times, f"{level}, journal") / extra(times, level) for times in measured)
            promised = None if level == "stacks" and callers in ANEW else target
            verdict = "" if promised is None else "ok" if round(ratio, 2) <= promised else "over"
            within = within and verdict != "over"
            name = f"extra of create + close, {level}: journal on / off, {words}"
            print(f"{name:<64} {ratio:>6.2f} {'' if promised is None else f'{promised:.2f}':>7}  {verdict}".rstrip())
    return within


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description="the figures of the journal, as ratios")
    parser.add_argument("--fast", action="store_true", help="fewer processes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, help="how often each case takes its turn in a process")
    options: Any = parser.parse_args()
    turns = options.turns or (400 if options.fast else 1000)
    if options.worker:
        print(json.dumps(work(turns)))
        return 0
    return 0 if show([start_worker(number, turns) for number in range(1, 4 if options.fast else 6)]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
