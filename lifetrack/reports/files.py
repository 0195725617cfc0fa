"""Report files: checked before the program runs, written atomically, readable by their owner only.

Plain system calls throughout: a tracker that watches ``open`` must not meet its own report.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, TypeAlias

from lifetrack.reports.forms import ENDINGS, Form, form_for
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.links import link_of_another

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

AnyPath: TypeAlias = str | os.PathLike[str]
_MAX_LINKS = 40


def form_of(path: AnyPath) -> Form:
    """Give the form that the ending of a report file names; raise ConfigurationError if no form has it."""
    form = form_for(path)
    if form is not None:
        return form
    name = os.fspath(path)
    ending = os.path.splitext(name)[1].lower()
    found = f"the ending {ending!r} is not known" if ending else "it has no ending"
    known = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
    raise ConfigurationError(f"report file {name!r}: {found}: end the name with {known}")


def check_writable(path: AnyPath) -> str:
    """Make sure, without writing anything, that a report can be written to ``path`` later.

    Give the absolute path: the program may go to another directory in between.

    Raises ConfigurationError that names the path and the mend: unknown ending, a directory that is missing or not
    writable, a target that is no ordinary file, a symbolic link of somebody else. Raises MissingExtraError if what its
    form needs is not installed.
    """
    form_of(path).check()
    target = _target(path)
    folder = os.path.dirname(target) or "."
    if not os.path.isdir(folder):
        raise _problem(path, f"there is no directory {folder!r}: make it first, or name another file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _problem(path, f"the directory {folder!r} is not writable: change its permissions, or name another file")
    return os.path.abspath(path)


#: The errors of a disk that is full, and of limits on how much may be written.
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


def write_atomically(path: AnyPath, text: str) -> None:
    """Write ``text`` to ``path`` so that the old or the new content is there, never a part; its mode becomes 0600.

    Your own symbolic link is followed, somebody else's is refused. Raises ConfigurationError if it cannot be written;
    nothing is left behind then.
    """
    target = _target(path)
    data = text.encode("utf-8", "backslashreplace")
    try:
        _replace(target, data)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        mend = "name a file where there is room" if error.errno in _FULL else "name a file in a directory of yours"
        raise _problem(path, f"it could not be written ({reason}): {mend}") from error


def write_report(report: Report, path: AnyPath) -> None:
    """Write ``report`` in the form that the ending of ``path`` names.

    Raises ConfigurationError if it cannot be written, MissingExtraError if what the form needs is not installed.
    """
    write_atomically(path, form_of(path).render(report))


def _problem(path: AnyPath, what: str) -> ConfigurationError:
    return ConfigurationError(f"report file {os.fspath(path)!r}: {what}")


def _target(path: AnyPath) -> str:
    """Follow the caller's own symbolic links to the file that is meant, which need not exist."""
    target = os.fspath(path)
    _check_way(path, target)
    try:
        for _ in range(_MAX_LINKS):
            status = os.lstat(target)
            if not stat.S_ISLNK(status.st_mode):
                break
            if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
                raise _problem(path, "it is a symbolic link of another user: name an ordinary file")
            target = os.path.join(os.path.dirname(target), os.readlink(target))
            _check_way(path, target)
        else:
            raise _problem(path, "it is a loop of symbolic links: name an ordinary file")
    except (FileNotFoundError, NotADirectoryError):
        return target
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise _problem(path, f"it cannot be looked at ({reason}): name another file") from error
    if stat.S_ISDIR(status.st_mode):
        raise _problem(path, "it is a directory: name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise _problem(path, "it is not an ordinary file: name another one")
    return target


def _check_way(path: AnyPath, target: str) -> None:
    link = link_of_another(target)
    if link is not None:
        raise _problem(path, f"the folder {link!r} is a symbolic link of another user: name a file in one of yours")


def _replace(target: str, data: bytes) -> None:
    folder = os.path.dirname(target)
    # A short random name of our own: the target's may be as long as the file system allows.
    temporary = os.path.join(folder, f".lifetrack-{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except BaseException:
        # Also on Ctrl-C: no half-written file stays behind.
        try:
            os.unlink(temporary)
        except OSError:  # its folder went meanwhile; what is raised is why the writing failed
            pass
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)  # a strict umask may have taken bits away
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)
