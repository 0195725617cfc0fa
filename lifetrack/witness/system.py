"""Looking at the operating system: descriptors, threads and children of this process.

The cheap looks read ``/proc``, in microseconds, or ask psutil where there is none. What a thing is, psutil tells.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import Counter
from typing import Any, NamedTuple

from lifetrack.values.errors import MissingExtraError

#: Where a process finds its descriptors and threads: Linux, else macOS and BSD.
_DESCRIPTORS = next((path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)), None)
_TASKS = "/proc/self/task"
_HAS_TASKS = os.path.isdir(_TASKS)

#: Which file, socket or pipe a descriptor stands for: device and inode.
Identity = tuple[int, int]


class Descriptor(NamedTuple):
    """An open descriptor: its number, what it stands for, and how to call it."""

    number: int
    identity: Identity
    kind: str
    path: str | None
    #: Whether its identity is that of nothing else, as that of a socket or pipe is.
    is_unique: bool


class Child(NamedTuple):
    """A child process: its number, the name of its program, its command for matching only, whether it has ended."""

    pid: int
    name: str
    command: str
    has_ended: bool


def psutil() -> Any:
    """Give psutil; raise MissingExtraError where it is not installed."""
    try:
        import psutil as module  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MissingExtraError(
            "the operating system as witness needs psutil: install lifetrack[os], or leave witness out"
        ) from None
    return module


def identity(number: int) -> Identity | None:
    """Tell what a descriptor stands for; None if it is not open."""
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def names() -> frozenset[str]:
    """Give the names of all open descriptors, with the one that the look itself took: the cheap look."""
    if _DESCRIPTORS is None:
        return frozenset()
    return frozenset(os.listdir(_DESCRIPTORS))


def numbers(listed: frozenset[str]) -> frozenset[int]:
    """Give the descriptors among those names that are still open, so without that of the look."""
    return frozenset(number for number in map(int, listed) if identity(number) is not None)


def describe(number: int) -> Descriptor | None:
    """Tell what there is to know of a descriptor; None if it was closed meanwhile."""
    try:
        status = os.fstat(number)
    except OSError:
        return None
    kind, path = kind_of(status.st_mode), _path(number)
    if kind == "socket":
        path = _peer(number)
    elif path is not None and not path.startswith("/"):
        kind, path = path.removeprefix("anon_inode:").strip("[]").partition(":")[0] or kind, None
    unique = stat.S_ISSOCK(status.st_mode) or (stat.S_ISFIFO(status.st_mode) and path is None)
    return Descriptor(number, (status.st_dev, status.st_ino), kind, path, unique)


def kind_of(mode: int) -> str:
    """Give the word for what a descriptor stands for."""
    for test, word in (
        (stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "pipe"),
        (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"),
    ):  # fmt: skip
        if test(mode):
            return word
    return "descriptor"


def _path(number: int) -> str | None:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        pass
    try:
        return next((str(each.path) for each in psutil().Process().open_files() if each.fd == number), None)
    except Exception:  # psutil may not be allowed to look
        return None


def mapped() -> dict[str, int]:
    """Give the paths of the files that are mapped into memory, as descriptors have them, each with how often."""
    try:
        descriptor = os.open("/proc/self/maps", os.O_RDONLY)
    except OSError:
        return {}
    try:
        lines = os.fsdecode(_everything(descriptor)).splitlines()
    finally:
        os.close(descriptor)
    return Counter(fields[5] for line in lines if len(fields := line.split(maxsplit=5)) > 5)


def _everything(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 65536):
        parts.append(part)
    return b"".join(parts)


def _peer(number: int) -> str | None:
    """Give the addresses of a socket: its peer's, else its own."""
    try:
        process = psutil().Process()
        what = identity(number)  # of the duplicates of a descriptor psutil gives one
        found = next(each for each in process.net_connections(kind="all") if identity(each.fd) == what)
    except Exception:  # psutil may not be allowed to look, or does not know this kind of socket
        return None
    if found.raddr:
        return f"to {_address(found.raddr)}"
    return f"at {_address(found.laddr)}" if found.laddr else None


def _address(address: Any) -> str:
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


def threads() -> frozenset[int]:
    """Give the system's numbers of all threads."""
    if _HAS_TASKS:
        return frozenset(map(int, os.listdir(_TASKS)))
    return frozenset(each.id for each in psutil().Process().threads())


def thread_name(number: int) -> str | None:
    """Give the name that the system has for a thread, its number where it has none; None for one that has ended."""
    try:
        with os.fdopen(os.open(f"{_TASKS}/{number}/comm", os.O_RDONLY), "rb") as file:
            return file.read().decode(errors="replace").strip()
    except OSError:
        return None if _HAS_TASKS else str(number)


def python_threads() -> dict[int, threading.Thread]:
    """Give the threads that Python knows, by the system's number."""
    return {thread.native_id: thread for thread in threading.enumerate() if thread.native_id is not None}


def children() -> frozenset[int]:
    """Give the numbers of the child processes, those included that have ended and were not waited for."""
    if _HAS_TASKS:
        try:
            return frozenset(pid for task in os.listdir(_TASKS) for pid in _children_of(task))
        except OSError:  # a kernel without that list
            pass
    return frozenset(each.pid for each in psutil().Process().children())


def _children_of(task: str) -> list[int]:
    try:
        descriptor = os.open(f"{_TASKS}/{task}/children", os.O_RDONLY)
    except FileNotFoundError:
        if os.path.isdir(f"{_TASKS}/{task}"):
            raise
        return []  # a thread that has just ended
    try:
        return [int(word) for word in _everything(descriptor).split()]
    except ProcessLookupError:
        return []
    finally:
        os.close(descriptor)


def child(pid: int) -> Child | None:
    """Tell what there is to know of a child; None if it is none any more."""
    module = psutil()
    try:
        process = module.Process(pid)
        name, has_ended = str(process.name()), process.status() == module.STATUS_ZOMBIE
        command = "" if has_ended else " ".join(process.cmdline())
    except module.Error:
        return None
    return Child(pid, name, command, has_ended)
