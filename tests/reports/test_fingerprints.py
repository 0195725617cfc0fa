"""A fingerprint is that of the bug: the same over runs, machines, processes, Pythons, and shifts of lines elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from lifetrack.tracker import Tracker
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.portable import portable_file, portable_function
from lifetrack.values.stacks import Site
from tests.conftest import RunPython

PROGRAM = """\
import sys
import lifetrack

@lifetrack.tracked
class Session:
    def close(self):
        pass

def make():
    return Session()

def work():
    kept = [make() for _ in range(2)]
    once = Session()
    once.close()
    once.close()
    return kept

lifetrack.start(policy="record", report=False)
KEPT = work()
for finding in lifetrack.report().findings:
    print(finding.rule, finding.fingerprint)
"""


def prints(run_python: RunPython, path: Path, cwd: Path | None = None) -> list[str]:
    done = run_python(path, cwd=cwd)
    lines = sorted(done.stdout.splitlines())
    assert len(lines) == 2, done.stderr
    return lines


def test_runs_folders_shifts_and_processes(run_python: RunPython, tmp_path: Path) -> None:
    """The same program elsewhere, started from elsewhere, with lines put in above, has the same bugs."""
    for name in ("one", "two/deeper"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "app.py").write_text(PROGRAM, encoding="utf-8")
    shifted = tmp_path / "shifted"
    shifted.mkdir()
    (shifted / "app.py").write_text(PROGRAM.replace("def make", "UNUSED = 1\n\n\ndef make"), encoding="utf-8")
    first = prints(run_python, tmp_path / "one/app.py")
    assert first == prints(run_python, Path("deeper/app.py"), cwd=tmp_path / "two")
    assert first == prints(run_python, shifted / "app.py")


def site(file: object, line: int = 1, function: str = "work") -> Site:
    return Site(str(file), line, function)


def finding(where: Site, kind: str = "app.Session") -> Finding:
    return Finding("LT101", Certainty.PROVEN, "m", Resource(1, kind), where, (), OwnerName("process", "process"))


def test_another_line_of_code_is_another_bug(tmp_path: Path) -> None:
    """What stands on the line counts, the line's number does not."""
    file = tmp_path / "app.py"
    file.write_text("a = Session()\nb = Session()\na = Session()\n", encoding="utf-8")
    first, second, third = (finding(site(file, line)).fingerprint for line in (1, 2, 3))
    assert first == third
    assert first != second


def test_modules_of_one_name_in_two_packages_are_two(tmp_path: Path) -> None:
    """A checkout's folder does not count; the packages above a module do."""
    names = []
    for checkout in ("here", "there"):
        for package in ("red", "blue"):
            folder = tmp_path / checkout / "shop" / package
            folder.mkdir(parents=True)
            for each in (folder, folder.parent):
                (each / "__init__.py").write_text("", encoding="utf-8")
            (folder / "models.py").write_text("x = Session()\n", encoding="utf-8")
            names.append(finding(site(folder / "models.py")).fingerprint)
    assert names[0] == names[2] != names[1] == names[3]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/home/ann/.venv/lib/python3.11/site-packages/shop/models.py", "shop/models.py"),
        (r"C:\Users\ann\venv\Lib\site-packages\shop\models.py", "shop/models.py"),
        ("/usr/lib/python3/dist-packages/shop/models.py", "shop/models.py"),
        ("/opt/python/lib/python3.13t/json/decoder.py", "json/decoder.py"),
        ("/srv/app.pyz/shop/models.py", "shop/models.py"),
        ("/tmp/ipykernel_4711/1234567.py", "1234567.py"),
        ("<ipython-input-12-deadbeef0123>", "<ipython-input-deadbeef0123>"),
        ("<stdin>", "<stdin>"),
        ("/nowhere/at/all/app.py", "app.py"),
        ("app.py", "app.py"),
        ("bad\0name.py", "bad\0name.py"),
    ],
)
def test_names_of_files(file: str, name: str) -> None:
    """The folders of a user, an installation or a process are no part of a name."""
    assert portable_file(file) == name


def test_an_installed_package_is_called_as_its_checkout(tmp_path: Path) -> None:
    """A module has one name, whether it is imported from its source or from where it was installed."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "models.py").write_text("", encoding="utf-8")
    installed = tmp_path / "lib" / "site-packages" / "shop"
    shutil.copytree(package, installed)
    assert portable_file(str(package / "models.py")) == portable_file(str(installed / "models.py")) == "shop/models.py"


def test_a_folder_that_is_gone_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name is told in a working directory that was removed."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if sys.platform != "win32":
        os.rmdir(folder)
    assert portable_file("relative_of_nothing/app.py") == "app.py"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("load.<locals>.<listcomp>", "load"),
        ("load.<locals>.<dictcomp>.<locals>.<setcomp>", "load"),
        ("Shop.<listcomp>", "Shop"),
        ("<listcomp>", "<module>"),
        ("load.<locals>.<genexpr>", "load.<locals>.<genexpr>"),
        ("<module>", "<module>"),
        ("comp", "comp"),
    ],
)
def test_names_of_functions(function: str, name: str) -> None:
    """Comprehensions are functions of their own on one Python and not on the next."""
    assert portable_function(function) == name


def test_processes_of_their_own(tracker: Tracker) -> None:
    """Two trackers in one process, as two processes would, give the same bug the same name."""

    class Session:
        def close(self) -> None:
            pass

    found = []
    for _ in range(2):
        other = Tracker()
        cls = other.tracked_as(type("Session", (Session,), {}))
        other.start("stacks", policy="record", report=False)
        kept = cls()
        found += [each.fingerprint for each in other.find_leaks()]
        other.stop()
        del kept
    assert len(found) == 2
    assert len(set(found)) == 1
