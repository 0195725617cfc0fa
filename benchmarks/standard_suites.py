"""Run the standard library's own tests with and without lifetrack, and compare what each single test gave.

    python benchmarks/standard_suites.py [MODULE...] [--table FILE] [--full]

Run it with the Python whose tests are wanted; lifetrack's own dependencies must be importable there. Every module of
the ``test`` package that is about something watched runs as ``python -m test MODULE`` and as ``python -m lifetrack run
-m test MODULE``, in a network namespace that has loopback only where the system allows that. Compared are the outcome
of each test, the exit status, the warnings of the test runner about a changed environment, and every ResourceWarning. A
difference counts when it comes again: tests that race with a clock differ by themselves. The status is 1 if there is
one.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
MODULES = """
test_io test_fileio test_file test_fileinput test_largefile test_os test_posix test_pty test_openpty test_fcntl
test_select test_poll test_epoll test_selectors test_mmap test_memoryio test_codecs test_univnewlines test_bufio
test_socket test_ssl test_socketserver test_asyncore test_asynchat test_httpservers test_httplib test_http_cookiejar
test_wsgiref test_urllib test_urllib2 test_urllib2_localnet test_urllib_response test_urllib2net test_urllibnet
test_xmlrpc test_smtplib test_ftplib test_poplib test_imaplib test_nntplib test_telnetlib test_sqlite3 test_dbm
test_dbm_dumb test_dbm_gnu test_dbm_ndbm test_dbm_sqlite3 test_shelve test_mailbox test_tempfile test_zipfile
test_zipfile64 test_zipimport test_tarfile test_gzip test_bz2 test_lzma test_shutil test_pathlib test_glob
test_filecmp test_netrc test_wave test_subprocess test_popen test_threading test_thread test_threadedtempfile
test_threading_local test_threadsignals test_signal test_sched test_queue test_concurrent_futures
test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
test_multiprocessing_main_handling test_fork1 test_wait3 test_wait4 test_posix_spawn test_asyncio test_asyncgen
test_coroutines test_generators test_contextlib test_contextlib_async test_context test_logging test_warnings
test_faulthandler test_support test_atexit test_builtin test_inspect test_pickle test_pickletools test_copy
test_copyreg test_weakref test_gc test_descr test_functools test_typing test_abc test_pydoc test_runpy test_import
test_importlib test_modulefinder test_traceback test_sys test_sys_settrace test_sys_setprofile test_audit test_site
test_tokenize test_linecache test_cgi test_configparser test_csv test_json test_plistlib test_uuid test_venv
test_webbrowser
""".split()
#: Take minutes each: only with --full, or by name.
SLOW = frozenset(
    "test_multiprocessing_spawn test_multiprocessing_forkserver test_zipfile64 test_venv test_largefile".split()
)
#: What differs from run to run in a warning.
VARYING = re.compile(r"0x[0-9a-f]+|fd=\d+|\d{4,}|tmp\w{8}\b|pid \d+|\('127\.0\.0\.1', \d+\)|name='?\w+'?")
WARNING = re.compile(r".*?((?:ResourceWarning|Warning --).*)")
#: Left out, for they wait for ever where the machine has sockets of virtual machines but nobody at the other end.
IGNORED = ("--ignore", "*VSOCK*")
#: Want the network, and mean loopback.
LOOPBACK = frozenset({"test_socketserver"})


class Run(NamedTuple):
    """What one run of a module gave."""

    status: int
    outcomes: dict[str, str]
    warnings: collections.Counter[str]
    seconds: float
    output: str


def outcome(case: ElementTree.Element) -> str:
    """Name how one test ended."""
    for child in case:
        if child.tag in ("failure", "error", "skipped"):
            return child.tag
    return case.get("result", "completed")


def outcomes_of(path: Path) -> dict[str, str]:
    """Read the outcome of each test; one that ran several times has the worst."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name, ended = case.get("name", "?"), outcome(case)
        if found.get(name, "completed") in ("completed", "skipped"):
            found[name] = ended
    return found


def run(module: str, watched: list[str] | None, limit: float) -> Run:
    """Run a module of tests in a folder of its own."""
    start = [sys.executable, "-W", "default"]
    with tempfile.TemporaryDirectory(prefix="suite") as name:
        results = Path(name, "junit.xml")
        command = [*start, *([] if watched is None else ["-m", "lifetrack", "run", *watched])]
        command += ["-m", "test", "--junit-xml", str(results), "--tempdir", name, *IGNORED]
        command += ["-u", "network", module] if module in LOOPBACK else [module]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0", "HOME": name}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryFile("w+", errors="backslashreplace") as out:
            child = subprocess.Popen(
                command,
                cwd=name,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                status = child.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                status = child.wait()
            out.seek(0)
            output = out.read()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines = [match[1] for line in output.splitlines() if (match := WARNING.match(line))]
        warned = collections.Counter(VARYING.sub("~", line) for line in lines)
        return Run(status, outcomes_of(results), warned, seconds, output)


def differences(plain: Run, watched: Run) -> set[str]:
    """Name what is not the same."""
    names = {*plain.outcomes, *watched.outcomes}
    found = {
        f"{name}: {plain.outcomes.get(name, 'absent')} -> {watched.outcomes.get(name, 'absent')}"
        for name in names
        if plain.outcomes.get(name) != watched.outcomes.get(name)
    }
    if plain.status != watched.status:
        found.add(f"exit status: {plain.status} -> {watched.status}")
    for line in {*plain.warnings, *watched.warnings}:
        if plain.warnings[line] != watched.warnings[line]:
            found.add(f"{line}: {plain.warnings[line]} -> {watched.warnings[line]} times")
    return found


class Row(NamedTuple):
    """One row of the table."""

    module: str
    tests: int
    skipped: int
    unsuccessful: int
    plain: float
    watched: float
    differing: list[str]


def compare(module: str, options: list[str], limit: float, repeats: int, keep: Path | None) -> Row:
    """Run a module both ways; again, where there is a difference, until it is gone or has come each time."""
    common: set[str] | None = None
    for number in range(repeats):
        first, second = (run(module, options, limit), run(module, None, limit))
        watched, plain = first, second
        found = differences(plain, watched)
        common = found if common is None else common & found
        if keep is not None and found:
            for kind, each in (("plain", plain), ("watched", watched)):
                (keep / f"{module}-{number}-{kind}.txt").write_text(each.output, errors="backslashreplace")
        if not common:
            break
    ended = collections.Counter(plain.outcomes.values())
    wrong = ended["failure"] + ended["error"]
    return Row(
        module, len(plain.outcomes), ended["skipped"], wrong, plain.seconds, watched.seconds, sorted(common or ())
    )


def installed(module: str) -> bool:
    """Whether this Python ships the module."""
    return importlib.util.find_spec("test") is not None and importlib.util.find_spec(f"test.{module}") is not None


def text(rows: list[Row], absent: list[str], options: list[str]) -> str:
    """Make the table for the docs."""
    version = ".".join(map(str, sys.version_info[:3]))
    lines = [f"Python {version}, `lifetrack run {' '.join(options)}`", ""]
    lines += ["| module | tests | skipped | fail without lifetrack too | differ |", "|---|---:|---:|---:|---|"]
    for row in rows:
        which = "; ".join(f"`{each}`" for each in row.differing) or "none"
        lines.append(f"| `{row.module}` | {row.tests} | {row.skipped} | {row.unsuccessful} | {which} |")
    tests, differing = sum(row.tests for row in rows), sum(bool(row.differing) for row in rows)
    plain, watched = sum(row.plain for row in rows), sum(row.watched for row in rows)
    seconds = f"User + system time {plain:.0f} s without, {watched:.0f} s with."
    lines += ["", f"{len(rows)} modules, {tests} tests, {differing} modules with a difference. {seconds}"]
    if absent:
        lines += ["", "Not in this installation: " + ", ".join(f"`{module}`" for module in absent) + "."]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description="the standard library's tests with and without lifetrack")
    parser.add_argument("modules", nargs="*", help="modules of the test package; all that concern something watched")
    parser.add_argument("--full", action="store_true", help="the slow ones too")
    parser.add_argument("--table", metavar="FILE", help="write the table there")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep the output of runs that differ")
    parser.add_argument("--limit", type=float, default=900, help="seconds for one run of a module")
    parser.add_argument("--repeats", type=int, default=3, help="how often a difference must come to count")
    parser.add_argument("--options", default="--level stacks", help="of lifetrack run")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.apart and shutil.which("unshare"):
        if not subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode:
            command = [*ALONE, sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--apart"]
            return subprocess.run(command, check=False).returncode
    wanted = given.modules or [module for module in MODULES if given.full or module not in SLOW]
    present = [module for module in wanted if installed(module)]
    options = given.options.split()
    rows = []
    for module in present:
        row = compare(module, options, given.limit, given.repeats, given.keep)
        rows.append(row)
        times = f"{row.plain:7.2f} s {row.watched:7.2f} s"
        print(
            f"{module:36} {row.tests:5} tests {row.unsuccessful:3} fail {times}  {len(row.differing)} differ",
            flush=True,
        )
        for each in row.differing:
            print(f"    {each}", flush=True)
    table = text(rows, [module for module in wanted if module not in present], options)
    if given.table:
        Path(given.table).write_text(table)
    return 1 if any(row.differing for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
