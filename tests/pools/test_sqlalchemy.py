"""SQLAlchemy: check-outs of every kind of pool, engines, connections, sessions, and the asyncio side of all that."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy", minversion="2")
orm = pytest.importorskip("sqlalchemy.orm")
pool = pytest.importorskip("sqlalchemy.pool")

#: What is left on purpose here is warned of by sqlite3 too, from Python 3.13 on.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

ONE = sqlalchemy.text("select 1")
CHECK_OUT = "sqlalchemy QueuePool check-out"
ENGINE = "sqlalchemy.engine.base.Engine"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database in a file: sqlite then uses a QueuePool."""
    return f"sqlite:///{tmp_path / 'data.db'}"


@pytest.fixture
def engine(watching: Tracker, url: str) -> Iterator[Any]:
    """An engine made under watch, and disposed of after the test."""
    made = sqlalchemy.create_engine(url)
    yield made
    made.dispose()


def test_a_check_out_not_given_back(watching: Tracker, engine: Any, told: Any) -> None:
    """A connection that is kept open is a leak of its slot, at the user's line; who holds it is told below."""
    with engine.connect() as warm:
        warm.execute(ONE)
    lost = engine.connect()  # lost
    found = watching.find_leaks()
    assert told(found) == [("LT101", CHECK_OUT, "lost")]
    (finding,) = found
    below = {child.resource.type for child in finding.children}
    assert below == {"sqlalchemy.engine.base.Connection", "sqlalchemy.pool.base._ConnectionRecord"}
    assert "'with engine.connect()'" in finding.message
    lost.close()
    assert watching.find_leaks() == []


def test_a_check_out_dropped(watching: Tracker, engine: Any, told: Any) -> None:
    """One that only the collector gives back counts as leaked, though the pool takes it back."""
    engine.connect().execute(ONE)  # dropped
    gc.collect()
    assert told(watching.find_leaks()) == [("LT102", CHECK_OUT, "dropped")]
    with engine.connect() as again:
        again.execute(ONE)
    assert len(watching.find_leaks()) == 1


def test_a_raw_connection(watching: Tracker, engine: Any, told: Any, misuses: Any) -> None:
    """A raw connection is a check-out too; closing it twice is harmless."""
    raw = engine.raw_connection()  # raw
    assert told(watching.find_leaks()) == [("LT101", CHECK_OUT, "raw")]
    raw.close()
    raw.close()
    assert watching.find_leaks() == []
    assert misuses() == []


def test_what_gives_back_is_silent(watching: Tracker, engine: Any, misuses: Any) -> None:
    """Blocks, sessions that commit or close, scoped sessions that are removed, and invalid connections."""
    with engine.begin() as connection:
        connection.execute(ONE)
    with orm.Session(engine) as session:
        session.execute(ONE)
    committed = orm.Session(engine)
    committed.execute(ONE)
    committed.commit()
    scoped = orm.scoped_session(orm.sessionmaker(engine))
    scoped.execute(ONE)
    scoped.remove()
    unused = orm.Session(engine)
    invalid = engine.connect()
    invalid.invalidate()
    invalid.close()
    with engine.connect() as connection:
        connection.detach()
    assert watching.find_leaks() == []
    assert misuses() == []
    del unused
    gc.collect()
    assert watching.find_leaks() == []


@pytest.mark.parametrize("name", ["NullPool", "QueuePool"])
def test_a_detached_connection_is_its_takers(watching: Tracker, url: str, told: Any, name: str) -> None:
    """The pool has nothing of it any more, whether it keeps its records or drops them."""
    made = sqlalchemy.create_engine(url, poolclass=getattr(sqlalchemy.pool, name))
    raw = made.raw_connection()
    raw.detach()
    raw.close()
    with made.connect() as connection:
        connection.detach()
        connection.execute(ONE)
    made.dispose()
    del raw, connection
    gc.collect()
    assert watching.find_leaks() == []


def test_a_session_left_open(watching: Tracker, engine: Any, told: Any) -> None:
    """A session that has asked something keeps a slot from then on: the line that asked, and the session below."""
    session = orm.Session(engine)
    session.execute(ONE)  # asks
    (finding,) = watching.find_leaks()
    assert told([finding]) == [("LT101", CHECK_OUT, "asks")]
    assert "sqlalchemy.orm.session.Session" in {child.resource.type for child in finding.children}
    session.rollback()
    assert watching.find_leaks() == []


@pytest.mark.parametrize("name", ["QueuePool", "NullPool", "StaticPool", "SingletonThreadPool", "AssertionPool"])
def test_every_kind_of_pool(watching: Tracker, url: str, told: Any, name: str) -> None:
    """Whatever pool an engine has: used well it is silent, and a lost slot bears its name."""
    engine = sqlalchemy.create_engine(url, poolclass=getattr(pool, name))
    with engine.begin() as connection:
        connection.execute(ONE)
    assert watching.find_leaks() == []
    lost = engine.connect()  # lost
    assert told(watching.find_leaks()) == [("LT101", f"sqlalchemy {name} check-out", "lost")]
    lost.close()
    engine.dispose()
    assert watching.find_leaks() == []


def test_an_engine_for_the_whole_process(watching: Tracker, engine: Any) -> None:
    """An engine keeps idle connections as long as it lives: no leak of the process, nor of the scope that used it."""
    with watching.scope("first use") as scope, engine.connect() as one, engine.connect() as other:
        other.execute(ONE)
        one.execute(ONE)
    assert watching.find_leaks(scope=scope) == []
    assert watching.find_leaks() == []


def test_an_engine_in_a_scope(watching: Tracker, url: str, told: Any) -> None:
    """An engine that a scope makes and leaves with ten open connections is one finding."""
    with watching.scope("job") as scope:
        engine = sqlalchemy.create_engine(url, pool_size=10)  # made
        taken = [engine.connect() for _ in range(10)]
        for connection in taken:
            connection.close()
    assert told(watching.find_leaks(scope=scope)) == [("LT103", ENGINE, "made")]
    engine.dispose()


def test_an_engine_disposed_in_its_scope(watching: Tracker, url: str) -> None:
    """What is disposed of has nothing left, though the engine makes itself a new pool; it may be used again."""
    with watching.scope("job") as scope:
        engine = sqlalchemy.create_engine(url)
        for _ in range(2):
            with engine.begin() as connection:
                connection.execute(ONE)
            engine.dispose()
    assert watching.find_leaks(scope=scope) == []


def test_an_engine_dropped(watching: Tracker, url: str, told: Any) -> None:
    """An engine for one call, with idle connections, is dropped with them; one without any is not worth a word."""

    def call() -> None:
        engine = sqlalchemy.create_engine(url)  # dropped
        with engine.begin() as connection:
            connection.execute(ONE)
        sqlalchemy.create_engine(url, poolclass=pool.NullPool).connect().close()

    call()
    gc.collect()
    assert told(watching.find_leaks()) == [("LT102", ENGINE, "dropped")]


def test_disposing_while_something_is_out(watching: Tracker, url: str, told: Any, misuses: Any) -> None:
    """A pool that is closed with a check-out open is closed too early; the check-out goes on to be its holder's."""
    engine = sqlalchemy.create_engine(url)  # pool
    out = engine.connect()  # out
    engine.dispose()
    assert misuses() == [("LT303", "sqlalchemy.pool.impl.QueuePool", "pool")]
    assert told(watching.find_leaks()) == [("LT101", CHECK_OUT, "out")]
    out.close()
    assert watching.find_leaks() == []


def test_a_pool_without_an_engine(watching: Tracker, tmp_path: Path, told: Any) -> None:
    """A pool that is used by itself is watched by itself."""
    bare = pool.QueuePool(lambda: sqlite3.connect(tmp_path / "data.db", check_same_thread=False))
    out = bare.connect()  # out
    assert told(watching.find_leaks()) == [("LT101", CHECK_OUT, "out")]
    out.close()
    assert watching.find_leaks() == []
    bare.dispose()


def test_threads_share_a_pool(watching: Tracker, engine: Any, told: Any) -> None:
    """Several threads take and give back; the one that forgets is named by its line, though it has ended."""
    kept = []

    def work(forgets: bool) -> None:
        connection = engine.connect()  # taken
        connection.execute(ONE)
        if forgets:
            kept.append(connection)
        else:
            connection.close()

    threads = [threading.Thread(target=work, args=(number == 2,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(watching.find_leaks()) == [("LT101", CHECK_OUT, "taken")]
    kept.pop().close()


def test_a_dependency_as_a_generator(watching: Tracker, engine: Any, told: Any) -> None:
    """A generator that gives a session and closes it in `finally`, as frameworks use them: run to its end, or not."""

    def dependency() -> Iterator[Any]:
        session = orm.Session(engine)
        try:
            session.execute(ONE)  # asks
            yield session
        finally:
            session.close()

    with contextmanager(dependency)():
        pass
    assert watching.find_leaks() == []
    unfinished = dependency()
    next(unfinished)
    assert told(watching.find_leaks()) == [("LT101", CHECK_OUT, "asks")]
    unfinished.close()
    assert watching.find_leaks() == []


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_asyncio(watching: Tracker, tmp_path: Path, told: Any) -> None:
    """An asyncio engine runs in greenlets, where the chain of callers ends: still the user's line is named."""
    pytest.importorskip("greenlet")
    pytest.importorskip("aiosqlite")
    extension = pytest.importorskip("sqlalchemy.ext.asyncio")

    def check_outs() -> list[Any]:
        return [each for each in told(watching.find_leaks()) if each[1].startswith("sqlalchemy")]  # the loop runs

    async def work() -> list[Any]:
        engine = extension.create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'data.db'}")
        async with engine.connect() as connection:
            await connection.execute(ONE)
        async with extension.AsyncSession(engine) as session:
            await session.execute(ONE)
        assert check_outs() == []
        out = await engine.connect()  # out
        open_session = extension.AsyncSession(engine)
        await open_session.execute(ONE)  # asks
        found = [type(engine.pool).__name__, *check_outs()]
        await open_session.close()
        await out.close()
        await engine.dispose()
        return found

    pool_name, *found = asyncio.run(work())
    name = f"sqlalchemy {pool_name} check-out"
    assert found == [("LT101", name, "asks"), ("LT101", name, "out")]
    assert watching.find_leaks() == []


def test_against_a_server(watching: Tracker, postgresql: int, told: Any) -> None:
    """With psycopg below, what the pool keeps is neither the process's leak nor the scope's."""
    pytest.importorskip("psycopg")
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://tester@127.0.0.1:{postgresql}/postgres")
    with watching.scope("job") as scope, engine.connect() as connection:
        connection.execute(ONE)
    assert watching.find_leaks(scope=scope) == []
    out = engine.connect()  # out
    assert told(watching.find_leaks()) == [("LT101", CHECK_OUT, "out")]
    out.close()
    engine.dispose()
    assert watching.find_leaks() == []


def test_the_end_of_the_process(run_python: Callable[..., Any], tmp_path: Path) -> None:
    """At exit an engine of the program's is no finding, and a slot that is still taken is one."""
    pytest.importorskip("sqlalchemy")
    program = (
        "import sqlalchemy, sys\n"
        "engine = sqlalchemy.create_engine('sqlite:///data.db')\n"
        "with engine.connect() as one:\n    pass\n"
        "if len(sys.argv) > 1:\n"
        "    lost = engine.connect()\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    words = ["run", "--watch", "stdlib,sqlalchemy", "--error-exitcode", "3", str(script)]
    clean = run_python("", *words, python_flags=["-m", "lifetrack"], cwd=tmp_path)
    assert (clean.returncode, "LT" in clean.stderr) == (0, False)
    lost = run_python("", *words, "lose", python_flags=["-m", "lifetrack"], cwd=tmp_path)
    assert lost.returncode == 3
    assert "LT101 leak-at-exit (proven): sqlalchemy QueuePool check-out" in lost.stderr
    assert "program.py:6" in lost.stderr
