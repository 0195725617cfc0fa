"""Real servers for the tests: private instances on free ports of the loopback device, one of each kind for a whole run.

A server is started by the first test that asks for it, in a process of its own that keeps it as long as anybody holds
a lock on ``users`` in the run's folder: all workers of a run share it, and it goes with the last of them, however they
end. Used as a library by ``tests/servers/fixtures.py`` and as a program, ``keeper.py FOLDER NAME``.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

#: For how many seconds a server may take to answer; RabbitMQ on a busy machine takes long.
PATIENCE = 120.0


class Kind(NamedTuple):
    """One kind of server: its Debian package, its program, and the user that it runs as instead of root."""

    package: str
    program: str
    user: str
    prepare: Callable[[Path, str], list[list[str]]]
    command: Callable[[Path, str, int], tuple[list[str], dict[str, str]]]
    greeting: bytes | None
    hello: bytes = b""


def find(pattern: str) -> str | None:
    """Give the newest program that a pattern names: an absolute path with stars, or a name on the usual paths."""
    if "/" in pattern:
        found = sorted(Path("/").glob(pattern.lstrip("/")))
        return str(found[-1]) if found else None
    return shutil.which(pattern, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _postgres_prepare(folder: Path, program: str) -> list[list[str]]:
    initdb = str(Path(program).parent / "initdb")
    return [
        [
            initdb,
            "-D",
            str(folder / "data"),
            "-U",
            "tester",
            "-A",
            "trust",
            "-N",
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        ]
    ]


def _postgres(folder: Path, program: str, port: int) -> tuple[list[str], dict[str, str]]:
    settings = {
        "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "full_page_writes": "off",
        "shared_buffers": "16MB", "max_connections": "200",
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [program, "-D", str(folder / "data"), "-p", str(port), *options], {}


def _redis(folder: Path, program: str, port: int) -> tuple[list[str], dict[str, str]]:
    return [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)], {}


def _mariadb_prepare(folder: Path, _: str) -> list[list[str]]:
    install = find("mariadb-install-db") or "mariadb-install-db"
    return [[install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal",
             "--skip-test-db", "--skip-name-resolve"]]  # fmt: skip


def _mariadb(folder: Path, program: str, port: int) -> tuple[list[str], dict[str, str]]:
    return [
        program, "--no-defaults", f"--datadir={folder / 'data'}", f"--port={port}", "--bind-address=127.0.0.1",
        f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", "--skip-log-bin", "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--performance-schema=off",
    ], {}  # fmt: skip


def _rabbitmq(folder: Path, program: str, port: int) -> tuple[list[str], dict[str, str]]:
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = true\nlog.console.level = error\n", encoding="ascii"
    )
    (folder / "plugins").write_text("[].\n", encoding="ascii")
    names = _free_port()
    (folder / "names").write_text(str(names), encoding="ascii")
    return [program], {
        "HOME": str(folder), "RABBITMQ_NODENAME": f"lifetrack{port}@localhost",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"), "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_DIST_PORT": str(_free_port()), "ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }  # fmt: skip


def _nothing(_: Path, __: str) -> list[list[str]]:
    return []


KINDS = {
    "postgresql": Kind(
        "postgresql", "/usr/lib/postgresql/*/bin/postgres", "postgres", _postgres_prepare, _postgres,
        b"N", b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    ),
    "redis": Kind("redis-server", "redis-server", "redis", _nothing, _redis, b"+PONG", b"PING\r\n"),
    "mariadb": Kind("mariadb-server", "mariadbd", "mysql", _mariadb_prepare, _mariadb, None),
    "rabbitmq": Kind(
        "rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq", _nothing, _rabbitmq,
        b"\x01", b"AMQP\x00\x00\x09\x01",
    ),
}  # fmt: skip


def missing(name: str) -> str | None:
    """Say what is missing for a server to be started, and how to get it; None where nothing is."""
    kind = KINDS[name]
    if find(kind.program) is None:
        return f"no {name} server is installed: apt-get install {kind.package}"
    return None


def begin(folder: Path, name: str) -> None:
    """Start a server in the background unless somebody has done so in this run."""
    with locked(folder / f"{name}.lock"):
        if (folder / f"{name}.begun").exists():
            return
        (folder / f"{name}.begun").touch()
        # Nobody waits for it, so there is nothing to hold.
        os.posix_spawn(
            sys.executable, [sys.executable, "-I", __file__, str(folder), name], os.environ, setsid=True,
            file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)],
        )  # fmt: skip


def port_of(folder: Path, name: str) -> int:
    """Wait until a server that was begun answers, and give its port. Raises RuntimeError when it does not."""
    answer = folder / f"{name}.json"
    until = time.monotonic() + PATIENCE + 30
    while not answer.exists():
        if time.monotonic() > until:
            raise RuntimeError(f"{name}: nothing was heard of it")
        time.sleep(0.05)
    said = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in said:
        raise RuntimeError(f"{name}: {said['error']}")
    return int(said["port"])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that one process at a time can have."""
    with open(path, "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(folder: Path) -> IO[str]:
    """Be one of those for whom the servers are kept, until the file given is closed."""
    file = open(folder / "users", "a", encoding="ascii")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


# -- the program -----------------------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_user(kind: Kind, folder: Path) -> list[str]:
    """Give what to put before a command so that it does not run as root, and let that user have the folder."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam(kind.user)
    except KeyError:
        user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _answers(kind: Kind, port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as peer:
            peer.settimeout(5)
            peer.sendall(kind.hello)
            said = peer.recv(16)
    except OSError:
        return False
    return said.startswith(kind.greeting) if kind.greeting else bool(said)


def _run(folder: Path, name: str, inner: Path) -> tuple[subprocess.Popen[bytes], int]:
    kind = KINDS[name]
    program = find(kind.program)
    if program is None:
        raise RuntimeError(missing(name))
    prefix = _as_user(kind, inner)
    environment = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(inner)}
    with open(folder / f"{name}.log", "wb") as log:
        for command in kind.prepare(inner, program):
            subprocess.run([*prefix, *command], check=True, env=environment, cwd=inner, stdout=log, stderr=log)
        port = _free_port()
        command, more = kind.command(inner, program, port)
        server = subprocess.Popen(
            [*prefix, *command], env=environment | more, cwd=inner, stdout=log, stderr=log, start_new_session=True
        )
    until = time.monotonic() + PATIENCE
    while not _answers(kind, port):
        if server.poll() is not None or time.monotonic() > until:
            _end(server)
            raise RuntimeError(f"it ended with {server.returncode}, or never answered: see {name}.log")
        time.sleep(0.05)
    return server, port


def _end(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(5)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _end_names(inner: Path) -> None:
    """End the name service that Erlang has started beside RabbitMQ, which outlives it otherwise."""
    program = find("/usr/lib/erlang/*/bin/epmd") or find("epmd")
    if program is not None and (inner / "names").exists():
        port = (inner / "names").read_text(encoding="ascii")
        subprocess.run([program, "-port", port, "-kill"], check=False, capture_output=True, timeout=10)


def _say(folder: Path, name: str, said: dict[str, object]) -> None:
    draft = folder / f"{name}.draft"
    draft.write_text(json.dumps(said), encoding="utf-8")
    draft.rename(folder / f"{name}.json")


def main(folder: Path, name: str) -> None:
    """Keep one server while anybody wants it."""
    inner = folder / name
    inner.mkdir()
    try:
        server, port = _run(folder, name, inner)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _say(folder, name, {"error": f"{type(error).__name__}: {error}"})
        return
    try:
        _say(folder, name, {"port": port, "pid": server.pid})
        with open(folder / "users", "a", encoding="ascii") as users:
            fcntl.flock(users, fcntl.LOCK_EX)  # until nobody has it any more
    finally:
        _end(server)
        _end_names(inner)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(Path(sys.argv[1]), sys.argv[2])
    else:
        for each in KINDS:
            if missing(each) is None:
                begin(Path(sys.argv[1]), each)
