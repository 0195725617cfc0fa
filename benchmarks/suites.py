"""Test suites of real packages: fetched from the registry that pip is set to, and run apart from the network.

Shared by the scripts that measure what lifetrack costs on them and that look at what it finds in them. Nothing of the
packages is kept in this repository.
"""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
#: Begins a command in a network namespace that has loopback only.
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


class Suite(NamedTuple):
    """One suite: the distribution it comes with, the arguments of pytest, and what else it needs."""

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
        "httpx", "0.28.1", "tests -k 'not connect_timeout'", "chardet trio trustme uvicorn h2 socksio zstandard brotli"
    ),
    Suite("tornado", "6.5.2", "--pyargs tornado.test"),
    Suite(
        "anyio",
        "4.16.0",
        "tests -k 'asyncio and not uvloop and not ipv6'",
        "trio pytest-mock pytest-timeout psutil hypothesis trustme blockbuster exceptiongroup truststore",
    ),
    Suite(
        "urllib3",
        "2.8.0",
        "test --ignore test/with_dummyserver/test_http2.py --ignore test/contrib/emscripten -k 'not hypercorn'",
        "trustme h2 quart quart-trio hypercorn tornado pytest-socket pytest-timeout httpx PySocks brotli trio idna "
        "cryptography pyopenssl",
    ),
    Suite("h11", "0.16.0", "--pyargs h11"),
)  # fmt: skip


#: Looked at as well, but too short, or too much about time, to tell what anything costs.
MORE = (
    Suite(
        "starlette",
        "1.10.0",
        "-o addopts= --ignore tests/middleware/test_opentelemetry.py tests",
        "anyio brotli trio httpx2 itsdangerous jinja2 python-multipart pyyaml typing_extensions",
    ),
    Suite("aioftp", "0.28.3", "-o addopts= tests", "pytest-asyncio pytest-mock trustme siosocks async_timeout"),
    Suite("asgiref", "3.13.0", "-o addopts= tests", "pytest-asyncio"),
    Suite("supervisor", "4.3.0", "-o addopts= supervisor/tests"),
    Suite("fasteners", "0.20", "-o addopts= tests", "diskcache more-itertools eventlet"),
    Suite(
        "hypercorn",
        "0.18.0",
        "-o addopts= tests -k 'not http2_websocket and not keep_alive'",
        "pytest-asyncio pytest-trio trio httpx h2 wsproto h11 exceptiongroup",
    ),
    Suite("pytest-httpserver", "1.2.0", "-o addopts= tests", "requests werkzeug pytest-asyncio httpx toml"),
    Suite("pyfakefs", "6.3.2", "-o addopts= pyfakefs/tests pyfakefs/pytest_tests"),
    Suite("ptyprocess", "0.7.0", "-o addopts= tests"),
    Suite("terminado", "0.18.1", "-c /dev/null --rootdir . tests -k 'not max_terminals'", "tornado pytest-timeout"),
    Suite("tinydb", "4.9.0", "-o addopts= tests", "pyyaml"),
    Suite("aiosqlite", "0.22.1", "aiosqlite/tests/smoke.py"),
    Suite("aiofiles", "25.1.0", "tests", "pytest-asyncio"),
    Suite(
        "persist-queue",
        "1.1.0",
        "-o addopts= persistqueue/tests --ignore persistqueue/tests/test_mysqlqueue.py "
        "--ignore persistqueue/tests/test_queue.py --ignore persistqueue/tests/test_sqlqueue.py",
        "msgpack dbutils cbor2 pytest-asyncio",
    ),
)  # fmt: skip


class Done(NamedTuple):
    """What one run of a suite gave: its exit status, its user + system time, and what it wrote."""

    status: int
    seconds: float
    output: str


def python_of(suite: Suite, folder: Path) -> str:
    """Give the interpreter of a suite's own environment: what one needs is not loaded into the runs of another."""
    return str(folder / "environments" / suite.name / "bin/python")


def prepare(folder: Path, suites: Sequence[Suite], tools: str = "") -> None:
    """Make the environments, all with ``tools``, and unpack the suites; what a folder has already is kept."""
    # As installing it does; where nothing may be written, each run would compile it anew.
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "lifetrack"], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    for suite in suites:
        if not Path(python_of(suite, folder)).exists():
            environment = folder / "environments" / suite.name
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
            wanted = ["wrapt", "pytest", f"{suite.name}=={suite.version}", *suite.needs.split(), *tools.split()]
            subprocess.run([*pip, "--python", python_of(suite, folder), "install", *wanted], check=True)
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


def run(suite: Suite, folder: Path, start: Sequence[str], more: Sequence[str] = (), limit: float = 900) -> Done:
    """Run a suite once: ``start`` begins the command, up to ``-m pytest``; ``more`` are further arguments of pytest."""
    where = next(path for path in (folder / "suites" / suite.name).iterdir() if path.is_dir())
    arguments = shlex.split(suite.arguments)
    command = [*start, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, *more]
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
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            status = child.wait()
        out.seek(0)
        output = out.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Done(status, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, output)


def go_on_alone(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run a command with loopback only, where the system allows that; give its exit status."""
    alone = (
        shutil.which("unshare") and subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode == 0
    )
    return subprocess.run([*ALONE, *command] if alone else command, env=environment, check=False).returncode
