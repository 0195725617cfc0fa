"""Which process wrote a journal, and whether it is still there."""

from __future__ import annotations

import os
from typing import Any


def _read(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return (file.read(4096) or b"").decode("utf-8", "replace")
    except OSError:
        return ""


def begun(pid: int) -> str:
    """Give when a process began, in units of the system's; empty where that cannot be known, or it has ended."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""


def machine() -> str:
    """Give what tells this machine, since it was started, from all others."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def is_running(description: dict[str, Any]) -> bool:
    """Whether the process that a journal is about is alive, on this machine."""
    pid = description["pid"]
    if description["machine"] != machine():
        return False
    known: str = description["process_begun"]
    if known:
        return begun(pid) == known
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
