"""What other programs read, and what a quiet and a verbose run print."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from lifetrack.pytest_plugin.annotations import _command
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"
SUITE = (
    HEAD
    + """
@pytest.mark.parametrize("n", range(12))
def test_many(n): keep()
def test_clean(): pass
@pytest.mark.lifetrack(allow="by design")
def test_allowed(): KEPT.append(Backend())
"""
)


def test_properties_in_the_xml(pytester: pytest.Pytester, run: Run) -> None:
    """Each test has one for each group of its findings, allowed ones with their reason."""
    pytester.makepyfile(SUITE)
    run("--junit-xml=out.xml")
    cases = ET.parse(pytester.path / "out.xml").iter("testcase")
    found = {case.get("name"): [p.get("value") for p in case.iter("property")] for case in cases}
    assert found["test_clean"] == []
    (value,) = found["test_many[0]"]
    assert value is not None
    assert value.startswith("LT103 leak-from-scope (proven): resources.Backend from ")
    assert found["test_allowed"][0].endswith(" allowed: by design")


def test_annotations(pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where GitHub runs the tests each place gets one, an error if it fails; nowhere else any."""
    pytester.makepyfile(HEAD + "def test_it(): KEPT.append(Backend())\n")
    run().stdout.no_fnmatch_line("::*")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    (line,) = [line for line in run().stdout.lines if line.startswith("::")]
    assert line.startswith("::error file=test_annotations.py,line=2,title=LT103 leak-from-scope::resources.Backend ")
    result = run("--lifetrack-fail-on=never")
    result.stdout.fnmatch_lines(["::warning file=test_annotations.py,line=2,*"])


def test_annotations_are_escaped() -> None:
    """Nothing in a message or a name begins a command of its own."""
    site = Site("/elsewhere/a,b:c.py", 3, "f")
    finding = Finding(
        "LT103", Certainty.PROVEN, "50%\n::error::x", Resource(1, "B"), site, (), OwnerName("process", "process")
    )
    line = _command("error", finding)
    assert "\n" not in line
    assert "file=/elsewhere/a%2Cb%3Ac.py,line=3" in line
    assert "::50%25%0A::error::x" in line


def test_the_summary_names_every_test(pytester: pytest.Pytester, run: Run) -> None:
    """One line for each place, one for each test below it, the evidence with ``-v``, and little with ``-q``."""
    pytester.makepyfile(SUITE)
    lines = run("--lifetrack-fail-on=never").stdout.lines
    assert sum(line.startswith("    test_the_summary") for line in lines) == 10
    assert "    ... and 2 more: -v shows them all" in lines
    text = run("--lifetrack-fail-on=never", "-v").stdout.str()
    assert text.count("\n    test_the_summary") == 12
    assert "\n         acquired  resources.py" in text
    lines = run("--lifetrack-fail-on=never", "-q").stdout.lines
    assert not any(line.startswith(("    test_", "lifetrack: level")) for line in lines)
    assert lines[0].startswith("..............")


def test_the_header_tells_what_is_unusual(pytester: pytest.Pytester, run: Run) -> None:
    """Whoever reads a log sees how strict the run was."""
    pytester.makepyfile("def test_it(): pass")
    run("--lifetrack-fail-on=never", "--lifetrack-third-party=fail").stdout.fnmatch_lines(
        ["lifetrack: level stacks, watching declared classes only, failing nothing, failing for third-party code too"]
    )
