"""A number that is asked of a file or socket is not that of the raw descriptor which had it before."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

MAKERS: dict[str, Callable[[], Any]] = {
    "file": lambda: open(os.devnull, encoding="utf-8"),
    "unbuffered": lambda: open(os.devnull, "rb", buffering=0),
    "temporary": tempfile.TemporaryFile,
    "socket": socket.socket,
}
if hasattr(select, "epoll"):
    MAKERS["epoll"] = select.epoll


def _closes_in_the_call(thing: Any) -> None:
    os.close(thing.fileno())


def _closes_what_it_has_asked_for(thing: Any) -> None:
    number = thing.fileno()
    os.close(number)


def _has_it_closed(thing: Any) -> None:
    _close(thing.fileno())


def _has_it_closed_by_others(thing: Any) -> None:
    number = thing.fileno()
    _call(_close, number)


def _close(number: int) -> None:
    os.close(number)


def _call(function: Callable[..., object], *args: Any) -> None:
    function(*args)


def _asks_whether_it_is_closed(thing: Any) -> None:
    number = thing.fileno()
    thing.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(number)
    pytest.raises(OSError, os.close, number)  # noqa: RUF061 - one that calls it in other ways


def _uses_it_after_the_close(thing: Any) -> None:
    number = thing.fileno()
    thing.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.read(number, 1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.lseek(number, 0, os.SEEK_SET)


DOES = [
    _closes_in_the_call, _closes_what_it_has_asked_for, _has_it_closed, _has_it_closed_by_others,
    _asks_whether_it_is_closed, _uses_it_after_the_close,
]  # fmt: skip


def _misused(watching: Tracker) -> list[str]:
    return [each.rule for each in watching.report().findings if each.rule.startswith("LT2")]


@pytest.mark.parametrize("does", DOES)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_of_an_object(watching: Tracker, make: Callable[[], Any], does: Callable[[Any], None]) -> None:
    """Nothing is said of the descriptor that had the number before."""
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    thing = make()
    assert thing.fileno() == before
    does(thing)
    with contextlib.suppress(OSError):
        thing.close()
    assert _misused(watching) == []


class _Holder:
    """Closes its descriptor as often as it is told to."""

    def __init__(self) -> None:
        self.number = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        os.close(self.number)


def _closes(before: _Holder, thing: Any) -> None:
    before.close()


def _has_the_old_one_closed(before: _Holder, thing: Any) -> None:
    assert thing.fileno() == before.number
    _close(before.number)


def _closes_a_name_of_its_own(before: _Holder, thing: Any) -> None:
    number = before.number
    asked = thing.fileno()
    assert asked == number
    os.close(number)


@pytest.mark.parametrize("does", [_closes, _has_the_old_one_closed, _closes_a_name_of_its_own])
@pytest.mark.parametrize("make", [MAKERS[kind] for kind in ("file", "unbuffered", "socket")])
def test_of_the_descriptor(watching: Tracker, make: Callable[[], Any], does: Callable[[Any, Any], None]) -> None:
    """The old number is closed once more: that is found, though somebody asks the object for its number, too."""
    before = _Holder()
    before.close()
    thing = make()
    does(before, thing)
    with contextlib.suppress(OSError):
        thing.close()
    (finding,) = [each for each in watching.report().findings if each.rule == "LT202"]
    assert finding.certainty.word == "proven"
    assert finding.site is not None
    assert finding.site.function == "_Holder.__init__"
