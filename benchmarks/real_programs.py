"""Run real programs with and without lifetrack: do they behave the same, what does it cost, what is found?

    python benchmarks/real_programs.py [WORD...]      # only the programs whose name has one of the words

The environment is made with pip in a temporary folder, from the registry that pip is set to. Programs work on a copy of
this repository's files, in a network namespace that has loopback only, where the system allows that.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PORT = 8731
FOLDER = "REAL_PROGRAMS_FOLDER"
#: What differs from run to run by itself: dates, times, durations, addresses, process ids, names of temporary folders.
VARYING = re.compile(
    r"0x[0-9a-f]+|\d+\.\d+ ?s(?:ec\w*)?\b|\d{4}-\d\d-\d\d[ T]|\d\d:\d\d:\d\d[.\d]*|\d\d/\w{3}/\d{4}"
    r"|[\d.:]+ ?\+\d{4}|[\[(]\d+[\])]|pid: ?\d+|tmp\w{8}\b"
)
REPORT = re.compile(r"^lifetrack: .*", re.MULTILINE | re.DOTALL)


class Program(NamedTuple):
    """One row: what to install, the command in the environment's folder of scripts, and what comes with it."""

    name: str
    install: str
    command: str
    tests: bool = False  #: it is the test suite of what is installed, out of its source distribution
    serves: int = 0  #: the signal that ends it, once it has answered a client
    server: str = ""  #: a server that runs beside it, without lifetrack


SUITE = "-m pytest -q -p no:cacheprovider -o addopts="
PROGRAMS = (
    Program("pyflakes", "pyflakes==4.1.0", "pyflakes lifetrack"),
    Program("black", "black==26.10.1", "black --check --diff -q examples"),
    Program("isort", "isort==9.0.2", "isort --check-only --diff lifetrack"),
    Program("pylint", "pylint==4.1.4", "pylint --score=n --disable=all --enable=E lifetrack/values"),
    Program("pygmentize", "pygments==2.19.2", "pygmentize -f html -o page.html lifetrack/tracker.py"),
    Program("smartypants", "smartypants==2.0.2", "smartypants README.md CHANGELOG.md CONTRIBUTING.md"),
    Program("docutils", "docutils==0.22.4", "rst2html5 page.rst"),
    Program("sphinx", "sphinx==9.0.4", "-m sphinx -q -E -b html -C -D root_doc=page site built"),
    Program("mkdocs", "mkdocs==1.6.1", "mkdocs -q build"),
    Program("pelican", "pelican==4.12.0 markdown", "pelican -q site -o output"),
    Program("sqlite-utils", "sqlite-utils==4.2.1", "sqlite-utils insert new.db rows rows.csv --csv --replace --pk a"),
    Program("litecli", "litecli", "litecli --liteclirc rc old.db -e 'select count(*) from rows'"),
    Program("httpie", "httpie==3.2.4", f"http --ignore-stdin :{PORT}/rows.csv", server=f"http.server {PORT}"),
    Program("http.server", "", f"-m http.server -b 127.0.0.1 {PORT}", serves=signal.SIGINT),
    Program("waitress", "waitress==3.0.2", f"waitress-serve --listen=127.0.0.1:{PORT} app:app", serves=signal.SIGINT),
    Program(
        "gunicorn",
        "gunicorn==27.0.1",
        f"gunicorn --no-control-socket -b 127.0.0.1:{PORT} app:app",
        serves=signal.SIGTERM,
    ),
    Program("pluggy's tests", "pluggy==1.7.0", f"{SUITE} testing", tests=True),
    Program(
        "diskcache's tests",
        "diskcache==5.6.3",
        f"{SUITE} --ignore tests/test_djangocache.py --ignore tests/test_doctest.py tests",
        tests=True,
    ),
    Program("waitress's tests", "waitress==3.0.2", f"{SUITE} tests", tests=True),
)


class Run(NamedTuple):
    """What one run of a program gave."""

    status: int
    output: str
    errors: str
    seconds: float


def prepare(folder: Path, programs: list[Program]) -> None:
    """Make the environment, the files that the programs work on, and unpack the suites."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "--disable-pip-version-check", "-q"]
    wanted = sorted({name for program in programs for name in program.install.split()})
    subprocess.run([*pip, "install", str(ROOT), "pytest", *wanted], check=True)
    for program in programs:
        if program.tests:
            name = program.install.partition("=")[0]
            where = folder / "suites" / name
            subprocess.run(
                [*pip, "download", "--no-deps", "--no-binary", name, "-d", str(where), program.install], check=True
            )
            with tarfile.open(next(where.glob("*.tar.gz"))) as archive:
                archive.extractall(where, filter="data")
    work = folder / "work"
    for name in ("lifetrack", "examples", "docs"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.md"):
        shutil.copy(path, work)
    (work / "rows.csv").write_text("a,b\n" + "".join(f"{n},{n * n}\n" for n in range(500)))
    (work / "rc").write_text("[main]\n")
    (work / "mkdocs.yml").write_text("site_name: docs\n")
    (work / "app.py").write_text("def app(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n")
    (work / "page.rst").write_text("Page\n====\n\n:date: 2026-01-01\n\nA word, *another* and::\n\n    code\n")
    (work / "site").mkdir()
    shutil.copy(work / "page.rst", work / "site")
    python = "import sqlite3; c = sqlite3.connect('old.db'); c.execute('create table rows(a)'); c.close()"
    subprocess.run([sys.executable, "-c", python], cwd=work, check=True)


def ask() -> str:
    """Wait until the server answers, and give its answers to three requests."""
    answers: list[str] = []
    until = time.monotonic() + 20
    while len(answers) < 3 and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            connection.request("GET", "/")
            answers.append(connection.getresponse().read().decode())
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    return "".join(answers)


def run(program: Program, folder: Path, options: list[str] | None) -> Run:
    """Run a program, with lifetrack where options for it are given."""
    scripts = folder / "venv/bin"
    words = shlex.split(program.command)
    if words[0] != "-m":
        words[0] = str(scripts / words[0])
    start = [str(scripts / "python")] if options is None else [str(scripts / "lifetrack"), "run", *options]
    where = folder / "work"
    if program.tests:
        name = program.install.partition("=")[0]
        where = next(path for path in (folder / "suites" / name).iterdir() if path.is_dir())
    server = None
    if program.server:
        command = [sys.executable, "-m", *program.server.split()]
        server = subprocess.Popen(command, cwd=where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ask()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        environment = {
            **os.environ,
            "HOME": str(folder),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
        }
        child = subprocess.Popen(
            [*start, *words], cwd=where, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment
        )
        answers = ""
        if program.serves:
            answers = ask()
            child.send_signal(program.serves)
        status = child.wait(300)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        err.seek(0)
        result = Run(
            status,
            VARYING.sub("~", answers + out.read()),
            VARYING.sub("~", REPORT.sub("", err.read())),
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        )
    if server is not None:
        server.terminate()
        server.wait()
    return result


def differences(plain: Run, tracked: Run) -> str:
    """Name what is not the same."""
    names = [name for name in ("status", "output", "errors") if getattr(plain, name) != getattr(tracked, name)]
    return ", ".join(names) or "same"


def row(program: Program, folder: Path) -> str:
    """Run a program both ways and give its row, with a line for each place of a finding."""
    run(program, folder, None)  # the first run fills caches of the program's own
    path = folder / "report.json"
    path.unlink(missing_ok=True)
    plain = run(program, folder, None)
    tracked = run(program, folder, ["--report", str(path)])
    same = differences(plain, tracked)
    if same != "same":
        for kind, found in (("plain", plain), ("tracked", tracked)):
            stem = re.sub(r"\W", "-", program.name)
            Path(tempfile.gettempdir(), f"{stem}-{kind}.txt").write_text(
                f"{found.status}\n{found.output}\n{found.errors}"
            )
    if not path.exists():
        return f"{program.name:18} {same:8} no report"
    report = json.loads(path.read_text())
    totals = report["totals"]
    counts = "".join(f"{totals[key]:7}" for key in ("acquired", "released", "live", "findings"))
    lines = [f"{program.name:18} {same:8} {plain.status:3} {counts}  {plain.seconds:6.2f} s {tracked.seconds:6.2f} s"]
    for found in report["findings"]:
        site = found["site"] or {"file": "?", "line": 0, "function": "?"}
        place = f"{short(site['file'], folder)}:{site['line']} in {site['function']}"
        lines.append(f"    {found['rule']} {found['count']} x {found['resource']['type']} {place}")
    return "\n".join(lines)


def short(file: str, folder: Path) -> str:
    """Name a file without what differs from machine to machine."""
    return re.sub(r".*/(?:site-packages|python3\.\d+)/", "", file.removeprefix(str(folder) + os.sep))


def main() -> None:
    """Prepare with the network, then go on without it, and print the table."""
    words = sys.argv[1:]
    programs = [program for program in PROGRAMS if not words or any(word in program.name for word in words)]
    ready = os.environ.get(FOLDER)
    if ready:
        print(f"Python {sys.version.split()[0]}")
        print(f"{'program':18} {'run':8} status, acquired, released, live, findings, seconds without, with")
        for program in programs:
            print(row(program, Path(ready)), flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        prepare(folder, programs)
        again = [sys.executable, os.path.abspath(__file__), *words]
        alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        possible = (
            shutil.which("unshare")
            and not subprocess.run([*alone, "true"], check=False, capture_output=True).returncode
        )
        subprocess.run([*alone, *again] if possible else again, env={**os.environ, FOLDER: name}, check=True)


if __name__ == "__main__":
    main()
