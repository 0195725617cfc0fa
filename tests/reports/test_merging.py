"""Several reports become one, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import RunPython

LEAK = "kept = open(__file__)\n"


def _report(run_python: RunPython, folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text)
    out = folder / f"{name}.json"
    done = run_python("", "run", "--report", str(out), str(folder / f"{name}.py"), python_flags=["-m", "lifetrack"])
    assert done.returncode == 0, done.stderr
    return str(out)


def test_reports_are_merged(run_python: RunPython, tmp_path: Path) -> None:
    """Totals are summed, each finding names its process, and the first report's process is that of the whole."""
    files = [_report(run_python, tmp_path, name, LEAK) for name in ("one", "two")]
    out = tmp_path / "all.json"
    done = run_python("", "merge", *files, "-o", str(out), python_flags=["-m", "lifetrack"])
    assert (done.returncode, done.stderr) == (0, "")
    single = [json.loads(Path(file).read_text()) for file in files]
    whole = json.loads(out.read_text())
    assert whole["process"] == single[0]["process"]
    assert [each["pid"] for each in whole["processes"]] == [single[1]["process"]["pid"]]
    assert whole["totals"]["live"] == 2
    assert [row["live"] for row in whole["types"]] == [2]
    assert [each["processes"][0]["name"] for each in whole["findings"]] == ["one.py", "two.py"]
    shown = run_python("", "show", str(out), python_flags=["-m", "lifetrack"]).stdout
    assert "(two.py)" in shown


def test_merging_what_is_merged_keeps_the_names(run_python: RunPython, tmp_path: Path) -> None:
    """A merged report can be merged again; the processes stay those that they were."""
    files = [_report(run_python, tmp_path, name, LEAK) for name in ("one", "two", "three")]
    half, whole = tmp_path / "half.json", tmp_path / "whole.json"
    run_python("", "merge", *files[:2], "-o", str(half), python_flags=["-m", "lifetrack"])
    run_python("", "merge", str(half), files[2], "-o", str(whole), python_flags=["-m", "lifetrack"])
    found = json.loads(whole.read_text())
    assert len(found["processes"]) == 2
    assert {each["processes"][0]["name"] for each in found["findings"]} == {"one.py", "two.py", "three.py"}


def test_a_file_that_is_no_report_is_named(run_python: RunPython, tmp_path: Path) -> None:
    """What cannot be merged is one clear line and status 2, and nothing is written."""
    good = _report(run_python, tmp_path, "one", LEAK)
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    done = run_python("", "merge", good, str(bad), "-o", str(tmp_path / "o.json"), python_flags=["-m", "lifetrack"])
    assert done.returncode == 2
    assert "bad.json" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "o.json").exists()
