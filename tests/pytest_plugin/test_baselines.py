"""The baseline in a run: an old suite starts clean today, and only gets better."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.reports.baseline import read_baseline

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"
SUITE = (
    HEAD
    + """
@pytest.mark.parametrize("n", range(2))
def test_leaks(n): keep()
def test_drops(): Backend()
def test_misuses():
    b = Backend()
    b.close()
    b.use()
    keep.went_on = True
def test_expects():
    b = Backend()
    b.close()
    with pytest.raises(lt.UseAfterReleaseError): b.use()
def test_scope():
    with lt.scope("job"): keep()
@pytest.fixture(scope="module")
def shared(): return keep()
def test_shared(shared): pass
"""
)
NAMED = "--lifetrack-baseline=known.toml"
UPDATE = "--lifetrack-update-baseline"


def test_an_old_suite_starts_clean(pytester: pytest.Pytester, run: Run) -> None:
    """An update fails nothing; the next run is clean, whatever was added above; what is new fails its own test."""
    suite = pytester.makepyfile(SUITE)
    result = run(NAMED, UPDATE)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=5, xfailed=2)  # what raises ends its test
    result.stdout.fnmatch_lines(["baseline known.toml: 3 entries: 3 added, 0 changed, 0 removed"])
    text = (pytester.path / "known.toml").read_text()
    suite.write_text("\n\n# more lines\n" + SUITE)
    result = run(NAMED)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(["lifetrack: level*, 3 known in the baseline known.toml", "*nothing new"])
    result = run(NAMED, UPDATE)
    assert "0 added, 0 changed, 0 removed" in result.stdout.str()
    assert (pytester.path / "known.toml").read_text() == text
    suite.write_text(SUITE + "def test_new(): KEPT.append(Backend())\n")
    result = run(NAMED, "-v", "--lifetrack-report=out.json")
    result.assert_outcomes(passed=8, errors=1)
    told = json.loads((pytester.path / "out.json").read_text())["findings"]
    # What the program itself expects is in no baseline.
    assert {each["site"]["function"] for each in told if "known" not in each} == {"test_new", "test_expects"}
    assert {each["site"]["function"] for each in told if "known" in each} == {"test_misuses", "keep", "test_drops"}
    result.stdout.fnmatch_lines(["*::test_new ERROR*", "*LT102*::test_drops] (known)"])


def test_growth_fails_the_run(pytester: pytest.Pytester, run: Run) -> None:
    """One more at a known place fails no test, as none is to blame alone, but the run, with the tests named."""
    suite = pytester.makepyfile(HEAD + "def test_a(): keep()\ndef test_b(): pass\n")
    run(NAMED, UPDATE)
    suite.write_text(HEAD + "def test_a(): keep()\ndef test_b(): keep()\n")
    result = run(NAMED)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["grown: LT103 *: 1 accepted, 2 found, in *::test_a and 1 more"])
    assert run(NAMED, UPDATE).ret == pytest.ExitCode.OK
    assert run(NAMED).ret == pytest.ExitCode.OK


def test_what_has_expired_fails_again(pytester: pytest.Pytester, run: Run) -> None:
    """Leak and misuse, with the reason told; an update keeps the date."""
    pytester.makepyfile(SUITE)
    run(NAMED, UPDATE)
    path = pytester.path / "known.toml"
    path.write_text(path.read_text().replace('reason = ""', 'reason = "until the move"\nexpires = 2020-01-01'))
    result = run(NAMED)
    outcomes = result.parseoutcomes()
    assert (outcomes["failed"], outcomes["errors"]) == (2, 3)
    result.stdout.fnmatch_lines_random(
        ["expired on 2020-01-01: LT102 *(until the move)", "expired on 2020-01-01: LT201 *(until the move)"]
    )
    result = run(NAMED, UPDATE)  # which fails nothing
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["expired on 2020-01-01*"])
    assert path.read_text().count("expires = 2020-01-01") == 3


def test_stale_entries_are_told_for_what_was_run(pytester: pytest.Pytester, run: Run) -> None:
    """They fail nothing; a part of the suite tells of its own part, and an update of all takes them out."""
    suite = pytester.makepyfile(HEAD + "def test_a(): keep()\ndef test_b(): Backend()\n")
    run(NAMED, UPDATE)
    suite.write_text(HEAD + "def test_a(): pass\ndef test_b(): pass\n")
    result = run(NAMED, "-k", "test_b")
    assert result.ret == pytest.ExitCode.OK
    assert [line[:12] for line in result.stdout.lines if line.startswith("stale")] == ["stale: LT102"]
    assert str(run(NAMED).stdout).count("\nstale: ") == 2
    run(NAMED, UPDATE)
    assert read_baseline(pytester.path / "known.toml").entries == {}


def test_the_usual_name_is_found(pytester: pytest.Pytester, run: Run) -> None:
    """Where none is named an update writes lifetrack-baseline.toml, which later runs go by."""
    pytester.makepyfile(HEAD + "def test_a(): keep()\n")
    run(UPDATE)
    assert run().ret == pytest.ExitCode.OK


def test_workers_count_together(pytester: pytest.Pytester, run: Run) -> None:
    """The controller writes one file of what all workers found, which is that of a run without them, and decides."""
    pytest.importorskip("xdist")
    suite = pytester.makepyfile(SUITE)
    result = run(NAMED, UPDATE, "-n", "2", fresh=True)
    assert result.ret == pytest.ExitCode.OK
    path = pytester.path / "known.toml"
    text = path.read_text()
    run("--lifetrack-baseline=alone.toml", UPDATE)
    assert (pytester.path / "alone.toml").read_text() == text
    suite.write_text(SUITE + "def test_more(): keep()\n")
    result = run(NAMED, "-n", "2", fresh=True)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["grown: LT103 *"])


MANY = {
    "test_one": HEAD
    + """
import os
off = pytest.mark.skipif("OFF" in os.environ, reason="off")
@pytest.fixture(scope="session")
def wide():
    made = Backend()
    KEPT.append(made)
    yield
@off
def test_wide(wide): pass
@pytest.mark.parametrize("n", [1, pytest.param(2, marks=off), pytest.param(3, marks=off)])
def test_some(n): KEPT.append(Backend())
""",
    "sub/test_two": HEAD + "def test_two(): KEPT.append(Backend())\ndef test_fine(): pass\n",
}


@pytest.fixture
def accepted(pytester: pytest.Pytester, run: Run) -> str:
    """The text of a baseline of two files, with a fixture."""
    for name, text in MANY.items():
        file = pytester.path / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    result = run(NAMED, UPDATE)
    result.stdout.fnmatch_lines(["baseline known.toml: 3 entries: 3 added, 0 changed, 0 removed"])
    return (pytester.path / "known.toml").read_text()


def _without(text: str) -> str:
    return "import no_such_module_anywhere\n" + text


def _skipping(text: str) -> str:
    return "import pytest\npytest.importorskip('no_such_module_anywhere')\n" + text


#: How a part of a suite is not looked at: what is changed in which file, with which options and environment.
PARTS: list[tuple[str, Any, list[str], dict[str, str]]] = [
    ("test_one", _without, ["--continue-on-collection-errors"], {}),
    ("test_one", _skipping, [], {}),
    ("test_one", None, ["--ignore=test_one.py"], {}),
    ("test_one", None, [], {"OFF": "1"}),
    ("test_one", None, ["--lifetrack-fail-on=never"], {}),
    ("sub/test_two", _without, [], {}),
    ("sub/test_two", _skipping, [], {}),
    ("test_one", None, ["--ignore-glob=*_one.py"], {}),
    ("test_one", None, ["-o", "python_files=other_*.py"], {}),
    ("test_one", None, ["-o", "norecursedirs=sub"], {}),
    ("test_one", None, ["--setup-plan"], {}),
    ("test_one", None, ["--collect-only"], {}),
    ("test_one", None, ["-k", "two"], {}),
]
ALONE, IN_PARALLEL = (), ("-n2", "-p", "xdist")


@pytest.mark.parametrize(
    ("name", "change", "options", "environment", "workers"),
    [*((*part, ALONE) for part in PARTS), *((*part, IN_PARALLEL) for part in PARTS[:5])],
)
def test_what_was_not_looked_at_is_kept(
    pytester: pytest.Pytester,
    run: Run,
    accepted: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    change: Any,
    options: list[str],
    environment: dict[str, str],
    workers: tuple[str, ...],
) -> None:
    """No entry is stale, taken out or made smaller where its tests were not run, or nothing failed for it."""
    if change is not None:
        (pytester.path / f"{name}.py").write_text(change(MANY[name]))
    for word, value in environment.items():
        monkeypatch.setenv(word, value)
    result = run(NAMED, *workers, *options, fresh=bool(workers))
    result.stdout.no_fnmatch_line("*stale*")
    result = run(NAMED, UPDATE, *workers, *options, fresh=bool(workers))
    assert (pytester.path / "known.toml").read_text() == accepted, result.stdout.str()


def test_what_was_looked_at_is_taken_out(pytester: pytest.Pytester, run: Run, accepted: str) -> None:
    """A file that is gone, a fixture that no longer leaks, and fewer leaks of one test, beside something that skips."""
    (pytester.path / "sub/test_two.py").unlink()
    (pytester.path / "sub/test_off.py").write_text("import pytest\n@pytest.mark.skip\ndef test_off(): pass\n")
    mended = MANY["test_one"].replace("KEPT.append(made)", "made.close()").replace("[1, ", "[")
    (pytester.path / "test_one.py").write_text(mended)
    run(NAMED, UPDATE).stdout.fnmatch_lines(["baseline known.toml: 1 entry: 0 added, 1 changed, 2 removed"])
    assert accepted != (pytester.path / "known.toml").read_text()


def test_what_cannot_be_written_is_listed(pytester: pytest.Pytester, run: Run) -> None:
    """Nothing that was found is lost with the folder that has gone meanwhile."""
    (pytester.path / "gone").mkdir()
    pytester.makepyfile(HEAD + "import shutil\ndef test_it():\n    keep()\n    shutil.rmtree('gone')\n")
    result = run("--lifetrack-baseline=gone/known.toml", UPDATE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(["*LT103*test_it]", "*gone/known.toml*"])
    result.stdout.no_fnmatch_line("*no findings*")
