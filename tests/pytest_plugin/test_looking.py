"""Looking for who will release something reads what there is, whatever that is, and runs nothing of the program's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

HEAD = "import os\nfrom unittest import mock\nfrom resources import *\n"


def outcome(pytester: pytest.Pytester, run: Run, source: str, *arguments: str) -> tuple[dict[str, int], str]:
    """Run a suite with a test at its end that has nothing to do with it; give what came of it."""
    pytester.makepyfile(HEAD + source + "\ndef test_last(): pass\n")
    result = run(*arguments)
    return result.parseoutcomes(), result.stdout.str()


CLASSES = {
    "container": "for each in deque(opened): each.close()",
    "attribute": "\n    Kept.factory()\n    for each in opened: each.close()",
    "metaclass": "\n    Odd\n    for each in opened: each.close()",
}


@pytest.mark.parametrize("cleanup", CLASSES.values(), ids=CLASSES)
def test_classes_that_a_cleanup_names(pytester: pytest.Pytester, run: Run, cleanup: str) -> None:
    """A class is not asked for what its objects hold, and not whether it is equal to another one."""
    source = f"""
from collections import deque
class Kept: factory = dict
class Meta(type):
    def __eq__(cls, other): raise AssertionError
    __hash__ = type.__hash__
class Odd(metaclass=Meta): pass
@pytest.fixture(scope="module")
def opened():
    opened = []
    yield opened
    {cleanup.strip()}
def test_one(opened): opened.append(Backend())
"""
    outcomes, text = outcome(pytester, run, source)
    assert outcomes == {"passed": 2}, text


LAZY = """
LOADED = []
def load():
    LOADED.append(1)
    raise RuntimeError("no database is configured")
class Lazy:
    @property
    def __class__(self): return load()
    @property
    def __dict__(self): return load()
    def __getattr__(self, name): return load()
"""
PROXIES = {
    "written in C": "import wrapt\ndatabase = wrapt.LazyObjectProxy(load)",
    "by hand": "database = Lazy()",
    "imported late": """
import importlib.util, pathlib, sys
pathlib.Path("late.py").write_text("raise RuntimeError")
spec = importlib.util.find_spec("late")
spec.loader = importlib.util.LazyLoader(spec.loader)
database = importlib.util.module_from_spec(spec)
spec.loader.exec_module(database)
""",
}


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES)
def test_proxies_are_left_alone(pytester: pytest.Pytester, run: Run, proxy: str) -> None:
    """What a cleanup is about may stand for something that is made on first use: it is not made, and the leak told."""
    pytester.makepyfile(app=LAZY + proxy)
    source = """
import app
@pytest.fixture(scope="session", autouse=True)
def tidy():
    yield
    if app.LOADED: app.database.close()
def test_one(): keep()
def test_two(): assert not app.LOADED
"""
    outcomes, text = outcome(pytester, run, source)
    assert outcomes == {"passed": 3, "errors": 1}, text
    assert "LT103" in text


@pytest.mark.parametrize("name", ["os.getpid", "os.stat", "os.path.isfile"])
def test_what_a_fixture_has_patched(pytester: pytest.Pytester, run: Run, name: str) -> None:
    """A finding is told as ever while a wider fixture has something else in the place of a function of ``os``."""
    source = f"""
@pytest.fixture(scope="module")
def patched():
    with mock.patch("{name}"): yield
def test_one(patched): keep()
"""
    outcomes, text = outcome(pytester, run, source)
    assert outcomes == {"passed": 2, "errors": 1}, text
    assert "LT103" in text
    assert "resources.py" in text


def test_methods_written_in_c(pytester: pytest.Pytester, run: Run) -> None:
    """A bound method that is not Python's leads to what it is bound to."""
    source = """
@pytest.fixture(scope="session")
def at_end():
    todo = []
    yield todo
    for each in todo: each(*[None] * 3 * (each.__name__ == "__exit__"))
def test_one(at_end): at_end.append(open(os.devnull).close)
def test_two(at_end): at_end.append(open(os.devnull).__exit__)
def test_three(at_end): KEPT.append(open(os.devnull))
"""
    outcomes, text = outcome(pytester, run, source, "--lifetrack-watch=stdlib")
    assert outcomes == {"passed": 4, "errors": 1}, text
    assert "::test_three]" in text


def test_the_module_that_its_teardown_is_given(pytester: pytest.Pytester, run: Run) -> None:
    """``teardown_module(module)`` names what it releases as attributes of its argument."""
    source = """
def teardown_module(module):
    for each in module.OPENED: each.close()
OPENED = []
def test_one(): OPENED.append(Backend())
def test_two(): keep()
"""
    outcomes, text = outcome(pytester, run, source)
    assert outcomes == {"passed": 3, "errors": 1}, text
    assert "::test_one]" not in text


def test_exit_hooks_that_were_registered_early(pytester: pytest.Pytester, run: Run) -> None:
    """What conftest.py, and a module that it imports, will release at exit is the process's."""
    pytester.makepyfile(
        app="""
import atexit
OPENED = []
def close_all():
    while OPENED: OPENED.pop().close()
atexit.register(close_all)
"""
    )
    pytester.makeconftest(
        """
import app, atexit
MINE = []
@atexit.register
def close_mine():
    while MINE: MINE.pop().close()
"""
    )
    source = """
import app, conftest
def test_one(): app.OPENED.append(Backend())
def test_two(): conftest.MINE.append(Backend())
def test_three(): keep()
"""
    outcomes, text = outcome(pytester, run, source)
    assert outcomes == {"passed": 4, "errors": 1}, text
    assert "::test_one]" not in text
    assert "::test_two]" not in text


def test_who_has_acquired_what_was_handed_on_twice(pytester: pytest.Pytester, run: Run) -> None:
    """A fixture that was set up later outlasts the first one: the test is named all the same."""
    source = """
@pytest.fixture(scope="session")
def outer(): yield KEPT
@pytest.fixture(scope="module")
def first(): yield KEPT
def test_one(first, request):
    request.getfixturevalue("outer")
    keep()
"""
    outcomes, text = outcome(pytester, run, source)
    assert outcomes == {"passed": 2}, text
    assert "::test_one]" in text


def test_check_outs(pytester: pytest.Pytester, run: Run) -> None:
    """A check-out is in the hands of whoever holds what was lent: a session of a wider fixture is due with that."""
    pytest.importorskip("sqlalchemy")
    source = """
import sqlalchemy as sa
from sqlalchemy.orm import Session
@pytest.fixture(scope="module")
def engine():
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.QueuePool)
    yield engine
    engine.dispose()
@pytest.fixture(scope="module")
def session(engine):
    with Session(engine) as session: yield session
def test_one(session): session.execute(sa.text("select 1"))
def test_two(engine): KEPT.append(engine.connect())
"""
    pytester.makepyfile(HEAD + source + "def test_last(): pass\n")
    result = run("--lifetrack-watch=stdlib,sqlalchemy", fresh=True)
    result.assert_outcomes(passed=3, errors=2)  # with the engine, which is disposed while something is out
    result.stdout.fnmatch_lines(["*LT103*check-out*::test_two]"])
    result.stdout.no_fnmatch_line("*::test_one]")
