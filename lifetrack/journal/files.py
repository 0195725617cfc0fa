"""Journal files: made whole before the program runs, so that a full disk is told then; readable by their owner only.

A journal is never made shorter or written over: whoever has it in memory would die of that. A new one takes the place
of the old by its name.
"""

from __future__ import annotations

import mmap
import os
import stat
import sys
from typing import Any

from lifetrack.journal.format import LEAD, MAGIC
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.links import link_of_another

_MAX_LINKS = 40
_CHUNK = bytes(1 << 20)


def problem(path: str, what: str) -> ConfigurationError:
    """Make the error of a journal file: what is wrong, and the mend."""
    return ConfigurationError(f"journal {path!r}: {what}")


def target_of(path: str) -> str:
    """Follow the caller's own symbolic links; raise ConfigurationError where no journal can be written."""
    target = path
    for _ in range(_MAX_LINKS):
        link = link_of_another(target)
        if link is not None:
            raise problem(path, f"the folder {link!r} is a symbolic link of another user: name a file in one of yours")
        try:
            status = os.lstat(target)
        except FileNotFoundError:
            break
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise problem(path, f"it cannot be looked at ({reason}): name another file") from None
        if not stat.S_ISLNK(status.st_mode):
            if not stat.S_ISREG(status.st_mode):
                raise problem(path, "it is no ordinary file: name another one")
            break
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            raise problem(path, "it is a symbolic link of another user: name an ordinary file")
        target = os.path.join(os.path.dirname(target), os.readlink(target))
    else:
        raise problem(path, "it is a loop of symbolic links: name an ordinary file")
    folder = os.path.dirname(target) or "."
    if not os.path.isdir(folder):
        raise problem(path, f"there is no directory {folder!r}: make it first, or name another file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise problem(path, f"the directory {folder!r} is not writable: change its permissions, or name another file")
    return target


def make(path: str, size: int, first_page: bytes) -> Any:
    """Make a journal of ``size`` bytes in place of whatever has the name; give its memory map.

    Raises ConfigurationError if there is no room for it, or if it cannot be written.
    """
    target = target_of(path)
    temporary = os.path.join(os.path.dirname(target), f".lifetrack-{os.urandom(8).hex()}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(temporary, flags, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)
            _reserve(descriptor, size)
            os.pwrite(descriptor, first_page, 0)
            mapping = _mapped(descriptor, size)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise problem(
            path, f"it could not be made ({reason}): name a file where there is room for {size} bytes"
        ) from None
    return mapping


def _reserve(descriptor: int, size: int) -> None:
    """Take the room on the disk now: a map without it kills the program when the disk is full."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for at in range(0, size, len(_CHUNK)):
        os.pwrite(descriptor, _CHUNK[: size - at], at)


def _mapped(descriptor: int, size: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, size, trackfd=False)
    return mmap.mmap(descriptor, size)


def identity_of(path: str) -> tuple[int, int] | None:
    """Tell which file it is, by device and inode, as a descriptor of it would."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_journal(path: str) -> bool:
    """Whether a file begins as a journal does, of whatever version."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(LEAD.size)[: len(MAGIC)] == MAGIC
    except (OSError, ValueError):
        return False


def siblings_of(path: str) -> list[str]:
    """Give the journals that other processes of a run have written beside the one at ``path``."""
    folder, name = os.path.split(path)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return []
    found = (os.path.join(folder, each) for each in names if each.startswith(f"{name}."))
    return [each for each in found if is_journal(each)]
