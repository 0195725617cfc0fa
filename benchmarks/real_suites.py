"""Run whole test suites of real packages with and without ``pytest --lifetrack``: same outcomes? what is found?

    python benchmarks/real_suites.py [--folder FOLDER] [--level LEVEL] [WORD...]   # only suites whose name has a word

Each suite comes with its source distribution from the registry that pip is set to, into a temporary folder (or one that
is named, to be used again), and runs unmodified with loopback only where the system allows that: once plain and once
with the standard library watched. Compared is the outcome of every single test. Every place of a finding gets a line,
with whose it is. The status is 1 if the outcomes of a suite differ.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from suites import MORE, SUITES, Done, Suite, go_on_alone, prepare, python_of, run

PLUGIN = ("-p", "lifetrack.pytest_plugin", "--lifetrack-watch=stdlib", "--lifetrack-fail-on=never")
#: How many tests are named for one place.
NAMED = 3
#: What differs from run to run in the name of a test: addresses and ports.
VARYING = re.compile(r"0x[0-9a-f]+|\b\d{5}\b")


def outcomes(path: Path) -> dict[str, str]:
    """Read how every test ended; one that ran several times has all of its endings, in order."""
    found: dict[str, str] = {}
    if not path.exists():
        return found
    for case in ElementTree.parse(path).iter("testcase"):
        name = VARYING.sub("~", f"{case.get('classname')}::{case.get('name')}")
        ended = sorted({child.tag for child in case if child.tag in ("failure", "error", "skipped")}) or ["passed"]
        found[name] = ", ".join(filter(None, (found.get(name), *ended)))
    return found


def short(file: str, folder: Path) -> str:
    """Name a file without what differs from machine to machine."""
    inside = file.removeprefix(str(folder) + os.sep)
    return re.sub(r".*/(?:site-packages|python3\.\d+)/", "", re.sub(r"^suites/[^/]*/[^/]*/", "", inside))


def whose(finding: dict[str, Any]) -> str:
    """Name the owner of a finding: a test, a fixture or the process."""
    return finding["test"] or " ".join((finding["owner"]["kind"], finding["owner"]["name"]))


def has_failed(finding: dict[str, Any], ended: dict[str, str]) -> bool:
    """Whether the test failed anyway that a finding is about: then it is a consequence."""
    file, _, names = (finding["test"] or "").partition("::")
    *classes, name = names.split("::")
    dotted = ".".join((file.removesuffix(".py").replace("/", "."), *classes))
    return ended.get(VARYING.sub("~", f"{dotted}::{name}"), "passed") not in {"passed", "skipped"}


def lines_of(report: Path, folder: Path, ended: dict[str, str]) -> list[str]:
    """Give a line for each place of a finding, and one for whose the first of them is."""
    lines = []
    for finding in json.loads(report.read_text())["findings"] if report.exists() else ():
        site = finding["site"] or {"file": "?", "line": 0, "function": "?"}
        kind = f"{finding['rule']} {finding['certainty']} {finding['count']} x {finding['resource']['type']}"
        lines += [
            f"    {kind} {short(site['file'], folder)}:{site['line']} in {site['function']}",
            f"        {whose(finding)}{' (failed, with and without)' * has_failed(finding, ended)}",
        ]
    return lines


def look_at(suite: Suite, folder: Path, level: str, limit: float) -> bool:
    """Run a suite both ways and print its row with the findings; give whether the outcomes are the same."""
    python, report = python_of(suite, folder), folder / f"{suite.name}.json"
    ways = {"plain": (), "tracked": (*PLUGIN, f"--lifetrack={level}", f"--lifetrack-report={report}")}
    report.unlink(missing_ok=True)
    ended: dict[str, dict[str, str]] = {}
    done: dict[str, Done] = {}
    for way, more in ways.items():
        results = folder / f"{suite.name}-{way}.xml"
        results.unlink(missing_ok=True)
        done[way] = run(suite, folder, [python], [*more, f"--junit-xml={results}"], limit)
        ended[way] = outcomes(results)
        (folder / f"{suite.name}-{way}.txt").write_text(done[way].output, errors="backslashreplace")
    plain, tracked = ended["plain"], ended["tracked"]
    same = plain == tracked and done["plain"].status == done["tracked"].status
    totals = json.loads(report.read_text())["totals"] if report.exists() else {}
    passed = sum(outcome == "passed" for outcome in plain.values())
    other = len(plain) - passed
    print(
        f"{suite.name + ' ' + suite.version:18} {passed:5} {other:5}  {'same' if same else 'DIFFER':6} "
        f"{totals.get('acquired', 0):8} {totals.get('findings', 0):6} "
        f"{done['plain'].seconds:8.2f} s {done['tracked'].seconds:8.2f} s",
        flush=True,
    )
    if done["plain"].status != done["tracked"].status:
        print(f"    exit status {done['plain'].status} -> {done['tracked'].status}")
    for name in sorted(plain.keys() | tracked.keys()):
        if plain.get(name) != tracked.get(name):
            print(f"    {name}: {plain.get(name)} -> {tracked.get(name)}")
    print("".join(f"{line}\n" for line in lines_of(report, folder, plain)), end="", flush=True)
    return same


def main() -> int:
    """Prepare with the network, then go on without it, and print the table."""
    parser = argparse.ArgumentParser(description="whole test suites of real packages, with and without the plugin")
    parser.add_argument("words", nargs="*", help="only suites whose name has one of these words")
    parser.add_argument("--folder", metavar="FOLDER", help="where the environment is or shall be; else a temporary one")
    parser.add_argument("--level", default="stacks", help="the level of lifetrack")
    parser.add_argument("--limit", type=float, default=900, help="seconds for one run of a suite")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    suites = [suite for suite in SUITES + MORE if not given.words or any(word in suite.name for word in given.words)]
    if given.apart:
        print(f"Python {sys.version.split()[0]}, level {given.level}; user + system time")
        print(f"{'suite':18} {'passed':>5} other  {'':6} acquired findings   without       with", flush=True)
        same = [look_at(suite, Path(given.folder), given.level, given.limit) for suite in suites]
        return 0 if all(same) else 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary).resolve()
        prepare(folder, suites)
        again = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--folder", str(folder), "--apart"]
        return go_on_alone(again)


if __name__ == "__main__":
    raise SystemExit(main())
