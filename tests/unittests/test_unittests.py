"""Tests of unittest alone: each test, class and module owns what it acquires, and fails by it where asked to."""

from __future__ import annotations

import json
import unittest
from typing import TYPE_CHECKING

import pytest

from lifetrack.tracker import Tracker
from lifetrack.unittests.hooks import Attribution
from lifetrack.values.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RunPython

SUITE = """
import asyncio, unittest, lifetrack
{imports}

@lifetrack.tracked
class Backend:
    def use(self): pass
    def close(self): pass

KEPT = []
def keep():
    KEPT.append(Backend())
    return KEPT[-1]

def setUpModule(): KEPT.append(open(__file__))
def tearDownModule(): KEPT[0].close()

class Sync({bases}unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.shared, cls.left = keep(), keep()
    @classmethod
    def tearDownClass(cls): cls.shared.close()
    def test_clean(self): Backend().close()
    def test_cleanup(self): self.addCleanup(keep().close)
    def test_left(self): keep()
    def test_dropped(self): Backend()
    def test_fails(self): keep(); self.fail("own")
    def test_subtests(self):
        with self.subTest(1): keep()
    @unittest.skip("no")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()

class Async({bases}unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.held = keep()
    async def asyncTearDown(self): self.held.close()
    async def test_clean(self): await asyncio.to_thread(Backend().close)
    async def test_left(self):
        await asyncio.sleep(0)
        keep()
"""
MIXIN = SUITE.format(imports="from lifetrack.testing import LeakCheckMixin", bases="LeakCheckMixin, ")
PLAIN = SUITE.format(imports="", bases="")
FAILING = {"Sync.test_left", "Sync.test_dropped", "Sync.test_subtests", "Async.test_left"}


def failed(output: str, word: str = "FAIL") -> set[str]:
    """Give the short names of the tests that unittest tells as failed."""
    lines = [line for line in output.splitlines() if line.startswith(f"{word}: ")]
    return {".".join(line.partition("(")[2].rstrip(")").split(".")[1:]) for line in lines}


def test_the_mixin(run_python: RunPython, tmp_path: Path) -> None:
    """A leak fails its test with the evidence, a class's is an error of its teardown; other endings stay."""
    (tmp_path / "test_it.py").write_text(MIXIN)
    done = run_python("", "-v", "test_it", python_flags=["-m", "unittest"], cwd=tmp_path)
    assert failed(done.stderr) == FAILING | {"Sync.test_fails"}
    assert failed(done.stderr, "ERROR") == {"Sync"}
    assert "FAILED (failures=5, errors=1, skipped=1, expected failures=1)" in done.stderr
    assert "test_it.py:" in done.stderr.partition("FAIL: test_left")[2]
    assert done.stderr.count("AssertionError: own") == 1


def test_run_names_the_test_of_each_finding(run_python: RunPython, tmp_path: Path) -> None:
    """``lifetrack run -m unittest`` changes no outcome; classes and modules own what is theirs."""
    (tmp_path / "test_it.py").write_text(PLAIN)
    words = ["run", "--report", "out.json", "-m", "unittest", "-v", "test_it"]
    done = run_python("", *words, python_flags=["-m", "lifetrack"], cwd=tmp_path)
    assert "FAILED (failures=1, skipped=1, expected failures=1)" in done.stderr
    findings = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert {finding["resource"]["type"] for finding in findings} == {"test_it.Backend"}
    assert sum(finding["count"] for finding in findings) == 6
    (dropped,) = [finding for finding in findings if finding["rule"] == "LT102"]
    assert dropped["test"] == "test_it.Sync.test_dropped"


def test_run_and_mixin_together(run_python: RunPython, tmp_path: Path) -> None:
    """The tests fail as they do without the command."""
    (tmp_path / "test_it.py").write_text(MIXIN)
    done = run_python("", "run", "-m", "unittest", "test_it", python_flags=["-m", "lifetrack"], cwd=tmp_path)
    assert failed(done.stderr) == FAILING | {"Sync.test_fails"}


SETTINGS = """
import unittest, lifetrack
from lifetrack.testing import LeakCheckTestCase
from lifetrack.tracker import default_tracker
@lifetrack.tracked
class B:
    def use(self): pass
    def close(self): pass
def misuse():
    b = B(); b.close(); b.use()
class Raises(LeakCheckTestCase):
    lifetrack_policy = "raise"
    @classmethod
    def setUpClass(cls):
        try: misuse()
        except lifetrack.UseAfterReleaseError: return
        raise SystemExit("nothing was raised")
    def test_it(self):
        with self.assertRaises(lifetrack.UseAfterReleaseError): misuse()
class RaisesToo(Raises):
    pass
class Records(LeakCheckTestCase):
    lifetrack_policy = "record"
    def test_it(self): misuse()
class Never(LeakCheckTestCase):
    lifetrack_fail_on = "never"
    def test_it(self): B()
class Unwatched(LeakCheckTestCase):
    lifetrack_watch = ()
    @classmethod
    def setUpClass(cls): cls.file = open(__file__)
    def test_it(self): open(__file__)
    def test_declared(self): B()
class Watched(LeakCheckTestCase):
    lifetrack_watch = ("stdlib",)
    lifetrack_level = "counts"
    def test_it(self): open(__file__)
    def test_level(self): self.assertEqual(default_tracker().engine.settings.level.word, "counts")
class WatchedAfterwards(LeakCheckTestCase):
    def test_it(self): open(__file__)
    def test_restored(self):
        settings = default_tracker().engine.settings
        self.assertEqual((settings.level.word, settings.policy.default), {last})
del LeakCheckTestCase
"""


@pytest.mark.parametrize(
    ("flags", "last"),
    [
        (["-m", "unittest"], ("stacks", "raise")),
        (["-m", "lifetrack", "run", "--policy", "record", "--level", "sites", "-m", "unittest"], ("sites", "record")),
    ],
)
def test_settings_of_a_class(run_python: RunPython, tmp_path: Path, flags: list[str], last: tuple[str, str]) -> None:
    """They are class attributes, which hold for the class alone; a run that tracks keeps what they do not say."""
    (tmp_path / "test_it.py").write_text(SETTINGS.replace("{last}", repr(last)))
    done = run_python("", "test_it", python_flags=flags, cwd=tmp_path)
    left = {"Records.test_it", "Unwatched.test_declared", "Watched.test_it", "WatchedAfterwards.test_it"}
    assert failed(done.stderr) == left
    assert failed(done.stderr, "ERROR") == set()
    assert "LT201" in done.stderr


def test_a_wrong_setting_is_told_where_the_class_is_made() -> None:
    """No test has to run for it."""
    from lifetrack.testing import LeakCheckMixin

    with pytest.raises(ConfigurationError, match="unknown level 'stakcs'"):
        type("Wrong", (LeakCheckMixin, unittest.TestCase), {"lifetrack_level": "stakcs"})


def test_the_exact_undo(tracker: Tracker) -> None:
    """Every method of unittest is again what it was."""
    from unittest.async_case import IsolatedAsyncioTestCase

    owners = (unittest.TestCase, unittest.TestSuite, IsolatedAsyncioTestCase)
    before = [dict(owner.__dict__) for owner in owners]
    attribution = Attribution(tracker)
    attribution.install()
    attribution.install()
    assert unittest.TestCase.__dict__["run"] is not before[0]["run"]
    attribution.remove()
    assert [dict(owner.__dict__) for owner in owners] == before
