"""The examples of tests run as their first lines say."""

from __future__ import annotations

from tests.conftest import CHECKOUT, RunPython

FOLDER = CHECKOUT / "examples" / "testing"


def test_with_pytest(run_python: RunPython) -> None:
    """Each test of the examples ends as it is meant to."""
    done = run_python("", "-q", "-n0", "-p", "no:cacheprovider", str(FOLDER), python_flags=["-m", "pytest"])
    assert "5 passed, 1 xfailed" in done.stdout


def test_with_unittest(run_python: RunPython) -> None:
    """The test cases need no pytest."""
    done = run_python("", "test_unittest", python_flags=["-m", "unittest"], cwd=FOLDER)
    assert "OK (expected failures=1)" in done.stderr
