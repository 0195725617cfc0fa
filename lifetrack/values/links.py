"""Symbolic links on the way to a file that is to be written: those of somebody else lead where that one wants."""

from __future__ import annotations

import os
import stat

_MOST = 40
_SYSTEM = 0


def link_of_another(path: str) -> str | None:
    """Give the folder on the way to a file that is a symbolic link of another user's; None if there is none.

    Links of the system's own, as ``/var/run`` may be one, are everybody's. The file itself is not looked at.
    """
    if not hasattr(os, "geteuid"):
        return None
    trusted, followed = {os.geteuid(), _SYSTEM}, 0
    at, rest = os.sep, os.path.dirname(os.path.join(os.getcwd(), path)).split(os.sep)
    while rest:
        name = rest.pop(0)
        if name in ("", os.curdir):
            continue
        here = os.path.dirname(at) if name == os.pardir else os.path.join(at, name)
        try:
            status = os.lstat(here)
            if not stat.S_ISLNK(status.st_mode):
                at = here
                continue
            aim = os.readlink(here)
        except (OSError, ValueError):  # it is not there, or cannot be looked at: whoever writes is told so
            return None
        followed += 1
        if status.st_uid not in trusted:
            return here
        if followed > _MOST:
            return None
        at = os.sep if os.path.isabs(aim) else at
        rest = aim.split(os.sep) + rest
    return None
