"""What the fixtures of a class leave is an error of the class, whoever calls them; and nothing is told twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RunPython

CLASSES = """
import unittest, lifetrack, pytest
from lifetrack.testing import LeakCheckMixin
from lifetrack.tracker import default_tracker

@lifetrack.tracked
class B:
    def close(self): pass

KEPT = []
def keep():
    KEPT.append(B())
    return KEPT[-1]

class Base(LeakCheckMixin, unittest.TestCase):
    def test_it(self): pass

class Foreign:
    @classmethod
    def setUpClass(cls): cls.b = keep()

class Clean(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.b, cls.c = keep(), keep()
        cls.addClassCleanup(cls.c.close)
    @classmethod
    def tearDownClass(cls):
        cls.b.close()
        super().tearDownClass()

class CleanToo(Clean):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.d = keep()
    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.d.close()

class CleansEarly(Base):
    @classmethod
    def setUpClass(cls): cls.b = keep()
    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()
        cls.b.close()

class Left(Base):
    @classmethod
    def setUpClass(cls): keep()
    def test_twice(self): pass

class LeftByHeir(Clean):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keep()

class LeftByForeign(LeakCheckMixin, Foreign, unittest.TestCase):
    def test_it(self): pass

class LeftAtEnd(Base):
    @classmethod
    def tearDownClass(cls): keep()

class FailsFirst(Base):
    @classmethod
    def setUpClass(cls):
        keep()
        raise ValueError("own setup")

class FailsLast(Base):
    @classmethod
    def setUpClass(cls): keep()
    @classmethod
    def tearDownClass(cls): raise ValueError("own teardown")

class FailsInCleanup(Base):
    @classmethod
    def setUpClass(cls):
        keep()
        cls.addClassCleanup(int, "own cleanup")

class Skips(Base):
    @classmethod
    def setUpClass(cls):
        keep()
        raise unittest.SkipTest("no")

del Base
"""
LEFT = {"Left", "LeftByHeir", "LeftByForeign", "LeftAtEnd"}
FAILED = {"FailsFirst", "FailsLast", "FailsInCleanup"}
BARE = ["-m", "pytest", "-q", "-n0", "-p", "no:randomly"]


@pytest.mark.parametrize("flags", [["-m", "unittest"], ["-m", "lifetrack", "run", "-m", "unittest"]])
def test_under_unittest(run_python: RunPython, tmp_path: Path, flags: list[str]) -> None:
    """Each class has one error; its own comes before a leak, with no frame of ours in its traceback."""
    (tmp_path / "test_it.py").write_text(CLASSES)
    done = run_python("", "test_it", python_flags=flags, cwd=tmp_path)
    told = done.stderr.partition("\nRan ")[0]
    errors = re.findall(r"^ERROR: (\w+) \(test_it\.(\w+)\)", told, re.MULTILINE)
    assert sorted(errors) == sorted([("tearDownClass", name) for name in LEFT | FAILED - {"FailsFirst"}] + [SET_UP])
    for part in told.split("ERROR: ")[1:]:
        assert ("LeakError: 1 resource" in part) == (re.match(r"\w+ \(test_it\.(\w+)\)", part).group(1) in LEFT)
        assert "unittests/" not in part or "LeakError" in part


SET_UP = ("setUpClass", "FailsFirst")


def test_under_pytest_alone(run_python: RunPython, tmp_path: Path) -> None:
    """The last test of each class has the same error; tracking is off again afterwards."""
    skips = "\nclass SkipsByPytest(Left):\n    @classmethod\n    def setUpClass(cls): pytest.skip('no')\n"
    off = "\ndef test_off(): assert not default_tracker().is_tracking()\n"
    (tmp_path / "test_it.py").write_text(CLASSES + skips + off)
    done = run_python("", "test_it.py", python_flags=BARE, cwd=tmp_path)
    errors = re.findall(r"^ERROR test_it\.py::(\w+)::\w+ - (\S+)", done.stdout, re.MULTILINE)
    assert sorted(name for name, _ in errors) == sorted(LEFT | FAILED)
    assert {name for name, error in errors if "LeakError" in error} == LEFT
    assert "own setup" in done.stdout
    assert "in _set_up" not in done.stdout
    assert re.search(r"^1\d passed, 3 skipped, 7 errors", done.stdout.splitlines()[-1]), done.stdout


def test_under_the_plugin(run_python: RunPython, tmp_path: Path) -> None:
    """The mixin leaves everything to it, and it sees through the mixin what the teardown will release."""
    code = """
class ReleasesLate(LeakCheckMixin, unittest.TestCase):
    @classmethod
    def tearDownClass(cls): cls.late.close()
    def test_it(self): type(self).late = keep()
"""
    (tmp_path / "test_it.py").write_text(CLASSES + code)
    done = run_python("", "--lifetrack", "test_it.py", python_flags=BARE, cwd=tmp_path)
    assert "LeakError" not in done.stdout
    assert set(re.findall(r"^ERROR test_it\.py::(\w+)::", done.stdout, re.MULTILINE)) == FAILED
    assert "fixture _unittest_setUpClass_fixture_Left (class)" in done.stdout
    assert "ReleasesLate" not in done.stdout
