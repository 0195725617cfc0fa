"""What the pytest plugin costs: at pytest's start without the flag, and over whole suites of real packages with it.

    python benchmarks/plugin.py start [--rounds N]                  # pytest's start, with the plugin and without
    python benchmarks/plugin.py imports                             # what of lifetrack is imported without the flag
    python benchmarks/plugin.py suites [--folder FOLDER] [WORD...]  # user + system time over suites, as ratios

Both ways of a ratio take turns, run by run, because a machine with neighbours changes from minute to minute. The middle
of the ratios of neighbouring runs counts. Start and imports end with status 1 if their target is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ("-p", "lifetrack.pytest_plugin")
#: The most that the start may cost, as a ratio.
START = 1.01
#: What may be there without the flag.
THIN = {"lifetrack", "lifetrack.pytest_plugin"}
#: The ways of running a suite: words before and after ``-m pytest``.
WAYS = {
    "counts": ((), (*PLUGIN, "--lifetrack=counts", "--lifetrack-fail-on=never")),
    "stacks": ((), (*PLUGIN, "--lifetrack=stacks", "--lifetrack-fail-on=never")),
    "ResourceWarning as error, tracemalloc 16": (
        ("-X", "tracemalloc=16"),
        ("-W", "error::ResourceWarning"),
    ),
    "pytest-memray": ((), ("-p", "pytest_memray", "--memray")),
    "pytest-openfiles": ((), ("-p", "pytest_openfiles.plugin", "--open-files")),
}


def environment() -> dict[str, str]:
    """Nobody's settings and nobody's plugins but those that are named."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LIFETRACK", "PYTEST"))}
    return {**ours, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0"}


def seconds(arguments: tuple[str, ...], folder: str) -> float:
    """Start pytest once on a folder without tests; give its user + system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=folder, env=environment(), check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_start(rounds: int) -> bool:
    """Print the ratio of pytest's start with and without the plugin, and that of two equal ways as its noise."""
    with tempfile.TemporaryDirectory() as folder:
        for arguments in ((), PLUGIN):  # compiled files and warm caches for both
            seconds(arguments, folder)
        ways: dict[str, list[float]] = {"without": [], "again": [], "with": []}
        for turn in range(rounds):
            order = list(ways)
            for way in order[turn % 3 :] + order[: turn % 3]:
                ways[way].append(seconds(PLUGIN if way == "with" else (), folder))
    ratio, noise = (
        statistics.median(a / b for a, b in zip(ways[way], ways["without"], strict=True)) for way in ("with", "again")
    )
    plain = statistics.median(ways["without"])
    print(f"pytest's start without the flag: {ratio:.3f} of {plain * 1000:.0f} ms of user + system time")
    print(f"  two equal ways differ by {noise:.3f} ({rounds} rounds)")
    return ratio <= START * max(1.0, noise)


def show_imports() -> bool:
    """Print what of lifetrack the plugin imports without the flag, and the fastest time of ten that it takes."""
    code = "import pytest, lifetrack.pytest_plugin"
    rows: dict[str, list[int]] = {}
    for _ in range(10):
        command = [sys.executable, "-X", "importtime", "-c", code]
        done = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
        for line in done.stderr.splitlines():
            if line.startswith("import time:") and "lifetrack" in line:
                own, _, name = line.removeprefix("import time:").split("|")
                rows.setdefault(name.strip(), []).append(int(own))
    for name, times in rows.items():
        print(f"{name}: {min(times)} us of its own")
    return set(rows) == THIN


def measure_suites(folder: Path, words: list[str], rounds: int) -> None:
    """Print, for each suite, the ratio of every way to the plain one, and the middle and the worst at the end."""
    from suites import SUITES, Suite, prepare, run

    chosen = [suite for suite in SUITES if not words or any(word in suite.name for word in words)]
    more = Suite("pluggy", "1.7.0", "", "pytest-memray pytest-openfiles psutil")
    prepare(folder, [*(suite for suite in chosen), *([more] if not any(s.name == "pluggy" for s in chosen) else [])])
    python = str(folder / "venv/bin/python")
    subprocess.run([python, "-m", "pip", "-q", "install", *more.needs.split()], check=True)
    # The other two tools load themselves; they stay out of every run that is not theirs.
    silent = ("-p", "no:memray", "-p", "no:openfiles")
    ratios: dict[str, list[float]] = {way: [] for way in WAYS}
    for suite in chosen:
        found: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            plain = run(suite, folder, [python], silent).seconds
            for way, (before, after) in WAYS.items():
                quiet = () if way.startswith("pytest-") else silent
                found[way].append(run(suite, folder, [python, *before], (*quiet, *after)).seconds / plain)
        middle = {way: statistics.median(values) for way, values in found.items()}
        for way, ratio in middle.items():
            ratios[way].append(ratio)
        print(f"{suite.name:12}", "  ".join(f"{way} {ratio:.2f}" for way, ratio in middle.items()), flush=True)
    for way, values in ratios.items():
        print(f"{way:42} middle {statistics.median(values):.3f}  worst {max(values):.3f}")


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("start", "imports", "suites"))
    parser.add_argument("words", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    if options.what == "imports":
        return 0 if show_imports() else 1
    if options.what == "start":
        return 0 if measure_start(options.rounds or 30) else 1
    if options.folder is not None:
        measure_suites(options.folder.resolve(), options.words, options.rounds or 3)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        measure_suites(Path(folder), options.words, options.rounds or 3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
