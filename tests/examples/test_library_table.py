"""The library that brings a table: built as a wheel, installed into a folder of its own, and watched."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, RunPython

PROJECT = CHECKOUT / "examples" / "library_table"
_BUILD = "import os, sys\nfrom hatchling.build import build_wheel\nos.chdir(sys.argv[1])\nbuild_wheel(sys.argv[2])\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel of the example is installed."""
    pytest.importorskip("hatchling", reason="the example is built by hatchling: pip install 'lifetrack[dev]'")
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(PROJECT), str(out)], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        pytest.fail(f"the wheel was not built:\n{done.stderr[-2000:]}")
    (wheel,) = out.glob("ferry-1.0-*.whl")
    folder = tmp_path_factory.mktemp("site") / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("watch", ["stdlib,ferry", "stdlib,libraries"])
def test_the_mistakes_are_found_by_the_table(site: Path, run_python: RunPython, watch: str) -> None:
    """One finding each, what was closed is silent, and the socket is told with the harbour that keeps it."""
    ran = run_python(
        "", "run", "--watch", watch, str(PROJECT / "run.py"),
        python_flags=["-m", "lifetrack"], env={"PYTHONPATH": str(site)},
    )  # fmt: skip
    assert "the tide was too slow" in ran.stdout
    assert "lifetrack: 2 findings" in ran.stderr
    assert "LT101 leak-at-exit (proven): ferry.harbour.Harbour" in ran.stderr
    assert "LT105 half-released (proven): ferry.harbour.Harbour" in ran.stderr
    assert "Child: ferry.harbour.Boat" in ran.stderr
    assert "await aclose() in a 'finally' clause" in ran.stderr


def test_the_library_does_not_need_lifetrack(site: Path, run_python: RunPython) -> None:
    """Run without it, the program does the same, and nothing of lifetrack is imported."""
    source = (PROJECT / "run.py").read_text(encoding="utf-8")
    code = f"{source}\nimport sys\nprint([name for name in sys.modules if 'lifetrack' in name])"
    ran = run_python(code, env={"PYTHONPATH": str(site)})
    assert ran.stdout.splitlines() == ["the tide was too slow", "[]"]
