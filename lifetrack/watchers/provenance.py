"""Which module an acquisition comes from."""

from __future__ import annotations

from types import FrameType

from lifetrack.ledger.territory import FILES, OURS, STDLIB

_BETWEEN = {OURS, STDLIB}


def comes_from(frame: FrameType | None, modules: tuple[str, ...]) -> bool:
    """Whether one of these modules calls, or stands in the standard library between the program and an acquisition.

    A name with a dot at its end stands for all modules that begin so.
    """
    packages = tuple(name for name in modules if name.endswith("."))
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if name in modules or name.startswith(packages):
            return True
        frame = frame.f_back if FILES[frame.f_code.co_filename] in _BETWEEN else None
    return False
