"""What watching costs: ``python benchmarks/watching.py [--fast]``, each thing with it and without, as a ratio.

All cases take turns in short slices; the tracker is switched between the slices, after which each case warms up. A case
counts in one process with its fastest slice, and the middle one of the processes' ratios is shown: memory layout and
hash seeds differ. The standard library is watched as ``lifetrack run`` watches it. The status is 1 if a figure is over
its target.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from workloads import Loop, at_depth, call_of  # noqa: E402

from lifetrack.tracker import Tracker  # noqa: E402

#: Frames of user code under everything that is timed, and seconds for one slice of one case.
DEPTH, SLICE = 24, 0.0015
LEVELS = ("sites", "stacks")
#: Time of the processor, for a machine with neighbours: who else runs meanwhile does not count.
CLOCK = time.process_time
#: Each case with the most that it may be at each level; None is shown and not promised.
CASES: dict[str, tuple[str, float | None, float | None]] = {
    "open + close": ("opened(path).close()", 1.5, 2.0),
    "open + close, by with": ("with opened(path): pass", 1.5, 2.0),
    "open + close, binary": ("opened(path, 'rb').close()", None, None),
    "open + close, unbuffered": ("opened(path, 'rb', buffering=0).close()", None, None),
    "os.open + os.close": ("close(os_open(path, 0))", None, None),
    "socket pair made + closed": ("one, two = pair(); one.close(); two.close()", 1.5, None),
    "socket made + closed": ("sock = make(); sock.close()", None, None),
    "file: write and flush": ("out.seek(0); out.write('words of a line\\n'); out.flush()", 1.03, 1.03),
    "file: read": ("text.seek(0); text.read()", 1.03, 1.03),
    "file: lines": ("text.seek(0)\n        for line in text: pass", 1.03, 1.03),
    "file: binary read": ("raw.seek(0); raw.read(4096)", 1.03, 1.03),
    "socket: send and receive": ("left.send(b'words'); right.recv(5)", 1.03, 1.03),
}


def things(folder: Path) -> dict[str, Any]:
    """Open what is read and written, watched if a tracker is on."""
    path = folder / "lines.txt"
    path.write_text("some words that make a line\n" * 300)
    left, right = socket.socketpair()
    return {
        "path": str(path), "opened": open, "os_open": os.open, "close": os.close, "pair": socket.socketpair,
        "make": socket.socket, "out": open(folder / "out.txt", "w"), "text": open(path), "raw": open(path, "rb"),
        "left": left, "right": right,
    }  # fmt: skip


def loops(folder: Path) -> dict[str, Loop]:
    """Make the loops of all cases; each has code and things of its own."""
    return {name: call_of(body, CLOCK, **things(folder)) for name, (body, *_) in CASES.items()}


def work(turns: int, folder: Path) -> dict[str, float]:
    """Time all cases in turns; give the least seconds of one round for each."""
    tracker = Tracker()
    made: dict[str, dict[str, Loop]] = {"plain": loops(folder)}
    for level in LEVELS:
        tracker.start(level, policy="record", watch="stdlib", report=False)
        made[level] = loops(folder)
    tracker.stop()
    rounds = {name: max(5, int(SLICE / (loop(200) / 200))) for name, loop in made["plain"].items()}
    best: dict[str, float] = {}
    for turn in range(turns):
        for level in ("plain", *LEVELS) if turn % 2 else (*LEVELS[::-1], "plain"):
            if level != "plain":
                tracker.start(level, policy="record", watch="stdlib", report=False)
            for name, loop in made[level].items():
                at_depth(DEPTH, partial(loop, 50))
                seconds = at_depth(DEPTH, partial(loop, rounds[name])) / rounds[name]
                key = f"{name}: {level}"
                best[key] = min(best.get(key, seconds), seconds)
            tracker.stop()
    return best


def start_worker(number: int, turns: int) -> dict[str, float]:
    """Run a worker in a fresh process."""
    command = [sys.executable, "-W", "ignore", __file__, "--worker", "--turns", str(turns)]
    environment = {**os.environ, "PYTHONHASHSEED": str(number)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def rows() -> Iterator[tuple[str, str, Callable[[dict[str, float]], float], float | None]]:
    """Give what each row shows, how it is computed, and the most it may be."""
    for name, (_, *targets) in CASES.items():
        for level, target in zip(LEVELS, targets, strict=True):

            def ratio(times: dict[str, float], name: str = name, level: str = level) -> float:
                return times[f"{name}: {level}"] / times[f"{name}: plain"]

            yield name, level, ratio, target


def show(measured: list[dict[str, float]]) -> bool:
    """Print the table; give whether all figures are within their targets."""
    within = True
    print(f"Python {platform.python_version()}, {len(measured)} processes, {DEPTH} frames deep")
    print(f"{'figure':<44} {'plain':>9} {'ratio':>6} {'target':>7}")
    for name, level, figure, target in rows():
        ratio = statistics.median(figure(times) for times in measured)
        plain = statistics.median(times[f"{name}: plain"] for times in measured)
        verdict = "" if target is None else "ok" if round(ratio, 2) <= target else "over"
        within = within and verdict != "over"
        shown = "" if target is None else f"{target:.2f}"
        print(f"{name + ', ' + level:<44} {plain * 1e6:6.2f} us {ratio:>6.2f} {shown:>7}  {verdict}".rstrip())
    return within


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description="what watching costs, as ratios")
    parser.add_argument("--fast", action="store_true", help="fewer turns and processes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, help="how often each case takes its turn in a process")
    options = parser.parse_args()
    turns = options.turns or (40 if options.fast else 120)
    if options.worker:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(work(turns, Path(folder))))
        return 0
    measured = [start_worker(number, turns) for number in range(1, 3 if options.fast else 6)]
    return 0 if show(measured) else 1


if __name__ == "__main__":
    raise SystemExit(main())
