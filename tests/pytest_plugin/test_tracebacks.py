"""What failing tests show is what they show without lifetrack: none of its frames, in no style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

#: Failures of every phase, each through a wrapper of a hook or of what is watched.
SUITE = """
import asyncio, os, socket, threading, unittest
import pytest

@pytest.fixture
def fails_in_setup(): raise ValueError("setup")

@pytest.fixture
def fails_in_teardown():
    yield
    raise ValueError("teardown")

@pytest.fixture(scope="module")
def module_fails():
    yield
    raise ValueError("module")

@pytest.fixture
def because(request):
    try: request.getfixturevalue("fails_in_setup")
    except ValueError as error: raise RuntimeError("because") from error

def test_setup(fails_in_setup): pass
def test_because(because): pass
def test_teardown(fails_in_teardown): pass
def test_call(module_fails): assert 0
def test_both(fails_in_teardown): assert 0
def test_open(): open("/nowhere/at/all")
def test_descriptor(): os.fdopen(99999)
def test_socket(): socket.create_connection(("127.0.0.1", 1))
def test_thread():
    thread = threading.Thread(target=int, name="begun")
    thread.start()
    thread.join()
    thread.start()
def test_loop(): asyncio.run(asyncio.open_connection("127.0.0.1", 1))

class TestGroup(unittest.TestCase):
    def setUp(self): self.addCleanup(lambda: 1 / 0)
    def tearDown(self): raise KeyError("tearDown")
    def test_it(self): self.fail("test")

def teardown_module(): raise KeyError("teardown_module")
"""


@pytest.mark.parametrize("style", ["long", "short", "line", "native"])
def test_failures_look_as_without_lifetrack(pytester: pytest.Pytester, run: Run, style: str) -> None:
    """Also those with several errors at once, which pytest shows in the interpreter's own form."""
    pytester.makepyfile(test_it=SUITE)
    options = (f"--tb={style}", "-pno:randomly")
    shown: list[list[str]] = []
    for more, flag in (((), False), (("--lifetrack-watch=stdlib", "--lifetrack-fail-on=never"), True)):
        result = run(*options, *more, flag=flag, fresh=True)
        result.assert_outcomes(failed=8, passed=1, errors=5)
        text = re.sub(r"0x[0-9a-f]+|\b\d{12,}\b", "~", result.stdout.str())
        text = text[text.index("= ERRORS =") : text.index("= short test summary")].partition("= lifetrack =")[0]
        # Where pytest shows its own functions, it lists the plugins that are there.
        shown.append([line for line in text.splitlines() if not line.startswith("methods = ")])
    assert shown[1] == shown[0]


def test_a_cause_is_not_asked_whether_it_is_true(pytester: pytest.Pytester, run: Run) -> None:
    """Our frames are taken out of it as of any other."""
    pytester.makepyfile(
        test_it="""
class Untrue(Exception):
    def __bool__(self): return False

def opener(*_): raise Untrue("cause")

def test_it():
    try: open(__file__, opener=opener)
    except Untrue as error: raise ValueError("effect") from error
"""
    )
    result = run("--tb=native", "--lifetrack-watch=stdlib", fresh=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Untrue: cause", "*ValueError: effect"])
    result.stdout.no_fnmatch_line('*File "<lifetrack*')
