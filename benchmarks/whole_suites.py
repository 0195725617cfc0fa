"""Run whole test suites of real packages: plain, under lifetrack, and with the interpreter's own development mode.

    python benchmarks/whole_suites.py [--repeats N] [--folder FOLDER] [WORD...]   # only suites whose name has a word

Each suite comes with its source distribution from the registry that pip is set to, into a temporary folder (or one that
is named, to be used again), and runs as ``python -m pytest``, as ``lifetrack run --level stacks -m pytest`` and, once,
as ``python -X dev -X tracemalloc=16 -m pytest``, in turns, in a network namespace that has loopback only where the
system allows that. The ratios are of user + system time: that of one turn to the plain run of the same turn; the middle
one is shown. The status is 1 where lifetrack takes more than 1.10 of plain, or not less than the development mode.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

from suites import SUITES, Done, Suite, go_on_alone, prepare, python_of, run

#: The most that lifetrack may take, as a ratio to plain.
TARGET = 1.10
OUTCOME = re.compile(r"^=*\s?((?:\d+ \w+,? ?)+)(?: in [\d.]+s.*)?$", re.MULTILINE)
#: pytest's own counts that must be the same with and without.
COUNTED = ("passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed")


def ways(python: str, report: Path) -> dict[str, list[str]]:
    """Give the beginning of the command for each way."""
    return {
        "plain": [python],
        "lifetrack": [python, "-m", "lifetrack", "run", "--level", "stacks", "--report", str(report)],
        "dev": [python, "-X", "dev", "-X", "tracemalloc=16"],
    }


def outcome(done: Done) -> dict[str, int]:
    """Read how many tests passed, failed and so on."""
    lines = [found[1] for found in OUTCOME.finditer(done.output) if any(word in found[1] for word in COUNTED)]
    pairs = re.findall(r"(\d+) (\w+)", lines[-1]) if lines else []
    return {word: int(number) for number, word in pairs if word in COUNTED}


def found(report: Path, folder: Path) -> list[str]:
    """Give a line for each finding of a report."""
    lines = []
    for finding in json.loads(report.read_text())["findings"] if report.exists() else ():
        site = finding["site"] or {"file": "?", "line": 0, "function": "?"}
        place = re.sub(r".*/(?:site-packages|python3\.\d+)/", "", site["file"].removeprefix(str(folder) + os.sep))
        what = f"{finding['rule']} {finding['certainty']} {finding['count']} x {finding['resource']['type']}"
        lines.append(f"    {what} {place}:{site['line']} in {site['function']}")
    return lines


def measure(suite: Suite, folder: Path, repeats: int, limit: float, *, findings: bool, dev: bool) -> bool:
    """Run a suite all ways in turns and print its row; give whether it is within the targets."""
    report = folder / f"{suite.name}.json"
    commands = ways(python_of(suite, folder), report)
    run(suite, folder, commands["lifetrack"], limit=limit)  # fills caches of bytecode
    turns: list[dict[str, Done]] = []
    for number in range(repeats):
        # The development mode is many times slower, so once is enough to see that.
        order = [way for way in commands if way != "dev" or (dev and number == 0)]
        turns.append(
            {way: run(suite, folder, commands[way], limit=limit) for way in (order if number % 2 else order[::-1])}
        )
    for way, last in {**turns[0], **turns[-1]}.items():
        (folder / f"{suite.name}-{way}.txt").write_text(last.output, errors="backslashreplace")
    ratios = {
        way: statistics.median(turn[way].seconds / turn["plain"].seconds for turn in turns if way in turn)
        for way in turns[0]
    }
    plain = statistics.median(turn["plain"].seconds for turn in turns)
    outcomes = [(outcome(turn["plain"]), outcome(turn["lifetrack"])) for turn in turns]
    same = all(without == tracked for without, tracked in outcomes)
    mode = ratios.get("dev", math.inf)
    within = ratios["lifetrack"] <= TARGET and ratios["lifetrack"] < mode
    lines = found(report, folder)
    print(
        f"{suite.name + ' ' + suite.version:18} {outcomes[-1][0].get('passed', 0):6} {'same' if same else 'DIFFER':6} "
        f"{plain:8.2f} s {ratios['lifetrack']:10.3f} {mode:8.3f}  {'ok' if within else 'over'}  "
        f"{len(lines)} findings",
        flush=True,
    )
    if not same:
        print("    " + "; ".join(f"{without} -> {tracked}" for without, tracked in outcomes), flush=True)
    if findings:
        print("\n".join(lines), flush=True)
    return within


def main() -> int:
    """Prepare with the network, then go on without it, and print the table."""
    parser = argparse.ArgumentParser(description="whole test suites of real packages, with and without lifetrack")
    parser.add_argument("words", nargs="*", help="only suites whose name has one of these words")
    parser.add_argument("--repeats", type=int, default=5, help="turns of the three ways")
    parser.add_argument("--folder", metavar="FOLDER", help="where the environment is or shall be; else a temporary one")
    parser.add_argument("--limit", type=float, default=900, help="seconds for one run of a suite")
    parser.add_argument("--without-dev", action="store_true", help="leave out the slow development mode")
    parser.add_argument("--findings", action="store_true", help="list the findings of each suite")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    suites = [suite for suite in SUITES if not given.words or any(word in suite.name for word in given.words)]
    if given.apart:
        print(f"Python {sys.version.split()[0]}, {given.repeats} turns; user + system time, ratios to plain")
        print(f"{'suite':18} {'passed':>6} {'':6} {'plain':>10} {'lifetrack':>10} {'dev':>8}", flush=True)
        folder = Path(given.folder)
        options = {"findings": given.findings, "dev": not given.without_dev}
        fine = [measure(suite, folder, given.repeats, given.limit, **options) for suite in suites]
        return 0 if all(fine) else 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary).resolve()
        prepare(folder, suites)
        again = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--folder", str(folder), "--apart"]
        return go_on_alone(again)


if __name__ == "__main__":
    raise SystemExit(main())
