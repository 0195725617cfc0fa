"""Which module an acquisition comes from, and whose call it is."""

from __future__ import annotations

from collections.abc import Collection
from types import FrameType

from lifetrack.ledger.territory import FILES, OURS, STDLIB, USER

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


def whose_call(frame: FrameType, name: str, users: Collection[str] = ()) -> int:
    """Tell whose call of a function it is, by the function's name and the frame that calls it.

    Where the standard library calls what it does not name, it was handed that over: an executor that was to run it.
    ``users`` are those of its modules that know the function by other names.
    """
    code = frame.f_code
    whose = FILES[code.co_filename]
    is_handed = whose == STDLIB and name not in code.co_names and frame.f_globals.get("__name__") not in users
    return USER if is_handed else whose
