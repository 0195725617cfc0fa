"""The trace follows the Trace Event Format as Perfetto and Chromium read it: lanes, bars that fit, arrows that bind."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from lifetrack.ownership.owners import Owner
from lifetrack.ownership.transfers import transfer
from lifetrack.reports.trace import render
from lifetrack.values.findings import OwnerName, Resource
from lifetrack.values.records import Lifetime, Lifetimes, Tenure
from tests.reports.hostile import hostile_report

#: The fields that each phase needs, with their types.
NUMBER = (int, float)
PHASES = {
    "M": {"name": str, "pid": int, "tid": int, "args": dict},
    "X": {"name": str, "cat": str, "pid": int, "tid": int, "ts": NUMBER, "dur": NUMBER, "args": dict},
    "s": {"name": str, "cat": str, "pid": int, "tid": int, "ts": NUMBER, "id": int},
    "f": {"name": str, "cat": str, "pid": int, "tid": int, "ts": NUMBER, "id": int, "bp": str},
    "i": {"name": str, "cat": str, "pid": int, "tid": int, "ts": NUMBER, "s": str},
}
#: What the viewers know of a metadata event.
METADATA = {"process_name": "name", "thread_name": "name", "thread_sort_index": "sort_index"}


def checked(text):
    """Check a trace against the format; give its events by their phases."""
    trace = json.loads(text)
    assert isinstance(trace["traceEvents"], list)
    assert trace["displayTimeUnit"] in {"ms", "ns"}
    found = {phase: [] for phase in PHASES}
    for event in trace["traceEvents"]:
        for field, kind in PHASES[event["ph"]].items():
            assert isinstance(event[field], kind), (field, event)
            assert not isinstance(event[field], bool)
        found[event["ph"]].append(event)
    for event in found["M"]:
        assert METADATA[event["name"]] in event["args"]
    times = [event.get("ts", -1) for event in trace["traceEvents"]]
    assert times == sorted(times), "names first, then all else as it happened"
    rows = {}
    for bar in found["X"]:
        assert bar["ts"] >= 0
        assert bar["dur"] > 0
        rows.setdefault((bar["pid"], bar["tid"]), []).append((bar["ts"], bar["ts"] + bar["dur"]))
    named = {(event["pid"], event["tid"]) for event in found["M"] if event["name"] == "thread_name"}
    assert set(rows) <= named
    for bars in rows.values():
        bars.sort()
        assert all(one[1] <= other[0] + 1e-6 for one, other in pairwise(bars)), "bars of a row overlap"
    starts = {event["id"]: event for event in found["s"]}
    ends = {event["id"]: event for event in found["f"]}
    assert len(starts) == len(found["s"])
    assert starts.keys() == ends.keys()
    for number, start in starts.items():
        end = ends[number]
        assert (start["name"], start["cat"], end["bp"]) == (end["name"], end["cat"], "e")
        assert start["ts"] <= end["ts"]
        for event in (start, end):  # an arrow that begins in no bar is not drawn
            spans = rows[event["pid"], event["tid"]]
            assert sum(begin <= event["ts"] <= done for begin, done in spans) >= 1
    return found


def lanes_of(found):
    return [event["args"]["name"] for event in found["M"] if event["name"] == "thread_name"]


class Thing:
    def close(self):
        pass


def test_lanes_bars_and_arrows(tracker):
    """Each owner is a lane, each resource a bar in each lane that it was in, each transfer an arrow between them."""
    tracker.tracked(Thing)
    tracker.start("stacks", policy="record", report=False)
    kept = [Thing() for _ in range(3)]
    with Owner("pool") as pool:
        transfer(kept[1], to=pool)
        found = checked(tracker.report().to_trace())
    assert lanes_of(found) == ["the process", "the process (2)", "the process (3)", "Owner 'pool'"]
    assert len(found["X"]) == 4
    assert len(found["s"]) == 1
    rows = {event["tid"]: event["args"]["name"] for event in found["M"] if event["name"] == "thread_name"}
    assert rows[found["s"][0]["tid"]].startswith("the process")
    assert rows[found["f"][0]["tid"]] == "Owner 'pool'"
    assert {bar["args"]["finding"] for bar in found["X"] if "finding" in bar["args"]} == {"LT101 leak-at-exit (proven)"}
    for thing in kept:
        thing.close()


def test_a_misuse_is_a_mark(build):
    """What broke a rule is a mark on the lane of its owner, with its place."""
    events = (
        build.event(),
        build.event("released", build.released, time=0.7),
        build.event("used", build.used, time=0.9),
    )
    found = checked(render(build.report(build.misuse(events=events))))
    released, used = found["i"]
    assert (released["name"], released["ts"]) == ("released", 700_000)
    assert used["name"] == "used (LT201 use-after-release)"
    assert used["args"]["at"].endswith("app.py:10 in main")


def test_bars_without_length_can_be_seen_and_hit(build):
    """Hand-overs in the same microsecond give bars and arrows that bind all the same."""
    owners = tuple(Tenure(OwnerName(name, "Owner"), 0.5) for name in "abca")
    many = [Lifetime(Resource(n, "app.T"), "released", None, 1, None, 0.5, 0.5, owners) for n in range(1, 20)]
    report = build.report()
    object.__setattr__(report, "lifetimes", Lifetimes(tuple(many)))
    found = checked(render(report))
    assert len(found["s"]) == 19 * 3


@pytest.mark.parametrize("report", [hostile_report()], ids=["hostile"])
def test_hostile_names_are_printable(report):
    """Whatever names there are, the trace is sound, and nothing in it can steer a terminal or turn the text around."""
    text = render(report)
    found = checked(text)
    assert text.isascii()
    for event in [*found["M"], *found["X"], *found["i"]]:
        texts = [event["name"], *(value for value in event.get("args", {}).values() if isinstance(value, str))]
        assert all(each.isprintable() for each in texts)


def test_an_empty_report_is_an_empty_trace(build):
    """A report of nothing opens too: it names the process."""
    found = checked(render(build.report()))
    assert [event["args"]["name"] for event in found["M"]] == ["app.py"]
    assert found["X"] == []
