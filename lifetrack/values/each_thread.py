"""What each thread has of its own, made when it asks for it first."""

from __future__ import annotations

import threading
from _thread import get_ident
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

_T = TypeVar("_T")


class Made(Generic[_T]):
    """An attribute of a ``threading.local``; no ``__init__`` of that makes it, for that may be asked before its end.

    The collector may come while it is made, and run a finalizer that asks for it: then there is one already.
    """

    __slots__ = ("_make", "_name")

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, local: Any, owner: type | None = None) -> _T:
        made = self._make()
        return cast(_T, vars(local).setdefault(self._name, made))


#: What gives a thread's name, where no class of a program's says otherwise: that may raise.
_NAME: Any = vars(threading.Thread)["name"].fget


def name_of(thread: threading.Thread) -> str:
    """Give the name that a thread was given; asks no code of the program's."""
    try:
        return str(_NAME(thread))
    except (AttributeError, AssertionError):  # its constructor has not run, or its class stands in for a thread's
        return "thread"


def thread_name() -> str:
    """Give the name of the running thread.

    It does not ask ``current_thread()``: in a thread that Python did not start that would register a dummy for good.
    """
    active: dict[int, threading.Thread] = getattr(threading, "_active", {})
    thread = active.get(get_ident())
    return f"thread {get_ident()}" if thread is None else name_of(thread)
