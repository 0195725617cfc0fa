"""What is delivered: the wheel holds the package, its data and its metadata, and nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names_a_thing(target: str) -> bool:
    """Whether the module of `module[:attribute]` is in the checkout, and has the attribute where one is given."""
    module, _, attribute = target.partition(":")
    try:
        if importlib.util.find_spec(module) is None:
            return False
    except ModuleNotFoundError:  # a package on the way there
        return False
    return not attribute or callable(getattr(importlib.import_module(module), attribute, None))


@pytest.mark.parametrize("target", PROJECT["scripts"].values())
def test_the_command_leads_somewhere(target: str) -> None:
    """The installed command calls a function that exists."""
    assert names_a_thing(target), f"[project.scripts] names {target}, which is not there"


def test_the_plugin_is_announced_exactly_when_it_is_there() -> None:
    """The plugin is found by its entry point, and there is never an entry point without a plugin."""
    announced = PROJECT.get("entry-points", {}).get("pytest11", {})
    there = importlib.util.find_spec("lifetrack.pytest_plugin") is not None
    assert announced == ({"lifetrack": "lifetrack.pytest_plugin"} if there else {})


def test_the_classifiers_agree_with_the_oldest_python() -> None:
    """The Pythons that are promised begin with the oldest that installs, and leave no gap."""
    prefix = "Programming Language :: Python :: 3."
    minors = [int(line.removeprefix(prefix)) for line in PROJECT["classifiers"] if line.startswith(prefix)]
    oldest = int(PROJECT["requires-python"].removeprefix(">=3."))
    assert minors == list(range(oldest, oldest + len(minors)))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built as a release would build it."""
    if importlib.util.find_spec("build") is None:
        pytest.skip("the package 'build' is not installed")
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", *_no_isolation(), "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"the wheel was not built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    (built,) = out.glob("*.whl")
    return built


def _no_isolation() -> list[str]:
    """Where the build backend is installed already, nothing is fetched."""
    return ["--no-isolation"] if importlib.util.find_spec("hatchling") else []


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every source and data file of the package is in the wheel; tests, docs and caches are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    delivered = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "lifetrack").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert delivered == expected
    assert "lifetrack/py.typed" in delivered
    assert [name for name in delivered if name.endswith(".json")] != [], "the report's schema is missing"


@pytest.mark.slow
def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    """Without extras the wheel asks for wrapt alone, and it carries the licence."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        headers = HeaderParser().parsestr(archive.read(metadata).decode("utf-8"))
        licences = [name for name in archive.namelist() if name.endswith("/LICENSE")]
    core = [line for line in headers.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [line.split(">")[0] for line in core] == ["wrapt"]
    assert headers["License-Expression"] == "MIT"
    assert len(licences) == 1
