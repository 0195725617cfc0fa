"""What threads write at the same moment: nobody takes back what another has noted, and no name goes that is in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifetrack.journal import format as form
from lifetrack.journal.scanning import Book, Held, read_book
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.transfers import transfer
from lifetrack.tracker import Tracker

SIZE = 1 << 20


class Conn:
    """What is tracked."""

    def close(self) -> None:
        """Release it."""


@pytest.fixture(params=["counts", "sites", "stacks"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, tracker: Tracker) -> Any:
    """Give the journal of the tracker."""
    tracker.start(request.param, policy="record", report=False, journal=tmp_path / "a.journal", journal_size=SIZE)
    ledger: Any = tracker.ledger
    return ledger.journal


@pytest.fixture
def made(journal: Any, tracker: Tracker) -> type[Conn]:
    """Give a tracked class, made after the journal."""
    return tracker.tracked(type("Conn", (Conn,), {"close": lambda self: None}))


@pytest.fixture
def book(tmp_path: Path) -> Callable[[], Book]:
    """Read the journal."""
    return lambda: read_book(str(tmp_path / "a.journal"))


def _open(book: Book) -> list[Held]:
    return [held for held in book.resources if held.is_open]


@pytest.mark.parametrize("words", [form.SLOTS_BEGUN, form.CELLS_BEGUN])
def test_who_is_held_up_while_noting_takes_nothing_back(
    journal: Any, made: type[Conn], book: Callable[[], Book], tracker: Tracker, words: int
) -> None:
    """A thread that notes how far a table goes, long after others have noted more, hides nothing of theirs."""
    note, (held, goes_on, noted, over) = journal._set, (threading.Event() for _ in range(4))

    def noting(word: int, value: int) -> None:
        is_first = words <= word < words + form.BEGUN_WORDS and not held.is_set()
        if is_first and threading.current_thread() is slow:
            held.set()
            goes_on.wait(30)
        note(word, value)
        if is_first and threading.current_thread() is slow:
            noted.set()
            over.wait(30)

    def make(name: str) -> None:
        for number in range(600):
            kept.append(made())
            tracker.track(kept[-1], label=f"{name} {number}, with a name of more than one cell: {'x' * 50}")

    kept: list[Conn] = []
    journal._set = noting
    slow = threading.Thread(target=make, args=("slow",))
    slow.start()
    assert held.wait(30)
    make("fast")
    goes_on.set()
    assert noted.wait(30)
    labels = [held.label for held in _open(book()) if held.label is not None]
    assert sum(label.startswith("fast") for label in labels) == 600
    over.set()
    slow.join()
    assert len(_open(book())) == len(kept) == 1200


def _once(journal: Any, name: str, what: object = None) -> Callable[[], int]:
    """Let names be forgotten right after somebody got the number of one, or of this one; give how often that was."""
    got, times = getattr(journal.names, name), []

    def getting(*given: Any, **named: Any) -> int:
        number: int = got(*given, **named)
        if number and not times and what in (None, *given):
            times.append(1)
            journal._make_room()
        return number

    setattr(journal.names, name, getting)
    return lambda: len(times)


def test_an_owner_that_is_about_to_be_named_stays(journal: Any, book: Callable[[], Book], tracker: Tracker) -> None:
    """Names are forgotten just when a resource is about to refer to its owner: it has one all the same."""
    made = tracker.tracked(type("Conn", (Conn,), {"close": lambda self: None}))
    with tracker.scope("the job"):
        made().close()
    times = _once(journal, "owner")
    again = tracker.tracked(type("Conn", (Conn,), {"close": lambda self: None}))
    with tracker.scope("the job"):
        obj = again()
        (found,) = _open(book())
        assert times() == 1
        assert found.owner is not None
        assert (found.owner.name, found.owner.kind, found.owner.scope) == ("the job", "scope", "the job")
        obj.close()


def test_a_label_that_is_about_to_be_named_stays(
    journal: Any, made: type[Conn], book: Callable[[], Book], tracker: Tracker
) -> None:
    """The same of a label."""
    obj = made()
    times = _once(journal, "text")
    tracker.track(obj, label="the label")
    assert [held.label for held in _open(book())] == ["the label"]
    assert times() == 1
    obj.close()


@pytest.mark.parametrize("journal", ["stacks"], indirect=True)  # at the others no thread is promised
def test_a_thread_that_is_about_to_be_named_stays(journal: Any, made: type[Conn], book: Callable[[], Book]) -> None:
    """The same of the name of a thread, which others of its resources refer to later."""
    times = _once(journal, "text", "the thread")
    kept: list[Conn] = []
    thread = threading.Thread(target=lambda: kept.extend(made() for _ in range(3)), name="the thread")
    thread.start()
    thread.join()
    assert [held.thread for held in _open(book())] == ["the thread"] * len(kept)
    assert (times(), len(kept)) == (1, 3)


def test_an_owner_of_a_transfer_stays(journal: Any, made: type[Conn], book: Callable[[], Book]) -> None:
    """The same of an owner that something is transferred to, in the event and in the resource."""
    obj = made()
    times = _once(journal, "owner")
    transfer(obj, to=Owner("the pool"))
    (found,) = _open(book())
    assert times() == 1
    assert found.owner is not None
    assert found.owner.name == "the pool"
    assert [(event.word, event.about.name) for event in found.events] == [("transferred", "the pool")]
    assert book().torn == 0
    obj.close()


@pytest.mark.parametrize("journal", ["sites", "stacks"], indirect=True)
def test_what_a_name_that_passes_shares_with_one_that_stays(
    journal: Any, made: type[Conn], book: Callable[[], Book], tracker: Tracker
) -> None:
    """A label may be the name of a function: when the label is forgotten, the function is not."""
    labelled = made()
    tracker.track(labelled, label="make_one_more")

    def make_one_more() -> Conn:
        return made()

    make_one_more.__qualname__ = make_one_more.__name__ = "make_one_more"
    make_one_more.__code__ = make_one_more.__code__.replace(co_qualname="make_one_more")
    obj = make_one_more()
    labelled.close()
    journal.slots.wipe()
    journal._make_room()
    (found,) = _open(book())
    assert found.stack[0].function == "make_one_more"
    obj.close()


def test_the_events_of_what_is_open_keep_their_names(
    journal: Any, made: type[Conn], book: Callable[[], Book], tracker: Tracker
) -> None:
    """However many names come and go, the first owner that something was transferred to is told by its name."""
    obj = made()
    for name in ("the first", "the last"):
        transfer(obj, to=Owner(name))
    for number in range(form.layout(SIZE)["cells"].count // 8):
        other = made()
        tracker.track(other, label=f"number {number}, with a name of ten cells: {'x' * 500}")
        other.close()
    (found,) = _open(book())
    assert [event.about.name for event in found.events] == ["the first", "the last"]
    assert (book().torn, book().unkept) == (0, 0)
    obj.close()
