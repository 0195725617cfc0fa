"""Polite: beside other plugins, without some of pytest's own, and loaded from wherever somebody asks for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"
LEAKY = HEAD + "def test_leaky(): keep()\n"
PLUGINS = ("pytest_cov", "pytest_mock", "pytest_timeout", "pytest_randomly", "pytest_benchmark", "pytest_socket")


def test_with_other_plugins(pytester: pytest.Pytester, run: Run) -> None:
    """All at once: each does its work, clean tests pass and the leaks are found."""
    for name in (*PLUGINS, "pytest_asyncio"):
        pytest.importorskip(name)
    pytester.makepyfile(
        HEAD
        + """
import asyncio, socket
def test_mock(mocker):
    mocker.patch("resources.KEPT", [])
    keep().close()
def test_benchmark(benchmark): benchmark.pedantic(lambda: Backend().close(), rounds=2)
@pytest.mark.timeout(60)
def test_timeout(): open(__file__).close()
@pytest.mark.asyncio
async def test_async(): await asyncio.sleep(0); Backend().close()
@pytest.mark.disable_socket
def test_socket():
    with pytest.raises(RuntimeError): socket.socket()
@pytest.mark.timeout(60)
def test_leaky(mocker): keep()
"""
    )
    result = run("-p", "randomly", "--cov=resources", "--lifetrack-watch=stdlib", fresh=True)
    result.assert_outcomes(passed=6, errors=1)
    result.stdout.fnmatch_lines(["*Using --randomly-seed*", "*resources.py*100%*", "*test_leaky*"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "no:warnings", "-p", "no:unraisableexception", "-p", "no:threadexception"],
        ["-p", "no:junitxml", "-p", "no:capture", "-p", "no:logging", "-p", "no:faulthandler"],
        ["--import-mode=importlib", "-W", "error"],
    ],
    ids=" ".join,
)
def test_without_parts_of_pytest(pytester: pytest.Pytester, run: Run, arguments: list[str]) -> None:
    """The leak is found all the same."""
    pytester.makepyfile(LEAKY)
    run(*arguments).assert_outcomes(passed=1, errors=1)


def test_without_the_terminal(pytester: pytest.Pytester, run: Run) -> None:
    """The exit status tells."""
    pytester.makepyfile(LEAKY)
    assert run("-p", "no:terminal").ret == pytest.ExitCode.TESTS_FAILED


def test_from_a_conftest_and_by_name_at_once(pytester: pytest.Pytester, run: Run) -> None:
    """Whoever asks for it a second time gets the one that is there; ``no:lifetrack`` leaves it out."""
    pytester.makepyfile(LEAKY)
    pytester.makeconftest("pytest_plugins = ['lifetrack.pytest_plugin']")
    program = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    flags = ["--lifetrack", "--lifetrack-watch="]
    pytester.run(*program, *flags).assert_outcomes(passed=1, errors=1)
    run().assert_outcomes(passed=1, errors=1)
    (pytester.path / "conftest.py").unlink()
    pytester.run(*program, "-p", "no:lifetrack").assert_outcomes(passed=1)


def test_shows_what_pytest_looks_for() -> None:
    """Nothing but hooks and the fixture: pytest asks each name of a plugin what it is, twice, at every start."""
    import lifetrack.pytest_plugin as plugin
    from lifetrack.pytest_plugin import registration

    hooks = {name for name in vars(registration) if name.startswith("pytest_")}
    assert set(dir(plugin)) == hooks | {"lifetrack"}
    assert all(getattr(plugin, name) is getattr(registration, name) for name in dir(plugin))
