"""The JSON report has the fields of the contract, is valid against its schema, and comes back as it was."""

from __future__ import annotations

import copy
import json
import math
import os
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifetrack.reports.json_report import load, render, schema
from lifetrack.reports.model import ENDINGS, ProcessInfo, Report, Totals, TrackerInfo, TypeTotals
from lifetrack.reports.stored import StoredFinding, StoredSite
from lifetrack.values.endings import ENDINGS as KNOWN_ENDINGS
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, LeftBy, OwnerName, Resource
from lifetrack.values.holders import ADVICE, Holder
from lifetrack.values.rules import RULES
from lifetrack.values.siblings import CALLER, Parted, ReleasedAt, Siblings
from lifetrack.values.stacks import Site
from lifetrack.values.suggestions import Suggestion

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_shape(build):
    """Every field stands where outsiders look for it, with absolute paths and source lines."""
    finding = build.misuse(
        held_by=(Holder("module-global", ("app (module)", "REGISTRY (dict)")),), children=(build.leak(),), count=2
    )
    report = json.loads(render(build.report(finding)))
    file = build.file
    frames = {
        5: {"file": file, "line": 5, "function": "load_all", "code": "backend = Backend()"},
        8: {"file": file, "line": 8, "function": "main", "code": 'backend = load_all(["a"])'},
        9: {"file": file, "line": 9, "function": "main", "code": "backend.close()"},
        10: {"file": file, "line": 10, "function": "main", "code": "backend.close()"},
        11: {"file": file, "line": 11, "function": "<module>", "code": "main()"},
    }

    def event(kind, *lines):
        stack = [frames[line] for line in lines]
        fields = {"time": 0.5, "thread": "MainThread", "task": None, "pid": 1, "detail": None}
        return {"event": kind, "stack": stack, **fields}

    found = report["findings"][0]
    (child,) = found["children"]
    assert report == {
        "format": "lifetrack-report",
        "version": 1,
        "level": "stacks",
        "process": {
            "pid": 1,
            "parent_pid": 0,
            "python": "3.11.7",
            "platform": "linux",
            "command": ["app.py"],
            "started": "2026-01-31T12:00:00Z",
            "ended": "2026-01-31T12:00:01.5Z",
            "ending": "normal",
        },
        "totals": {"acquired": 3, "released": 1, "live": 2, "findings": 2, "untrackable": 0, "unknown": 0},
        "types": [{"type": "app.Backend", "acquired": 3, "released": 1, "live": 2}],
        "findings": [
            {
                "rule": "LT201",
                "name": "use-after-release",
                "certainty": "proven",
                "count": 2,
                "fingerprint": finding.fingerprint,
                "message": "Move the use before the release.",
                "resource": {"serial": 1, "type": "app.Backend", "label": None},
                "site": frames[5],
                "test": None,
                "scope": None,
                "owner": {"name": "process", "kind": "process"},
                "allowed": None,
                "events": [event("acquired", 5, 8, 11), event("released", 9, 11), event("used", 10, 11)],
                "held_by": [
                    {
                        "verdict": "module-global",
                        "path": ["app (module)", "REGISTRY (dict)"],
                        "advice": ADVICE["module-global"],
                    }
                ],
                "children": [child],
                "hint": None,
                "ended": None,
                "left_by": None,
                "siblings": None,
                "suggestion": None,
            }
        ],
        "tracker": {"complete": True, "dropped": 0, "watched": ["stdlib"]},
    }
    assert child["rule"] == "LT101"
    VALIDATOR.validate(report)


def test_relative_files_become_absolute(build):
    """A site that is known by a relative name is written with its absolute path; made-up names stay."""
    report = build.report(
        build.leak(site=Site("app.py", 5, "load_all"), events=()), build.leak(site=Site("<string>", 1, "f"), events=())
    )
    files = {finding["site"]["file"] for finding in json.loads(render(report))["findings"]}
    assert files == {os.path.realpath("app.py"), "<string>"}


def test_level_counts_has_no_site(build):
    """Without a place the site is null, and the report is valid and readable all the same."""
    text = render(build.report(build.leak(site=None, events=()), level="counts"))
    VALIDATOR.validate(json.loads(text))
    assert json.loads(text)["findings"][0]["site"] is None


def test_a_time_that_is_no_number_is_null(build):
    """JSON knows no infinity: such a time is written as unknown."""
    text = render(build.report(build.leak(events=(build.event(time=math.inf), build.event(time=math.nan)))))
    assert [event["time"] for event in json.loads(text)["findings"][0]["events"]] == [None, None]


def test_schema_refuses_what_is_not_in_it(build):
    """The schema is itself valid, and strict: a field that it does not know is an error at every depth."""
    jsonschema.Draft202012Validator.check_schema(schema())
    good = json.loads(render(build.report(build.misuse(held_by=(Holder("x", ("y",)),)))))
    objects = list(walk(good))
    assert len(objects) > 10
    for place, value in objects:
        value["surprise"] = 1
        assert not VALIDATOR.is_valid(good), place
        del value["surprise"]
    VALIDATOR.validate(good)


def walk(value, place=""):
    """Every object in a JSON value, with its place."""
    if isinstance(value, dict):
        yield place, value
        for name, member in value.items():
            yield from walk(member, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from walk(member, f"{place}[{index}]")


def test_stored_source_and_fingerprint_survive(build, tmp_path):
    """Shown later, a report has the source lines and fingerprints of its day, though the source has changed."""
    report = build.report(build.misuse(), build.leak())
    report.write("report.json")
    text, read = report.to_text(), report.to_json()
    (tmp_path / "app.py").write_text("# all is new\n" * 20, encoding="utf-8")
    again = load("report.json")
    assert again.to_text() == text
    assert again.to_json() == read
    assert [finding.fingerprint for finding in again.findings] == [
        finding["fingerprint"] for finding in json.loads(read)["findings"]
    ]


def texts(**limits):
    return st.text(st.characters(), max_size=12, **limits)


def optional(strategy):
    return st.none() | strategy


small = st.integers(0, 2**40)
sites = st.builds(StoredSite, st.just("/app/").flatmap(lambda root: texts().map(root.__add__)), small, texts(), texts())
events = st.builds(
    Event,
    st.sampled_from(
        ["acquired", "released", "used", "release-failed", "collected", "transferred", "parent-released", "left"]
    ),
    optional(st.floats(0, 1e9)),
    optional(texts()),
    optional(texts()),
    small,
    st.lists(sites, max_size=3).map(tuple),
    optional(texts()),
)
holders = st.builds(Holder, texts(), st.lists(texts(), max_size=3).map(tuple))


def findings_with(children):
    return st.builds(
        StoredFinding,
        rule=st.sampled_from(sorted(RULES)),
        certainty=st.sampled_from(Certainty),
        message=texts(min_size=1),
        resource=st.builds(Resource, small, texts(), optional(texts())),
        site=optional(sites),
        events=st.lists(events, max_size=3).map(tuple),
        owner=st.builds(OwnerName, texts(), texts()),
        scope=optional(texts()),
        test=optional(texts()),
        count=st.integers(1, 1000),
        allowed=optional(texts()),
        hint=optional(texts()),
        held_by=st.lists(holders, max_size=2).map(tuple),
        children=children,
        ended=optional(st.sampled_from(KNOWN_ENDINGS)),
        left_by=optional(st.builds(LeftBy, texts(), optional(sites))),
        stored_fingerprint=st.integers(0, 2**64 - 1).map("{:016x}".format),
    )


findings = findings_with(st.lists(findings_with(st.just(())), max_size=3).map(tuple))
stamps = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
reports = st.builds(
    Report,
    st.sampled_from(["counts", "sites", "stacks", "full"]),
    st.builds(
        ProcessInfo, small, small, texts(), texts(), st.lists(texts(), max_size=3).map(tuple), stamps, stamps,
        st.sampled_from(ENDINGS),
    ),
    st.builds(Totals, small, small, small, small, small, small),
    st.lists(st.builds(TypeTotals, texts(), small, small, small), max_size=3).map(tuple),
    st.lists(findings, max_size=3).map(tuple),
    st.builds(TrackerInfo, st.booleans(), small, st.lists(texts(), max_size=3).map(tuple)),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(report=reports)
def test_every_report_is_valid_comes_back_and_can_be_shown(tmp_path_factory, report):
    """Whatever a report holds: its JSON is valid, reading it back gives an equal report, and text never fails."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    report.write(path)
    VALIDATOR.validate(json.loads(path.read_bytes()))
    assert load(path) == report
    text = report.to_text()
    text.encode("utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert re.sub("\x1b\\[[0-9;]*m", "", report.to_text(color=True)) == text


def refused(path, data):
    """The message with which these bytes are refused as a report."""
    Path(path).write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    message = str(caught.value)
    assert repr(str(path)) in message
    assert "lifetrack run --report" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b'{"format": ', "line 1, column 12 is not JSON"),
        (b"lifetrack: no findings\n", "line 1, column 1 is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"\x80\x81", "it is not JSON"),
        (b"[1, 2]", "it is not a lifetrack report"),
        (b"null", "it is not a lifetrack report"),
        (b'{"format": "other"}', "it is not a lifetrack report"),
        (b'{"format": "lifetrack-report"}', "the field 'version' is missing"),
        (b'{"format": "lifetrack-report", "version": 2}', "its 'version' is 2, this lifetrack reads 1"),
        (b'{"format": "lifetrack-report", "version": true}', "version must be a whole number, not a boolean"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"version": ' + b"1" * 5000 + b"}", "it is not JSON"),
    ],
    ids=lambda value: None if isinstance(value, str) else ascii(value)[:30],
)
def test_what_is_no_report_is_refused(tmp_path, data, says):
    """A file that is no report of this version gets one line that names it, the place and the mend."""
    assert says in refused(tmp_path / "bad.json", data)


def test_missing_file_and_directory_are_refused(tmp_path):
    """A report that is named and missing is an error that names it, and so is a directory."""
    with pytest.raises(ConfigurationError, match=r"gone\.json': there is no such file"):
        load(tmp_path / "gone.json")
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        load(tmp_path)


def test_deep_children_are_refused(build, tmp_path):
    """Children nested without end are refused, not a crash."""
    good = json.loads(render(build.report(build.leak())))
    finding = good["findings"][0]
    text = json.dumps(finding).replace('"children": []', '"children": [@]')
    before, after = text.split("@")
    good["findings"] = "@"
    whole = json.dumps(good).replace('"@"', "[" + before * 900 + json.dumps(finding) + after * 900 + "]")
    assert "it is nested too deeply" in refused(tmp_path / "deep.json", whole.encode())


def test_every_missing_or_mistyped_field_is_named(build, tmp_path):
    """Whichever field is missing or of the wrong type, the error names its place; few may be missing."""
    site = build.used[0]
    story = {
        "left_by": LeftBy("ValueError", site),
        "siblings": Siblings(3, 2, (ReleasedAt(site, 1), ReleasedAt(site, 1))),
        "parted": Parted(CALLER, "main", site, site),
        "suggestion": Suggestion(site, "use a block", "with Backend() as backend:"),
    }
    held = (Holder("x", ("y",)),)
    finding = build.misuse(held_by=held, children=(build.leak(**story),), ended="explicit", **story)
    good = json.loads(render(build.report(finding)))
    path = tmp_path / "bad.json"
    tried = 0
    for place, fields in list(walk(good)):
        for field in sorted(set(fields) - {"format", "allowed"}):
            named = f"{place}.{field}" if place else field
            kept = fields.pop(field)
            later = {"detail", "ended", "left_by", "siblings", "suggestion"}  # earlier reports have none
            if field in later and place != "process" and not place.endswith("parted"):
                path.write_text(json.dumps(good), encoding="utf-8")
                load(path)
            else:
                assert f"the field {named!r} is missing" in refused(path, good)
            wrong = [] if isinstance(kept, dict) else {}
            for value in (wrong, 1.5 if field != "time" else "soon", True if field not in {"complete", "exact"} else 1):
                fields[field] = value
                assert f"{named} must be" in refused(path, good), value
            fields[field] = kept
            tried += 1
    assert tried > 60
    path.write_text(json.dumps(good), encoding="utf-8")
    load(path)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("level",), "loud", "level must be one of off, counts, sites, stacks, full"),
        (("process", "ending"), "boredom", "process.ending must be one of normal,"),
        (("process", "started"), "yesterday", "process.started must be a time in UTC"),
        (("totals", "live"), -1, "totals.live must be at least 0, not -1"),
        (("findings", 0, "rule"), "LT999", "findings[0].rule names a rule that this lifetrack does not know"),
        (("findings", 0, "certainty"), "PROVEN", "findings[0].certainty must be one of hint, suspected, proven"),
        (("findings", 0, "ended"), "somehow", "findings[0].ended must be one of explicit, with, owner,"),
        (("findings", 0, "count"), 0, "findings[0].count must be at least 1, not 0"),
        (("findings", 0, "fingerprint"), "xyz", "findings[0].fingerprint must be hexadecimal digits"),
        (("findings", 0, "events", 0, "time"), 10**400, "findings[0].events[0].time must be a finite number"),
        (("findings", 0, "site", "line"), None, "findings[0].site.line must be a whole number, not null"),
    ],
)
def test_wrong_values_are_named(build, tmp_path, place, value, says):
    """A value out of its range is refused with its place and what is allowed there."""
    bad = json.loads(render(build.report(build.leak())))
    target = bad
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    assert says in refused(tmp_path / "bad.json", bad)


def test_fields_of_the_future_are_passed_over(build, tmp_path):
    """A report with fields that are not known yet can be read."""
    good = json.loads(render(build.report(build.misuse())))
    future = copy.deepcopy(good)
    for _, value in list(walk(future)):
        value["later"] = {"x": 1}
    (tmp_path / "future.json").write_text(json.dumps(future), encoding="utf-8")
    assert json.loads(render(load(tmp_path / "future.json"))) == good


def test_a_report_of_before_ownership_is_read_and_shown(build, tmp_path):
    """A report without the fields that came with ownership reads as one in which nothing is known of them."""
    old = json.loads(render(build.report(build.misuse(children=(build.leak(),)))))
    for _, value in list(walk(old)):
        for field in ("detail", "left_by"):
            value.pop(field, None)
        if "rule" in value:
            value.pop("ended")
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    VALIDATOR.validate(old)
    report = load(tmp_path / "old.json")
    (finding,) = report.findings
    assert (finding.ended, finding.left_by, finding.events[0].detail) == (None, None, None)
    assert report.to_text() == build.report(build.misuse(children=(build.leak(),))).to_text()


def test_ownership_comes_back(build, tmp_path):
    """To whom it went, how it ended, how it was left and what depends on it are written and read back."""
    given = build.event("transferred", build.released, detail="to Owner 'pool'")
    finding = build.leak(
        rule="LT104",
        events=(build.event(), given),
        owner=OwnerName("pool", "Owner"),
        ended="finalizer",
        left_by=LeftBy("ValueError", build.used[0]),
        children=(build.leak(count=40, children=(build.leak(rule="LT105", left_by=LeftBy("OSError", None)),)),),
    )
    build.report(finding).write("report.json")
    written = json.loads((tmp_path / "report.json").read_text(encoding="ascii"))
    VALIDATOR.validate(written)
    (found,) = written["findings"]
    assert found["events"][1]["detail"] == "to Owner 'pool'"
    assert found["ended"] == "finalizer"
    assert found["left_by"]["error"] == "ValueError"
    assert found["left_by"]["site"]["line"] == 10
    assert found["children"][0]["children"][0]["left_by"] == {"error": "OSError", "site": None}
    again = load("report.json")
    assert json.loads(render(again)) == written
    assert again.findings[0].left_by.site.code == "backend.close()"
