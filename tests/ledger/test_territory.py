"""Whose file it is decides which line a finding names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lifetrack
from lifetrack.ledger.territory import INSTALLED, OURS, RUNNER, STDLIB, USER, classify

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

STANDARD = os.path.dirname(os.__file__)
SCRIPTS = os.path.dirname(os.path.abspath(sys.executable))
PACKAGE = os.path.dirname(os.path.abspath(lifetrack.__file__))


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        (os.path.join(PACKAGE, "tracker.py"), OURS),
        ("<lifetrack acquire>", OURS),
        (os.path.join(STANDARD, "gzip.py"), STDLIB),
        ("<frozen runpy>", STDLIB),
        (os.path.join(STANDARD, "site-packages", "black", "__init__.py"), INSTALLED),
        ("/usr/lib/python3/dist-packages/apt/__init__.py", INSTALLED),
        (os.path.join(STANDARD, "site-packages", "_pytest", "runner.py"), RUNNER),
        ("/usr/lib/python3/dist-packages/black/_pytest.py", INSTALLED),
        ("/home/me/pytest/src/_pytest/runner.py", USER),
        (os.path.join(SCRIPTS, "black"), INSTALLED),
        (os.path.join(SCRIPTS, "deeper", "app.py"), USER),
        ("/home/me/app.py", USER),
        ("/home/me/lifetrack_app/app.py", USER),
        (PACKAGE + "_of_mine.py", USER),
        ("<stdin>", USER),
        ("<string>", USER),
        ("app.py", USER),
    ],
)
def test_a_file_is_told_by_where_it_is(file: str, whose: int) -> None:
    """A name that only begins like ours, or like a folder of installed packages, is the user's own."""
    assert classify(file) == whose
    assert (classify(file) is RUNNER) is (whose is RUNNER)


def test_the_runner_of_tests_is_an_installed_file() -> None:
    """Only walks up the callers, which end there, tell it from others."""
    assert {RUNNER} <= {INSTALLED}


def test_a_fake_file_system_is_not_asked(tracker: Tracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Paths that somebody has replaced by what opens files themselves are no part of recording what is opened."""
    real = {name: getattr(os.path, name) for name in ("dirname", "basename", "abspath", "join", "normpath", "split")}
    asked: list[str] = []

    def fake(name: str) -> Callable[..., Any]:
        def faked(*given: Any) -> Any:
            asked.append(name)
            with open(os.devnull):
                return real[name](*given)

        return faked

    code = compile("kept = open(name)", str(tmp_path / "new.py"), "exec")
    variables: dict[str, Any] = {"name": os.devnull}
    tracker.start(policy="record", report=False, watch="io")
    for name in real:
        monkeypatch.setattr(os.path, name, fake(name))
    exec(code, variables)
    monkeypatch.undo()
    (leak,) = tracker.find_leaks()
    variables["kept"].close()
    assert leak.site is not None
    assert (leak.site.file, asked) == (str(tmp_path / "new.py"), [])
