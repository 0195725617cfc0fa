"""sqlite3 connections answer as before, whoever makes them."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


def test_connections_look_as_before(watching: Tracker) -> None:
    """A connection says that it is of the real class, and has no attributes of its own."""
    connection = sqlite3.connect(":memory:")
    assert connection.__class__ is sqlite3.Connection
    assert isinstance(connection, sqlite3.Connection)
    assert repr(connection).startswith("<sqlite3.Connection object at ")
    with pytest.raises(AttributeError):
        connection.anything = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="pickle"):
        __import__("pickle").dumps(connection)
    with connection:
        connection.execute("create table t (a)")
    assert [found.rule for found in watching.find_leaks()] == ["LT101"]
    connection.close()
    connection.close()
    assert watching.find_leaks() == []


def test_a_factory_of_the_programs(watching: Tracker) -> None:
    """A factory class is kept, and its close() is a release; after the undo it has none of ours."""

    class Mine(sqlite3.Connection):
        pass

    with watching.scope("job"):
        first: Any = sqlite3.connect(":memory:", factory=Mine)
        second: Any = sqlite3.connect(":memory:", factory=Mine)
        first.close()
    assert type(second) is Mine
    assert [found.resource.type.rpartition(".")[2] for found in watching.find_leaks()] == ["Mine"]
    second.close()
    watching.stop()
    assert "close" not in vars(Mine)


#: In a tuple, where its name is not exchanged.
REAL_ONES = (sqlite3.Connection,)


def test_a_factory_that_is_a_function(watching: Tracker) -> None:
    """What a function makes of the class is tracked; what it makes of the real one cannot be, and is counted."""
    for cls, untrackable in ((sqlite3.Connection, 0), (REAL_ONES[0], 1)):
        connection: Any = sqlite3.connect(":memory:", factory=lambda *args, made=cls, **kwargs: made(*args, **kwargs))
        assert isinstance(connection, sqlite3.Connection)
        assert len(watching.find_leaks()) == 1 - untrackable
        assert watching.report().totals.untrackable == untrackable
        connection.close()


def test_type_is_what_it_was(watching: Tracker, tmp_path: Path) -> None:
    """The class goes by its name, whoever makes the connection; what was made before and after is of it, too."""
    own = type("Own", (sqlite3.Connection,), {})
    old = type("Old", (REAL_ONES[0],), {})
    for factory in (sqlite3.Connection, own, old):
        connection = sqlite3.connect(tmp_path / "file", factory=factory)
        assert type(connection) is connection.__class__ is factory
        assert isinstance(connection, sqlite3.Connection)
        assert issubclass(factory, sqlite3.Connection)
        assert len(watching.find_leaks()) == 1
        connection.close()
        assert watching.find_leaks() == []
    plain = sqlite3.connect(":memory:")
    assert type(plain) is sqlite3.Connection is sqlite3.dbapi2.Connection
    plain.close()
    assert repr(sqlite3.Connection) == repr(REAL_ONES[0])
    assert pickle.loads(pickle.dumps(sqlite3.Connection)) is sqlite3.Connection
    made = REAL_ONES[0](":memory:")
    assert isinstance(made, sqlite3.Connection)
    made.close()
    watching.stop()
    assert sqlite3.Connection is sqlite3.dbapi2.Connection is REAL_ONES[0]


def test_made_by_its_class(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A call of the class, or of a subclass of the program's, acquires as ``connect`` does, once."""
    own: Any = type("Own", (sqlite3.Connection,), {})
    made = [sqlite3.Connection(":memory:"), own(":memory:")]  # site: the class
    found = watching.find_leaks()
    assert [leak.resource.type for leak in found] == ["sqlite3.Connection", f"{__name__}.Own"]
    assert all("# site: the class" in line_of(leak) for leak in found)
    for connection in made:
        connection.close()
    rows = {row.type: (row.acquired, row.released) for row in watching.report().types}
    assert [rows[leak.resource.type] for leak in found] == [(1, 1)] * 2


def test_another_thread_is_refused_as_before(watching: Tracker) -> None:
    """sqlite3's own check of the thread raises, and the connection is not released by it."""
    connection = sqlite3.connect(":memory:")
    errors: list[str] = []

    def close() -> None:
        try:
            connection.close()
        except sqlite3.ProgrammingError as error:
            errors.append(str(error))

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    gc.collect()
    assert "created in a thread" in errors[0]
    assert [found.rule for found in watching.find_leaks()] == ["LT105"]
    connection.close()
    assert watching.find_leaks() == []


def test_closed_with_an_open_transaction(watching: Tracker, tmp_path: Path) -> None:
    """A connection that is closed before its transaction has ended loses what was written: LT303, suspected."""
    connection = sqlite3.connect(tmp_path / "file")
    connection.execute("create table numbers (number)")
    connection.execute("insert into numbers values (1)")
    connection.close()
    (finding,) = watching.report().findings
    assert (finding.rule, finding.certainty.name.lower()) == ("LT303", "suspected")
    assert "commit()" in finding.message


_CREATE = "create table if not exists numbers (number)"
WRITES: dict[str, tuple[str, ...]] = {
    "insert": ("insert into numbers values (1)",),
    "table": ("begin", "create table others (number)"),
    "after one that has ended": ("insert into numbers values (1)", "commit", "begin", "update numbers set number = 2"),
    "log": ("pragma journal_mode = wal", "insert into numbers values (1)"),
    "truncated": ("pragma journal_mode = truncate", "insert into numbers values (1)"),
    "kept": ("pragma journal_mode = persist", "insert into numbers values (1)"),
}
READS: dict[str, tuple[str, ...]] = {
    "select": ("begin", "select * from numbers"),
    "no match": ("delete from numbers where number = 5",),
    "reserved": ("begin immediate",),
    "temporary": ("create temp table others (number)", "insert into others values (1)"),
    "after one that has ended": ("insert into numbers values (1)", "commit", "begin", "select * from numbers"),
    "truncated": ("pragma journal_mode = truncate", "insert into numbers values (1)", "commit", "begin"),
    "log": ("pragma journal_mode = wal", "begin", "select * from numbers"),
}
NAMES: dict[str, Callable[[Path], tuple[str, bool]]] = {
    "path": lambda path: (str(path), False),
    "relative": lambda path: (os.path.relpath(path), False),
    "uri": lambda path: (path.as_uri(), True),
    "relative uri": lambda path: (f"file:{os.path.relpath(path)}?mode=rw", True),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("statements", "expected"), [
    *(pytest.param(each, ["LT303"], id=f"writes, {kind}") for kind, each in WRITES.items()),
    *(pytest.param(each, [], id=f"reads, {kind}") for kind, each in READS.items()),
])  # fmt: skip
def test_what_a_transaction_has_written(
    statements: tuple[str, ...],
    expected: list[str],
    name: str,
    watching: Tracker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only what was written to the file can be lost, whatever name that was opened by."""
    path = tmp_path / "a file"
    monkeypatch.chdir(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(_CREATE)
    database, uri = NAMES[name](path)
    connection = sqlite3.connect(database, uri=uri)
    monkeypatch.chdir("/")
    for statement in statements:
        connection.execute(statement).fetchall()
    assert connection.in_transaction
    connection.close()
    assert [found.rule for found in watching.report().findings] == expected


def test_transactions_that_end(watching: Tracker, tmp_path: Path) -> None:
    """A transaction that was ended is not spoken of, nor one that an exception leaves, nor one in memory."""
    for end in ("commit", "rollback"):
        with contextlib.closing(sqlite3.connect(tmp_path / "file")) as connection:
            connection.execute("create table if not exists numbers (number)")
            connection.execute("insert into numbers values (1)")
            getattr(connection, end)()
            connection.execute("select * from numbers").fetchall()
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create table numbers (number)")
        connection.execute("insert into numbers values (1)")
    with contextlib.suppress(KeyError), contextlib.closing(sqlite3.connect(tmp_path / "file")) as connection:
        connection.execute("insert into numbers values (1)")
        raise KeyError
    assert watching.report().findings == ()


def test_connection_of_a_factory_function(watching: Tracker, tmp_path: Path) -> None:
    """One of the real class, as a function may make it, cannot be tracked; it is counted, and works as ever."""
    factory: Any = lambda *args, **options: REAL_ONES[0](*args)  # noqa: E731 - a function in its shortest form
    for database in (":memory:", tmp_path / "file"):
        connection = sqlite3.connect(database, factory=factory)
        connection.execute("create table numbers (number)")
        connection.execute("insert into numbers values (1)")
        connection.close()
    assert watching.report().totals.untrackable == 2
    assert watching.report().findings == ()
