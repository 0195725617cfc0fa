"""What has changed between two reports: new, grown, shrunk and gone, whatever line it stands at now."""

from __future__ import annotations

import dataclasses
import json

import pytest

from lifetrack.cli.main import main
from lifetrack.reports.difference import difference
from lifetrack.reports.json_report import load
from lifetrack.reports.model import TypeTotals
from lifetrack.values.findings import Certainty, Resource


def leak(build, name, count=1, **changes):
    return build.leak(resource=Resource(1, f"app.{name}"), count=count, **changes)


@pytest.fixture
def reports(build, tmp_path):
    """Two stored reports: A is the same, B is new, C is gone, D has grown, E has shrunk."""
    old = build.report(
        leak(build, "A"), leak(build, "C"), leak(build, "D", 2), leak(build, "E", 5), leak(build, "F", allowed="known")
    )
    live = (TypeTotals("app.D", 9, 0, 9), TypeTotals("app.New", 1, 0, 1))
    new = build.report(leak(build, "A"), leak(build, "B"), leak(build, "D", 7), leak(build, "E", 1), types=live)
    old.write(tmp_path / "old.json")
    new.write(tmp_path / "new.json")
    return load(tmp_path / "old.json"), load(tmp_path / "new.json")


def types(changes):
    return [(each.finding.resource.type, each.before, each.now) for each in changes]


def test_new_gone_grown_and_shrunk(reports):
    """Each finding is told once, with how many there were and are; allowed ones are counted apart."""
    found = difference(*reports)
    assert types(found.new) == [("app.B", 0, 1)]
    assert types(found.grown) == [("app.D", 2, 7)]
    assert types(found.shrunk) == [("app.E", 5, 1)]
    assert types(found.gone) == [("app.C", 1, 0)]
    assert (found.same, found.allowed) == (1, 1)
    assert [(each.type, each.before, each.now) for each in found.types] == [
        ("app.Backend", 2, 0), ("app.D", 0, 9), ("app.New", 0, 1),
    ]  # fmt: skip


def test_the_same_bug_noticed_at_another_time_is_the_same(build, tmp_path):
    """A leak that was live at exit and is collected now is no new one; a misuse of the same object is."""
    build.report(leak(build, "A", rule="LT101")).write(tmp_path / "old.json")
    build.report(leak(build, "A", rule="LT102"), leak(build, "A", rule="LT105")).write(tmp_path / "new.json")
    found = difference(load(tmp_path / "old.json"), load(tmp_path / "new.json"))
    assert [each.finding.rule for each in found.new] == ["LT105"]
    assert (found.same, found.gone) == (1, ())


def test_certainties_and_places_of_one_bug_are_added_up(build):
    """One fingerprint in two certainties is one change."""
    old = build.report(leak(build, "A"))
    new = build.report(leak(build, "A"), leak(build, "A", 2, certainty=Certainty.HINT))
    (change,) = difference(old, new).grown
    assert (change.before, change.now) == (1, 3)


def test_the_command_prints_it(reports, tmp_path, capsysbinary):
    """Text names what is new with what to do; JSON has it all; a status is given where asked for."""
    files = [str(tmp_path / "old.json"), str(tmp_path / "new.json")]
    assert main(["diff", *files]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert text.startswith(
        "lifetrack: 1 new, 1 grown, 1 shrunk, 1 gone, 1 the same\n\nNew:\n   LT101 leak-at-exit (proven): app.B"
    )
    assert "7 x app.D from app.py:5 in load_all: 2 before, 7 now" in " ".join(text.split())
    assert "Left out: 1 allowed finding." in text
    assert main(["diff", *files, "--format", "json", "--error-exitcode", "7"]) == 7
    told = json.loads(capsysbinary.readouterr().out)
    assert (told["format"], told["version"], told["same"]) == ("lifetrack-diff", 1, 1)
    assert [each["now"] for each in told["grown"]] == [7]
    assert main(["diff", files[0], files[0], "--error-exitcode", "7"]) == 0
    assert main(["diff", *files, "--error-exitcode", "7", "--fail-on", "never", "-o", str(tmp_path / "d.json")]) == 0
    assert json.loads((tmp_path / "d.json").read_text(encoding="utf-8")) == told


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--format", "html"], "unknown format 'html': use text or json"), (["--fail-on", "sure"], "'sure'"),
     (["--error-exitcode", "x"], "--error-exitcode: 'x'")],
)  # fmt: skip
def test_bad_usage_is_one_line(reports, tmp_path, capsys, words, says):
    """What is not known is refused in one line, exit status 2."""
    assert main(["diff", str(tmp_path / "old.json"), str(tmp_path / "new.json"), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


@pytest.mark.parametrize("form", ["json", "dot", "trace", "sarif", "github", "html"])
def test_show_turns_a_report_into_each_form(reports, tmp_path, capsysbinary, form):
    """What is shown on standard output and what is written to a file are the same as the report gives."""
    file, out = str(tmp_path / "new.json"), tmp_path / "out"
    expected = getattr(reports[1], f"to_{form}")()
    assert main(["show", file, "--format", form]) == 0
    assert capsysbinary.readouterr().out.decode() == expected
    assert main(["show", file, "--format", form, "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == expected


def test_without_places_rules_and_types_are_compared(build):
    """A report of level ``counts`` has the same leaks as one with places, and says how they were compared."""
    here = build.report(leak(build, "A", 2, rule="LT102"), leak(build, "B"), leak(build, "B", site=None))
    there = build.report(leak(build, "A", 3, site=None), leak(build, "B", 2, site=None), leak(build, "C", site=None))
    there = dataclasses.replace(there, level="counts")
    for found in (difference(here, there), difference(there, here)):
        assert found.by_type
        assert found.same == 1
        assert "Compared by rule and type alone" in found.to_text()
        assert found.as_dict()["compared_by"] == "type"
    assert types(difference(here, there).grown) == [("app.A", 2, 3)]
    assert types(difference(here, there).new) == [("app.C", 0, 1)]
    for level in ("sites", "counts"):  # the same on both sides: fingerprints say more, or as much
        found = difference(*(dataclasses.replace(each, level=level) for each in (here, here)))
        assert (found.by_type, found.as_dict()["compared_by"]) == (False, "fingerprint")
