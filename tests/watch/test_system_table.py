"""Kinds written in C, both ways: memory maps, listings of folders, epoll, dbm; and what a program sees of them."""

from __future__ import annotations

import abc
import gc
import inspect
import mmap
import os
import pickle
import select
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.watchers.numbers import OPEN

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding

REAL_MAP = mmap.mmap
has_epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _map() -> Any:
    return mmap.mmap(-1, 10)  # site: mmap.mmap


def _listing() -> Any:
    return os.scandir(os.path.dirname(__file__))  # site: posix.ScandirIterator


def _epoll() -> Any:
    return select.epoll()  # site: select.epoll


def _ndbm() -> Any:
    ndbm = pytest.importorskip("dbm.ndbm", exc_type=ImportError, reason="this Python has no _dbm")
    return ndbm.open(os.path.join(os.environ["PYTEST_FOLDER"], "base"), "c")  # site: _dbm.dbm


def _gdbm() -> Any:
    gnu = pytest.importorskip("dbm.gnu", exc_type=ImportError, reason="this Python has no _gdbm (Debian: python3-gdbm)")
    return gnu.open(os.path.join(os.environ["PYTEST_FOLDER"], "gbase"), "c")  # site: _gdbm.gdbm


def _dbm_sqlite() -> Any:
    module = pytest.importorskip("dbm.sqlite3", reason="dbm.sqlite3 came with Python 3.13")
    return module.open(os.path.join(os.environ["PYTEST_FOLDER"], "sbase"), "c")  # site: dbm.sqlite3._Database


MAKERS = [_map, _listing, pytest.param(_epoll, marks=has_epoll), _ndbm, _gdbm, _dbm_sqlite]
each_kind = pytest.mark.parametrize("make", MAKERS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the databases are made."""
    monkeypatch.setenv("PYTEST_FOLDER", str(tmp_path))


def told(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


@each_kind
def test_live_at_the_end_of_a_scope(
    make: Callable[[], Any], watching: Tracker, line_of: Callable[[Finding], str]
) -> None:
    """What a scope leaves open is LT103 at its line; once it is closed nothing is open."""
    with watching.scope("job"):
        resource = make()
    (finding,) = watching.find_leaks()
    resource.close()
    assert (finding.rule, finding.hint is not None) == ("LT103", True)
    assert f"# site: {finding.resource.type}" in line_of(finding)
    assert watching.report().totals.live == 0


@each_kind
def test_dropped(make: Callable[[], Any], watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """What is dropped unclosed is LT102 at its line."""
    make()
    gc.collect()
    (finding,) = watching.find_leaks()
    assert finding.rule == "LT102"
    assert f"# site: {finding.resource.type}" in line_of(finding)


@each_kind
def test_released(make: Callable[[], Any], watching: Tracker) -> None:
    """What is closed, or left by the end of a block, is no leak; closing it twice does no harm."""
    with watching.scope("job"):
        resource = make()
        resource.close()
        resource.close()
        with make() as entered:
            assert type(entered) is type(resource)
    assert told(watching) == []


def test_listing_that_came_to_its_end(watching: Tracker) -> None:
    """A listing is closed by its end, not by its first entry; it goes on as the real one does."""
    native = {entry.name for entry in os.scandir(os.path.dirname(__file__))}
    with watching.scope("job"):
        listing = os.scandir(os.path.dirname(__file__))
        assert iter(listing) is listing
        assert {entry.name for entry in listing} == native
        assert list(listing) == []
        first = next(os.scandir(os.path.dirname(__file__)))
    assert first.name in native
    assert told(watching) == [("LT102", "posix.ScandirIterator")]


def test_listing_warns_as_before(watching: Tracker) -> None:
    """A dropped listing warns at the line that dropped it, once, as it does without lifetrack."""
    listing: Any = os.scandir(os.path.dirname(__file__))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del listing
        line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    assert [(each.category, each.filename, each.lineno) for each in caught] == [(ResourceWarning, __file__, line)]


def test_what_the_standard_library_makes_for_itself(watching: Tracker, tmp_path: Path) -> None:
    """A walk that is not finished, and the memory below shared memory, are nobody's listing and map."""
    with watching.scope("job"):
        walk = os.walk(tmp_path)
        next(walk)
        memory = SharedMemory(create=True, size=10)
    found = [each.resource.type for each in watching.find_leaks()]
    memory.close()
    memory.unlink()
    assert found == ["multiprocessing.shared_memory.SharedMemory"]


def test_map_that_a_package_makes(watching: Tracker, tmp_path: Path) -> None:
    """A map that an installed package makes below an array of its own has nobody who could close it."""
    package = tmp_path / "site-packages" / "arrays.py"
    package.parent.mkdir()
    package.write_text("import mmap\ndef make(): return mmap.mmap(-1, 10)\n")
    space: dict[str, Any] = {}
    exec(compile(package.read_text(), str(package), "exec"), space)
    made = space["make"]()
    del made
    assert told(watching) == []


def test_map_that_cannot_be_closed_yet(watching: Tracker) -> None:
    """A close that is refused, as something looks into the map, is no release."""
    mapped = mmap.mmap(-1, 10)
    view = memoryview(mapped)
    with pytest.raises(BufferError):
        mapped.close()
    assert told(watching) == [("LT101", "mmap.mmap")]
    view.release()
    mapped.close()
    assert told(watching) == []


def test_class_of_maps(watching: Tracker) -> None:
    """The class answers as the real one: to instances made before, to subclasses, and to pickle."""
    before = REAL_MAP(-1, 10)
    mapped = mmap.mmap(-1, 10)

    class Mine(mmap.mmap):
        pass

    class Abstract(mmap.mmap, abc.ABC):
        pass

    mine, abstract = Mine(-1, 10), Abstract(-1, 10)
    assert isinstance(before, mmap.mmap)
    assert isinstance(mapped, REAL_MAP)
    assert type(mapped) is mmap.mmap
    assert isinstance(mine, mmap.mmap)
    assert issubclass(Mine, REAL_MAP)
    assert not isinstance(mapped, Mine)
    assert (repr(mmap.mmap), repr(mapped)) == (repr(REAL_MAP), repr(before))
    assert pickle.loads(pickle.dumps(mmap.mmap)) is mmap.mmap
    assert {kind for _, kind in told(watching)} == {"mmap.mmap", Mine.__module__ + "." + Mine.__qualname__,
                                                    Abstract.__module__ + "." + Abstract.__qualname__}  # fmt: skip
    for each in (before, mapped, mine, abstract):
        each.close()
    assert told(watching) == []


@has_epoll
def test_class_of_epoll(tracker: Tracker) -> None:
    """The class answers as the real one, is put back, and knows its objects afterwards."""
    real = select.epoll
    before = real()
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    events = select.epoll()
    reader, writer = os.pipe()
    events.register(reader, select.EPOLLIN)
    os.write(writer, b"x")
    copy = os.dup(before.fileno())
    with select.epoll.fromfd(copy) as other:
        assert copy not in OPEN
        assert (type(other) is type(events), other.closed) == (True, False)
    assert events.poll(1) == [(reader, select.EPOLLIN)]
    assert (isinstance(before, select.epoll), isinstance(events, real)) == (True, True)
    assert (type(events) is select.epoll, repr(select.epoll)) == (True, repr(real))
    for act in (lambda: pickle.dumps(events), lambda: type("Mine", (select.epoll,), {})):
        with pytest.raises(TypeError):
            act()
    tracker.stop()
    assert select.epoll is real
    assert isinstance(events, real)
    for number in (reader, writer):
        os.close(number)
    events.close()
    before.close()


# -- segments of shared memory -------------------------------------------------------------------------------------


def test_segment_that_is_not_unlinked(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A segment that was closed everywhere and not unlinked is found at its line, until somebody unlinks it."""
    with watching.scope("job"):
        memory = SharedMemory(create=True, size=10)  # site: segment
        SharedMemory(memory.name).close()
        memory.close()
    (finding,) = watching.find_leaks()
    memory.unlink()
    assert (finding.rule, finding.resource.type) == ("LT103", "multiprocessing.shared_memory.segment")
    assert "unlink()" in finding.message
    assert "# site: segment" in line_of(finding)
    assert watching.report().totals.live == 0


def test_segment_that_is_neither_closed_nor_unlinked(watching: Tracker) -> None:
    """The segment is told below the memory that maps it."""
    with watching.scope("job"):
        memory = SharedMemory(create=True, size=10)
    (finding,) = watching.find_leaks()
    memory.close()
    memory.unlink()
    assert [child.resource.type for child in finding.children] == ["multiprocessing.shared_memory.segment"]


def test_segment_that_another_process_unlinks(watching: Tracker) -> None:
    """A segment that is gone is released, whoever unlinked it; attaching to one makes none."""
    with watching.scope("job"):
        memory = SharedMemory(create=True, size=10)
        code = (
            "import sys; from multiprocessing.shared_memory import SharedMemory as S; s = S(sys.argv[1]);"
            "s.close(); s.unlink()"
        )
        subprocess.run([sys.executable, "-W", "ignore", "-c", code, memory.name], check=True)
        memory.close()
    from multiprocessing import resource_tracker

    resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]
    assert told(watching) == []


@pytest.mark.parametrize("make", MAKERS[1:])
def test_stand_in_has_no_more_than_the_real_one(make: Callable[[], Any], tracker: Tracker) -> None:
    """Attributes that are not there are refused in the same words, and dir() tells the same."""

    def asked() -> list[str]:
        resource = make()
        said = [str(sorted(dir(resource))), repr(resource).partition(" at 0x")[0], str(resource.__class__)]
        for name in ("nonsense", "__nonsense__", "_private"):
            with pytest.raises(AttributeError) as caught:
                getattr(resource, name)
            said.append(str(caught.value))
        resource.close()
        return said

    plain = asked()
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    assert asked() == plain
