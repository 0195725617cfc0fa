"""The figures that lifetrack promises, as ratios, in one table: ``python benchmarks/figures.py [--fast]``.

Every ratio compares things timed within the same fraction of a second: in each worker process all cases take turns, in
short slices, many times over, because on a machine with neighbours two runs minutes apart cannot be compared. That is
why pyperf supplies the clock and keeps the values, but does not run the cases: it would run them one after the other. A
case's figure in one worker is its *minimum*, for noise only adds time. The figure shown is the *median* of the workers'
ratios: memory layout and hash seeds differ from process to process and can favour either side.

"Extra" is the time of create + close minus that of the plain class. ``--output FILE`` keeps all values in pyperf's own
format. The status is 1 if a figure is over its target.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyperf

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import workloads  # noqa: E402
from workloads import CLASSES, Loop, at_depth  # noqa: E402

from lifetrack.ledger.capture import make_capture  # noqa: E402
from lifetrack.tracker import Tracker  # noqa: E402

#: Frames of user code under everything that is timed.
DEPTH = 24
#: Seconds for one slice of one case.
SLICE = 0.002
LEVELS = ("off", "counts", "sites", "stacks 8", "stacks 16")
USES = {"method call": "resource.method()", "attribute read": "resource.value"}
CALLERS = {
    "loop": "in a loop",
    "one": "a new frame each time",
    "with": "by with",
    "two": "2 new frames each time",
    "deep": "17 new frames each time",
}
#: Here every stack is walked anew, for no two objects share a caller. Shown, and not promised; so with subclasses.
ANEW = ("two", "deep")
CLOCK = pyperf.perf_counter


# -- the cases -----------------------------------------------------------------------------------------------------


def trackers() -> dict[str, Callable[[type], type] | None]:
    """Make the decorator of each level; trackers stand side by side, so that all levels run in one process."""
    decorators: dict[str, Callable[[type], type] | None] = {"plain": None}
    for level in LEVELS:
        tracker = Tracker()
        if level != "off":
            name, _, frames = level.partition(" ")
            tracker.start(name, policy="record", report=False, frames=int(frames or 16))
        decorators[level] = tracker.tracked_as
    return decorators


def cases(*, fast: bool) -> Iterator[tuple[str, Loop]]:
    """Give every case by name."""
    for level, decorate in trackers().items():
        for use, statement in USES.items():
            yield f"{use}: {level}", workloads.using("class", statement, decorate, CLOCK)
        for callers in CALLERS:
            yield f"class, {callers}: {level}", workloads.cycle("class", decorate, CLOCK, callers)
        for name in [] if fast else [*CLASSES][1:]:
            yield f"{name}, loop: {level}", workloads.cycle(name, decorate, CLOCK)
    for callers in CALLERS:
        yield f"class, {callers}: finalize", workloads.finalized("class", CLOCK, callers)
    for name in [] if fast else [*CLASSES][1:]:
        yield f"{name}, loop: finalize", workloads.finalized(name, CLOCK)
    yield "capture 16, anew", workloads.captures(make_capture(16), CLOCK, "two")
    yield "capture 16, shared", workloads.captures(make_capture(16), CLOCK, "one")
    yield "extract_stack", workloads.extracts(16, CLOCK)
    yield "call, two", workloads.call_of("pass", CLOCK, "two")
    yield "call, one", workloads.call_of("pass", CLOCK, "one")


# -- a worker ------------------------------------------------------------------------------------------------------


def work(turns: int, *, fast: bool) -> dict[str, float]:
    """Time all cases in turns; give the least seconds of one round for each."""
    loops = dict(cases(fast=fast))
    rounds: dict[str, int] = {}
    for name, loop in loops.items():
        loop(50)
        rounds[name] = max(10, int(SLICE / (loop(200) / 200)))
    best = dict.fromkeys(loops, float("inf"))
    for turn in range(turns):
        order = list(loops) if turn % 2 else list(reversed(loops))
        for name in order:
            # each slice under frames of its own, which no other case has left a note on
            seconds = at_depth(DEPTH, partial(loops[name], rounds[name]))
            best[name] = min(best[name], seconds / rounds[name])
    return best


def start_worker(number: int, turns: int, *, fast: bool) -> dict[str, float]:
    """Run a worker in a fresh process."""
    command = [sys.executable, __file__, "--worker", "--turns", str(turns), *(["--fast"] if fast else [])]
    environment = {**os.environ, "PYTHONHASHSEED": str(number)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


_IMPORT = "from time import perf_counter as clock; began = clock(); {statement}; print(clock() - began)"
IMPORTS = {
    "import lifetrack": "import lifetrack",
    "import lifetrack, declare": "import lifetrack; lifetrack.tracked",
    "import lifetrack, declare, start": "import lifetrack; lifetrack.start(report=False)",
    "import wrapt": "import wrapt",
}


def import_times(times: int) -> dict[str, float]:
    """Time imports in fresh processes, in turns; give the medians."""
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(times + 1):
        for name, statement in IMPORTS.items():
            command = [sys.executable, "-c", _IMPORT.format(statement=statement)]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
            found[name].append(float(done.stdout))
    return {name: statistics.median(values[1:]) for name, values in found.items()}  # the first fills the caches


# -- the table -----------------------------------------------------------------------------------------------------

Row = tuple[str, Callable[[dict[str, float]], float], float | None]


def _ratio(one: str, other: str) -> Callable[[dict[str, float]], float]:
    return lambda times: times[one] / times[other]


def _less(one: str, other: str, overhead: str) -> Callable[[dict[str, float]], float]:
    return lambda times: (times[one] - times[overhead]) / (times[other] - times["call, two"])


def _extra(name: str, callers: str, level: str) -> Callable[[dict[str, float]], float]:
    case = f"{name}, {callers}"

    def extra(times: dict[str, float]) -> float:
        finalize = times[f"{case}: finalize"] - times[f"{case}: plain"]
        return (times[f"{case}: {level}"] - times[f"{case}: plain"]) / finalize

    return extra


def rows(*, fast: bool) -> Iterator[Row]:
    """Give the rows of the table: what, how it is computed, and the most it may be."""
    for use in USES:
        for level in LEVELS:
            yield f"{use}, {level} / plain", _ratio(f"{use}: {level}", f"{use}: plain"), 1.03
    for name in ["class"] if fast else CLASSES:
        yield f"create + close, off / plain, {name}", _ratio(f"{name}, loop: off", f"{name}, loop: plain"), 1.03
    targets = {"counts": 1.0, "sites": 1.0, "stacks 8": 2.0, "stacks 16": 3.0}
    for level, target in targets.items():
        for callers, words in CALLERS.items():
            promised = None if callers in ANEW else target
            yield f"extra, {level} / finalize, {words}", _extra("class", callers, level), promised
    for level, target in {} if fast else targets.items():
        for name in [*CLASSES][1:]:
            promised = None if name.startswith("subclass") else target
            yield f"extra, {level} / finalize, {name}", _extra(name, "loop", level), promised
    yield "capture 16 / extract_stack(limit=16), anew", _less("capture 16, anew", "extract_stack", "call, two"), 0.1
    yield "capture 16 / extract_stack(limit=16), shared", _less("capture 16, shared", "extract_stack", "call, one"), 0.1
    yield "import lifetrack / import wrapt", _ratio("import lifetrack", "import wrapt"), 3.0
    yield "import and declare / import wrapt", _ratio("import lifetrack, declare", "import wrapt"), None
    yield "import, declare and start / import wrapt", _ratio("import lifetrack, declare, start", "import wrapt"), None


def show(measured: list[dict[str, float]], *, fast: bool) -> bool:
    """Print the table; give whether all figures are within their targets."""
    within = True
    print(f"Python {platform.python_version()}, {len(measured)} processes, {DEPTH} frames deep")
    print(f"{'figure':<70} {'ratio':>6} {'target':>7}")
    for name, figure, target in rows(fast=fast):
        ratio = statistics.median(figure(times) for times in measured)
        verdict = "" if target is None else "ok" if round(ratio, 2) <= target else "over"
        within = within and verdict != "over"
        print(f"{name:<70} {ratio:>6.2f} {'' if target is None else f'{target:.2f}':>7}  {verdict}".rstrip())
    plain, final = (
        statistics.median(times[f"class, loop: {what}"] for times in measured) for what in ("plain", "finalize")
    )
    print(f"create + close, plain: {plain * 1e9:.0f} ns; extra of finalize + detach: {(final - plain) * 1e9:.0f} ns")
    return within


def keep(measured: list[dict[str, float]], path: str) -> None:
    """Write all values in pyperf's format."""
    suite = [
        pyperf.Benchmark(
            [
                pyperf.Run([times[name]], metadata={"name": name, "unit": "second"}, collect_metadata=False)
                for times in measured
            ]
        )
        for name in measured[0]
    ]
    pyperf.BenchmarkSuite(suite).dump(path, replace=True)


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description="the figures that lifetrack promises, as ratios")
    parser.add_argument("--fast", action="store_true", help="fewer cases, fewer processes")
    parser.add_argument("--output", metavar="FILE", help="keep all values, for pyperf")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, help="how often each case takes its turn in a process")
    options: Any = parser.parse_args()
    turns = options.turns or (30 if options.fast else 60)
    if options.worker:
        print(json.dumps(work(turns, fast=options.fast)))
        return 0
    imports = import_times(3 if options.fast else 9)
    measured = [start_worker(number, turns, fast=options.fast) for number in range(1, 4 if options.fast else 6)]
    measured = [{**times, **imports} for times in measured]
    if options.output:
        keep(measured, options.output)
    return 0 if show(measured, fast=options.fast) else 1


if __name__ == "__main__":
    raise SystemExit(main())
