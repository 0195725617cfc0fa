"""What is written in C and holds something of the operating system: memory maps, listings of folders, epoll, dbm.

And exit stacks, which hold whatever is pushed on them.
"""

from __future__ import annotations

import sys
from typing import Any

from lifetrack.ledger.territory import INSTALLED, USER
from lifetrack.watchers.rows import CLASSES, EXIT_STACKS, IN_PLACE, STAND_INS, Row, declare, is_true

_PUSHED = "what was pushed on it is released only then"
_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"
#: Whatever the standard library makes for itself, it takes care of.
_NOT_STDLIB = frozenset({INSTALLED, USER})


def _is_empty(stack: Any) -> bool:
    return not stack._exit_callbacks


#: The queues of events that this system has, and their mend; a kqueue cannot be used in a 'with' block.
_MENDS = {"epoll": _WITH, "kqueue": "use it within contextlib.closing(), or call close() in a 'finally' clause"}
_EVENTS = {"linux": "epoll", "darwin": "kqueue"}.get(sys.platform, "kqueue" if "bsd" in sys.platform else "")

SYSTEM: tuple[Row, ...] = (
    Row(
        # Packages make them below arrays and readers of their own, which have no close() to call.
        ("mmap",), "mmap", "mmap", IN_PLACE,
        declare("close", "__exit__", released_when=is_true("closed"), hint=_WITH),
        callers=frozenset({USER}),
    ),
    Row(
        ("os",), "os", "scandir", STAND_INS,
        declare("close", "__exit__", hint=f"{_WITH}, or go through it to its end"),
        callers=_NOT_STDLIB,
    ),
    Row(
        ("contextlib",), "contextlib", "ExitStack", EXIT_STACKS,
        declare("close", "__exit__", acquire="_push_exit_callback", released_when=_is_empty,
                hint=f"{_WITH}: {_PUSHED}"),
    ),
    Row(
        ("contextlib",), "contextlib", "AsyncExitStack", EXIT_STACKS,
        declare("aclose", "__aexit__", acquire="_push_exit_callback", released_when=_is_empty,
                hint=f"use it in an 'async with' block, or await aclose() in a 'finally' clause: {_PUSHED}"),
    ),
    *(
        Row(
            ("select",), "select", name, STAND_INS, declare("close", "__exit__", hint=_MENDS[name]),
            callers=_NOT_STDLIB, takes=lambda events: int(events.fileno()),
            taken_by=("selectors:EpollSelector._selector_cls",),
        )
        for name in (_EVENTS,) if name
    ),
    *(
        Row(
            ("dbm",), module, "open", STAND_INS,
            declare("close", "__exit__", hint=f"{_WITH}: what was written is complete only then"),
        )
        for module in ("_gdbm", "_dbm")
    ),
    *(
        Row(
            ("dbm",), module, "_Database", CLASSES,
            declare("close", released_when=lambda base: base._cx is None, hint=_WITH),
            parts=lambda base: (base._cx,),
        )
        for module in (("dbm.sqlite3",) if sys.version_info >= (3, 13) else ())
    ),
)  # fmt: skip
