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
import resource
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
#: The most that lifetrack may take, as a ratio to plain.
TARGET = 1.10
OUTCOME = re.compile(r"^=*\s?((?:\d+ \w+,? ?)+)(?: in [\d.]+s.*)?$", re.MULTILINE)
#: pytest's own counts that must be the same with and without.
COUNTED = ("passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed")


class Suite(NamedTuple):
    """One suite: the distribution it comes with, what else it needs, and the arguments of pytest."""

    name: str
    version: str
    arguments: str
    needs: str = ""


SUITES = (
    Suite("pluggy", "1.7.0", "testing"),
    Suite("waitress", "3.0.2", "-o addopts= tests"),
    Suite("diskcache", "5.6.3", "-o addopts= --ignore tests/test_djangocache.py --ignore tests/test_doctest.py tests"),
    Suite(
        "requests",
        "2.34.2",
        "tests -k 'not connect_timeout and not total_timeout_connect'",
        "pytest-httpbin httpbin trustme pytest-mock PySocks",
    ),
    Suite(
        "werkzeug",
        "3.1.9",
        "-m 'not dev_server' tests",
        "cryptography ephemeral-port-reserve pytest-timeout pytest-xprocess watchdog",
    ),
    Suite("watchdog", "7.1.0", "-o addopts= tests", "pytest-timeout flaky pyyaml eventlet"),
    Suite(
        "httpx",
        "0.28.1",
        "tests -k 'not connect_timeout'",
        "chardet trio trustme uvicorn h2 socksio zstandard brotli",
    ),
    Suite("tornado", "6.6.1", "--pyargs tornado.test"),
    Suite("anyio", "4.16.0", "tests -k 'asyncio and not uvloop and not ipv6'",
          "trio pytest-mock psutil hypothesis trustme blockbuster exceptiongroup truststore"),
)  # fmt: skip


class Run(NamedTuple):
    """What one run of a suite gave."""

    seconds: float
    outcome: dict[str, int]
    output: str


def prepare(folder: Path, suites: list[Suite]) -> None:
    """Make the environment and unpack the suites; what a named folder has already is kept."""
    python = folder / "venv/bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q"]
    wanted = [word for suite in suites for word in (f"{suite.name}=={suite.version}", *suite.needs.split())]
    subprocess.run([*pip, "install", "wrapt", "pytest", *dict.fromkeys(wanted)], check=True)
    for suite in suites:
        where = folder / "suites" / suite.name
        if where.exists():
            continue
        release = f"{suite.name}=={suite.version}"
        source = ["download", "--no-deps", "--no-binary", suite.name, "-d", str(where), release]
        subprocess.run([*pip, *source], check=True)
        for path in list(where.iterdir()):
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(where)
            else:
                with tarfile.open(path) as archive:
                    archive.extractall(where, filter="data")


def ways(python: str, report: Path) -> dict[str, list[str]]:
    """Give the beginning of the command for each way."""
    return {
        "plain": [python],
        "lifetrack": [python, "-m", "lifetrack", "run", "--level", "stacks", "--report", str(report)],
        "dev": [python, "-X", "dev", "-X", "tracemalloc=16"],
    }


def run(suite: Suite, folder: Path, start: list[str], limit: float) -> Run:
    """Run a suite once."""
    where = next(path for path in (folder / "suites" / suite.name).iterdir() if path.is_dir())
    command = [*start, "-m", "pytest", "-q", "-p", "no:cacheprovider", *shlex.split(suite.arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "HOME": str(folder), "COLUMNS": "100"}
    for name in ("PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+", errors="backslashreplace") as out:
        child = subprocess.Popen(
            command,
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        out.seek(0)
        output = out.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [found[1] for found in OUTCOME.finditer(output) if any(word in found[1] for word in COUNTED)]
    pairs = re.findall(r"(\d+) (\w+)", lines[-1]) if lines else []
    return Run(seconds, {word: int(number) for number, word in pairs if word in COUNTED}, output)


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
    commands = ways(str(folder / "venv/bin/python"), report)
    run(suite, folder, commands["lifetrack"], limit)  # fills caches of bytecode
    turns: list[dict[str, Run]] = []
    for number in range(repeats):
        # The development mode is many times slower, so once is enough to see that.
        order = [way for way in commands if way != "dev" or (dev and number == 0)]
        turns.append({way: run(suite, folder, commands[way], limit) for way in (order if number % 2 else order[::-1])})
    for way, last in {**turns[0], **turns[-1]}.items():
        (folder / f"{suite.name}-{way}.txt").write_text(last.output, errors="backslashreplace")
    ratios = {
        way: statistics.median(turn[way].seconds / turn["plain"].seconds for turn in turns if way in turn)
        for way in turns[0]
    }
    plain = statistics.median(turn["plain"].seconds for turn in turns)
    outcome = turns[-1]["plain"].outcome
    same = all(turn["lifetrack"].outcome == turn["plain"].outcome for turn in turns)
    mode = ratios.get("dev", math.inf)
    within = ratios["lifetrack"] <= TARGET and ratios["lifetrack"] < mode
    lines = found(report, folder)
    print(
        f"{suite.name + ' ' + suite.version:18} {outcome.get('passed', 0):6} {'same' if same else 'DIFFER':6} "
        f"{plain:8.2f} s {ratios['lifetrack']:10.3f} {mode:8.3f}  {'ok' if within else 'over'}  "
        f"{len(lines)} findings",
        flush=True,
    )
    if not same:
        print(
            "    " + "; ".join(f"{turn['plain'].outcome} -> {turn['lifetrack'].outcome}" for turn in turns), flush=True
        )
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
        possible = (
            shutil.which("unshare")
            and not subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode
        )
        return subprocess.run([*ALONE, *again] if possible else again, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
