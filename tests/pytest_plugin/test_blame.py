"""Who is blamed for a leak: the test or fixture that acquired the resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"


def test_a_live_resource_fails_its_test(pytester: pytest.Pytester, run: Run) -> None:
    """What a test leaves live fails it at teardown, with rule, type and site; its neighbours pass."""
    pytester.makepyfile(
        HEAD
        + """
def test_before(): Backend().close()
def test_leaky():
    keep()
def test_after(): Backend().close()
"""
    )
    result = run()
    result.assert_outcomes(passed=3, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_leaky*",
            "leaked resources.Backend from *resources.py:* in keep",
            "*LT103 leak-from-scope (proven): resources.Backend",
            "*acquired*resources.py:*KEPT.append(Backend())",
            "*test_leaky*keep()",
            "*= lifetrack =*",
            "*LT103 leak-from-scope, proven, resources.Backend*test_leaky]",
        ]
    )
    evidence = result.stdout.str().partition("ERROR at teardown")[2]
    assert "pluggy" not in evidence
    assert "in violation" not in evidence


def test_a_dropped_resource_fails_its_test(pytester: pytest.Pytester, run: Run) -> None:
    """What is dropped without its release is found before the test is reported."""
    pytester.makepyfile(HEAD + "def test_drops():\n    Backend()\n")
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*LT102 leak-collected (proven)*"])


def test_a_cycle_is_found_without_the_collector(pytester: pytest.Pytester, run: Run) -> None:
    """A resource in a cycle of references is judged at the end of its test, before any collection."""
    pytester.makepyfile(
        HEAD
        + """
import gc
def test_cycle():
    gc.disable()
    backend = Backend()
    backend.itself = backend
def test_next():
    gc.collect()
    gc.enable()
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_cycle ERROR*"])
    result.stdout.no_fnmatch_line("*LT102*")


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
@pytest.mark.parametrize("style", ["yield", "finalizer"])
def test_a_wider_fixture_is_due_after_its_own_teardown(
    pytester: pytest.Pytester, run: Run, scope: str, style: str
) -> None:
    """What a wider fixture acquires and releases in its teardown is nobody's leak, whatever its style."""
    body = "yield backend\n    backend.close()" if style == "yield" else "request.addfinalizer(backend.close)"
    pytester.makepyfile(
        HEAD
        + f"""
@pytest.fixture(scope={scope!r})
def shared(request):
    backend = Backend()
    {body}
class TestOne:
    def test_first(self, shared): pass
    def test_second(self, shared): pass
def test_late(request): request.getfixturevalue("shared")
"""
    )
    result = run()
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*LT1*")


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_wider_fixture_that_leaks_fails_the_run(pytester: pytest.Pytester, run: Run, scope: str) -> None:
    """The fixture is named, no test is blamed, and the run fails."""
    pytester.makepyfile(
        HEAD
        + f"""
@pytest.fixture(scope={scope!r})
def shared(): return keep()
def test_first(shared): pass
def test_second(request): request.getfixturevalue("shared")
"""
    )
    result = run()
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    times = 2 if scope == "class" else 1  # a function outside classes is a class of its own to pytest
    result.stdout.fnmatch_lines([f"*[[]fixture shared ({scope})]", f"{times} finding* the run*", "*LT103*"])


def test_a_function_fixture_is_the_test_s(pytester: pytest.Pytester, run: Run) -> None:
    """A leak in a function-scoped fixture fails the test that used it; one released in teardown is none."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture
def good():
    backend = Backend()
    yield backend
    backend.close()
@pytest.fixture
def bad(): return keep()
def test_good(good): pass
def test_bad(bad): pass
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_bad ERROR*"])


def test_what_the_teardown_of_a_wider_fixture_makes_is_the_fixture_s(pytester: pytest.Pytester, run: Run) -> None:
    """The last test, during whose teardown it happens, is not blamed."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="session")
def shared():
    yield
    keep()
def test_last(shared): pass
"""
    )
    result = run()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*[[]fixture shared (session)]"])


def test_a_wider_fixture_that_fails_is_not_blamed_twice(pytester: pytest.Pytester, run: Run) -> None:
    """After a failing setup its leftovers are its failure's consequence: listed, and no failure of their own."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="session")
def broken():
    keep()
    raise OSError("no database")
def test_it(broken): pass
def test_after(): keep()
"""
    )
    result = run()
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*no database*", "*ERROR at teardown of test_after*"])
    result.stdout.fnmatch_lines(["*LT103*[[]fixture broken (session)]"])
    result.stdout.no_fnmatch_line("*the run*")


def test_a_parametrised_session_fixture_ends_before_the_next(pytester: pytest.Pytester, run: Run) -> None:
    """Each setup of it is a scope of its own."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="session", params=[1, 2])
def shared(request):
    backend = Backend() if request.param == 1 else keep()
    yield backend
    if request.param == 1: backend.close()
def test_it(shared): pass
"""
    )
    result = run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["1 finding fails the run*"])


def test_a_resource_collected_later_is_its_maker_s(pytester: pytest.Pytester, run: Run) -> None:
    """Made in one test and collected during the next, it is the first one's alone."""
    pytester.makepyfile(
        HEAD
        + """
def test_maker(): keep()
def test_collector(): KEPT.clear()
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_maker ERROR*"])


def test_what_import_makes_is_the_process_s(pytester: pytest.Pytester, run: Run) -> None:
    """A module's resource that lives to the end is nobody's leak; one dropped on import fails the run, not a test."""
    pytester.makepyfile(test_one=HEAD + "SHARED = Backend()\ndef test_one(): SHARED.use()\n")
    result = run()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    pytester.makepyfile(test_two=HEAD + "Backend()\ndef test_two(): pass\n")
    result = run()
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*test_two.py:*LT102*[[]process]"])


def test_unittest_classes(pytester: pytest.Pytester, run: Run) -> None:
    """In a TestCase, setUpClass is the class's, setUp and the test are the test's, and cleanups are waited for."""
    pytester.makepyfile(
        HEAD
        + """
import unittest
class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.shared = Backend()
    @classmethod
    def tearDownClass(cls): cls.shared.close()
    def setUp(self):
        self.own = Backend()
        self.addCleanup(self.own.close)
    def test_good(self): self.own.use()
    def test_leaky(self): keep()
    def test_failing(self):
        keep()
        self.fail("of itself")
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1, failed=1)
    result.stdout.fnmatch_lines(["*test_leaky ERROR*", "*left open, after the failure above*"])


def test_async_tests_and_fixtures(pytester: pytest.Pytester, run: Run) -> None:
    """Under pytest-asyncio, tests, tasks and fixtures of each scope keep their own."""
    pytest.importorskip("pytest_asyncio")
    pytester.makepyfile(
        HEAD
        + """
import asyncio, pytest_asyncio
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared():
    backend = Backend()
    yield backend
    backend.close()
@pytest_asyncio.fixture
async def own():
    backend = Backend()
    yield backend
    backend.close()
@pytest.mark.asyncio(loop_scope="session")
async def test_good(shared): Backend().close()
@pytest.mark.asyncio
async def test_own(own): await asyncio.sleep(0)
@pytest.mark.asyncio
async def test_leaky():
    async def work(): keep()
    await asyncio.create_task(work())
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*test_leaky ERROR*"])


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_what_a_module_acquires_that_a_test_imports(pytester: pytest.Pytester, run: Run, level: str) -> None:
    """An import within a test or fixture is an import; a script that a test runs is the test's."""
    module = HEAD + "\nBACKEND = Backend()\n"
    pytester.makepyfile(app_one=module, app_two=module, script=module, app_three=HEAD + "\nmake = Backend\n")
    pytester.makepyfile(
        HEAD
        + """
import runpy
@pytest.fixture(scope="module")
def app():
    import app_two
    return app_two
def test_one(): import app_one
def test_two(app): import app_one
def test_three(): KEPT.append(runpy.run_path("script.py"))
def test_four():
    import app_three
    KEPT.append(app_three.make())
def test_last(): pass
"""
    )
    result = run(f"--lifetrack={level}", flag=False)
    result.assert_outcomes(passed=5, errors=2)
    result.stdout.fnmatch_lines_random(["*LT103*::test_three]", "*LT103*::test_four]"])
    result.stdout.no_fnmatch_line("*LT1*app_*")
