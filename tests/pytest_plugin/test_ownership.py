"""Ownership under pytest: whoever owns a resource in the end is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

HEAD = """
from resources import *

@pytest.fixture(scope="session")
def pool():
    owner = lt.Owner("pool")
    yield owner
    CLOSE
"""


def suite(body: str, close: str = "owner.close()") -> str:
    """Give a test module with a pool that lives as long as the session."""
    return HEAD.replace("CLOSE", close) + body


def test_what_is_given_to_a_session_fixtures_owner_is_not_due_at_the_tests_end(
    pytester: pytest.Pytester, run: Run
) -> None:
    """Neither the test that gave it nor a later one fails, nor the run, where the owner closes in its teardown."""
    pytester.makepyfile(
        suite(
            """
def test_gives(pool):
    lt.transfer(Backend(), to=pool)
    pool.handle = lt.Owned(lt.transfer(Backend(), to=pool))
    lt.transfer(pool.handle, to=pool)
def test_uses(pool):
    for each in pool.owned:
        with lt.borrow(each) as lent:
            lent.use()
"""
        )
    )
    result = run("-v")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*lifetrack: no findings; 2 resources acquired, 2 released*"])


def test_an_owner_that_never_closes_is_its_fixtures_fault(pytester: pytest.Pytester, run: Run) -> None:
    """The fixture is named, and where it got the duty; the test that gave it passes."""
    pytester.makepyfile(
        suite("def test_gives(pool):\n    lt.transfer(Backend(), to=pool)\n", close="KEPT.append(owner)")
    )
    result = run()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = " ".join(result.stdout.str().split())
    assert "1 finding fails the run, as no test could be failed for it: 1. LT103 leak-from-scope" in text
    assert "was still live when fixture 'pool (session)' ended; its last owner, Owner 'pool', got it at test_an" in text


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("KEPT.append(lt.Owner('inner'))\n    lt.transfer(Backend(), to=KEPT[-1])", "LT103"),
        ("KEPT.append(lt.Owned(Backend()))", "LT103"),
        ("owner = lt.Owner('inner')\n    KEPT.append(lt.transfer(Backend(), to=owner))\n    del owner", "LT104"),
        ("KEPT.append(Backend())\n    lt.Shared(KEPT[-1])", "LT104"),
        ("lt.Owned(Backend())", "LT104"),
    ],
)
def test_an_owner_of_the_test_is_the_tests_duty(pytester: pytest.Pytester, run: Run, body: str, rule: str) -> None:
    """Owners and handles that are made in a test and do not release what they own fail it, and no other."""
    pytester.makepyfile(suite(f"def test_leaks():\n    {body}\ndef test_after():\n    Backend().close()\n"))
    result = run()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_leaks*", f"*{rule} *(proven): resources.Backend*"])


def test_a_test_that_lends_its_fixtures_object(pytester: pytest.Pytester, run: Run) -> None:
    """A loan that is given back is nothing; one that is open when the fixture releases fails that teardown."""
    pytester.makepyfile(
        suite(
            """
@pytest.fixture
def backend():
    made = Backend()
    yield made
    made.close()
def test_lends(backend):
    with lt.borrow(backend) as lent:
        lent.use()
def test_forgets(backend):
    KEPT.append(lt.borrow(backend))
    KEPT[-1].__enter__()
"""
        )
    )
    result = run()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_forgets*", "*OwnershipError: LT302 release-while-borrowed*"]
    )


def test_a_family_is_one_finding(pytester: pytest.Pytester, run: Run) -> None:
    """A parent, its children and the parts that it owns fail their test once."""
    pytester.makepyfile(
        suite(
            """
@lt.tracked(children="session", owns=True)
class Parent:
    def __init__(self): self.part = Backend()
    def session(self): return Backend()
    def close(self): pass
def test_leaks():
    parent = Parent()
    KEPT.extend([parent, *(parent.session() for _ in range(40))])
"""
        )
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*LT103 leak-from-scope (proven): *Parent*"])
    result.stdout.no_fnmatch_line("*LT103 leak-from-scope (proven): resources.Backend*")
    result.stdout.no_fnmatch_line("*41 findings*")


def test_a_refusal_that_the_test_expects(pytester: pytest.Pytester, run: Run) -> None:
    """What ``pytest.raises`` has caught does not fail the test a second time."""
    pytester.makepyfile(
        suite(
            """
def test_refused():
    with lt.Owned(Backend()) as handle:
        with pytest.raises(lt.OwnershipError, match="LT301"):
            handle.get().close()
        with lt.borrow(handle), pytest.raises(lt.OwnershipError, match="LT302"):
            handle.release()
"""
        )
    )
    run().assert_outcomes(passed=1)


def test_a_hand_over_to_something_that_lives_on(pytester: pytest.Pytester, run: Run) -> None:
    """What a test gives to an object outside, or to a thread that closes it, is not its leak."""
    pytester.makepyfile(
        suite(
            """
import threading
class Cache: pass
CACHE = Cache()
def test_caches():
    CACHE.item = lt.transfer(Backend(), to=CACHE)
def test_hands_over():
    backend = Backend()
    KEPT.append(threading.Thread(target=backend.close))
    lt.transfer(backend, to=KEPT[-1])
def test_ends():
    KEPT[-1].start()
    KEPT[-1].join()
    CACHE.item.close()
"""
        )
    )
    result = run()
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.OK
