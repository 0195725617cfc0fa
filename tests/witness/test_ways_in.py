"""Asking the operating system from the library, the command line and pytest; and what it costs those who do not ask."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, RunPython

pytest.importorskip("psutil")

LEAK = "import ctypes\nctypes.CDLL(None).open(b'/dev/null', 0)\n"


def test_the_command_line(run_python: RunPython, tmp_path: Path) -> None:
    """`lifetrack run --witness` asks at the end of the process, and the report is valid against the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    from lifetrack.reports.json_report import load, schema

    out = tmp_path / "r.json"
    words = ("run", "--witness", "--report", str(out), "-c", LEAK)
    done = run_python("", *words, python_flags=["-m", "lifetrack"])
    assert "LT501 os-handle-leak (proven): device descriptor" in done.stderr
    report = json.loads(out.read_text())
    jsonschema.validate(report, schema())
    assert [each["rule"] for each in report["findings"]] == ["LT501"]
    assert load(out).findings[0].rule == "LT501"
    plain = run_python("", "run", "-c", LEAK, python_flags=["-m", "lifetrack"])
    assert "no findings" in plain.stderr


def test_the_library(run_python: RunPython) -> None:
    """start(witness=True) asks from there to the end of the process."""
    done = run_python("import lifetrack\nlifetrack.start(witness=True, policy='record')\n" + LEAK)
    assert "LT501" in done.stderr


def test_without_psutil_it_is_one_clear_line(run_python: RunPython) -> None:
    """The extra is named; the program does not run."""
    program = "import sys; sys.modules['psutil'] = None; from lifetrack.cli.main import main; sys.exit(main())"
    done = run_python(program, "run", "--witness", "-c", "print(1)")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "lifetrack[os]" in done.stderr


def test_who_does_not_ask_loads_nothing(run_python: RunPython) -> None:
    """Neither psutil nor the witness is imported, and no audit hook is there."""
    done = run_python(
        "import sys, lifetrack\n"
        "lifetrack.start(watch='stdlib', report=False)\n"
        "with lifetrack.scope('job'):\n"
        "    open('/dev/null').close()\n"
        "print('psutil' in sys.modules, 'lifetrack.witness.witness' in sys.modules, "
        "'lifetrack.witness.sites' in sys.modules)\n"
    )
    assert done.stdout.split() == ["False"] * 3, done.stderr


def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.RunResult:
    """Run what was made, in its order, in a process; its JSON report is ``out.json``."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    installed = any(point.name == "lifetrack" for point in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "lifetrack.pytest_plugin"]
    others = [f"no:{name}" for name in ("cacheprovider", "randomly", "hypothesispytest", "trio", "benchmark")]
    without = [part for name in others for part in ("-p", name)]
    arguments = ("--lifetrack", "--lifetrack-witness", "--lifetrack-report=out.json")
    return pytester.runpytest_subprocess(*plugin, *arguments, *without)


def test_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--lifetrack-witness` fails the test that leaves a descriptor behind, and no other."""
    pytester.makepyfile(
        "import ctypes, os\n"
        "dup = ctypes.CDLL(None).dup\n"
        "numbers = []\n"
        "def test_leaks():\n"
        "    numbers.append(dup(1))\n"
        "def test_is_clean():\n"
        "    os.close(dup(1))\n"
    )
    result = run_pytest(pytester, monkeypatch)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*LT501*", "*test_leaks*"])


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first"), ("first",)], ids="-".join)
def test_pytest_with_a_wider_fixture(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    """What a fixture's setup and teardown leave is the fixture's; what came meanwhile is the test's, the last's too."""
    bodies = {"first": "dup(1)", "second": "pass"}
    pytester.makepyfile(
        test_wide="import ctypes, os, pytest\n"
        "dup = ctypes.CDLL(None).dup\n"
        "@pytest.fixture(scope='session')\n"
        "def wide():\n"
        "    closed, left = dup(1), dup(1)\n"
        "    yield\n"
        "    os.close(closed)\n"
        "    dup(1), dup(1)\n" + "".join(f"def test_{name}(wide): {bodies[name]}\n" for name in order)
    )
    run_pytest(pytester, monkeypatch)
    found = json.loads((pytester.path / "out.json").read_text())["findings"]
    blamed = sorted((each["rule"], each["test"] or each["scope"]) for each in found for _ in range(each["count"]))
    assert blamed == [("LT501", "test_wide.py::test_first"), *[("LT501", "wide (session)")] * 3]
