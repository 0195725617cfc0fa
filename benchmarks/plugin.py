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

from suites import ROOT, SUITES, Suite, go_on_alone, prepare, python_of, run

PLUGIN = ("-p", "lifetrack.pytest_plugin")
#: The most that the start may cost, as a ratio.
START = 1.01
#: What may be there without the flag.
THIN = {"lifetrack", "lifetrack.pytest_plugin", "lifetrack.pytest_plugin.registration"}
#: The ways of running a suite: words before and after ``-m pytest``.
WAYS = {
    "counts": ((), (*PLUGIN, "--lifetrack=counts", "--lifetrack-fail-on=never")),
    "stacks": ((), (*PLUGIN, "--lifetrack=stacks", "--lifetrack-fail-on=never")),
    "ResourceWarning as error, tracemalloc 16": (
        ("-X", "tracemalloc=16"),
        ("-W", "error::ResourceWarning"),
    ),
    "pytest-memray": ((), ("--memray",)),
    "pytest-openfiles": ((), ("--open-files",)),
}


#: What else is compared with.
TOOLS = "pytest-memray pytest-openfiles psutil"
#: What the tools are switched on by, and the names that they load themselves under.
ENTRY_POINTS = {"--memray": "memray", "--open-files": "pytest_openfiles"}
#: The exit statuses of pytest after a run to the end.
RAN = (0, 1)


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


def chosen_suites(words: list[str]) -> list[Suite]:
    """Give the suites whose name has one of the words; all where there are none."""
    return [suite for suite in SUITES if not words or any(word in suite.name for word in words)]


def measure_suites(folder: Path, words: list[str], rounds: int) -> None:
    """Print, for each suite, the ratio of every way to the plain one, and the middle and the worst at the end."""
    ratios: dict[str, list[float]] = {way: [] for way in WAYS}
    for suite in chosen_suites(words):
        middle = measure_suite(suite, folder, rounds)
        for way, ratio in middle.items():
            ratios[way].append(ratio)
        told = (
            f"{way} {ratio:.2f}" if way in middle else f"{way} did not run"
            for way, ratio in {**dict.fromkeys(WAYS, 0.0), **middle}.items()
        )
        print(f"{suite.name:12}", "  ".join(told), flush=True)
    for way, values in ratios.items():
        figures = f"middle {statistics.median(values):.3f}  worst {max(values):.3f}" if values else "did not run"
        print(f"{way:42} {figures}")


def measure_suite(suite: Suite, folder: Path, rounds: int) -> dict[str, float]:
    """Give the middle of the ratios of each way that ran."""
    python = python_of(suite, folder)
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        plain = run(suite, folder, [python], _without(())).seconds
        for way, (before, after) in WAYS.items():
            done = run(suite, folder, [python, *before], (*_without(after), *after))
            if done.status in RAN:
                found.setdefault(way, []).append(done.seconds / plain)
    return {way: statistics.median(values) for way, values in found.items()}


def _without(arguments: tuple[str, ...]) -> list[str]:
    """Keep the other two tools, which load themselves, out of every run that is not theirs."""
    return [word for flag, name in ENTRY_POINTS.items() if flag not in arguments for word in ("-p", f"no:{name}")]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("start", "imports", "suites"))
    parser.add_argument("words", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
    if options.what == "imports":
        return 0 if show_imports() else 1
    if options.what == "start":
        return 0 if measure_start(options.rounds or 30) else 1
    if options.apart:
        measure_suites(options.folder, options.words, options.rounds or 3)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        prepare(folder, chosen_suites(options.words), TOOLS)
        again = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--folder", str(folder), "--apart"]
        return go_on_alone(again)


if __name__ == "__main__":
    sys.exit(main())
