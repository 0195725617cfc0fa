"""What the text says of owners, parents and children, and of the way a resource was left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifetrack.reports.text import render, render_findings
from lifetrack.values.findings import LeftBy, OwnerName, Resource

ORPHAN = """\
1. LT104 leak-orphaned (proven): app.Backend
   It was left by ValueError at app.py:10.
     acquired     app.py:5 in load_all   backend = Backend()
                  app.py:8 in main       backend = load_all(["a"])
                  app.py:11 in <module>  main()
     transferred  app.py:9 in main       to Owner 'pool'
                  app.py:11 in <module>  main()
                  in thread Worker-1
     left         app.py:10 in main      by ValueError
     collected    (by the garbage collector)
   Last owner: Owner 'pool'
"""

KIN = """\
1. LT305 use-after-parent-release (proven): app.Cursor
   Finish with the child first.
     parent acquired  app.py:5 in load_all   app.Backend 'main'
                      app.py:8 in main       backend = load_all(["a"])
                      app.py:11 in <module>  main()
     acquired         app.py:5 in load_all   backend = Backend()
                      app.py:8 in main       backend = load_all(["a"])
                      app.py:11 in <module>  main()
     parent released  app.py:9 in main       app.Backend 'main'
                      app.py:11 in <module>  main()
     used             app.py:10 in main      backend.close()
                      app.py:11 in <module>  main()
"""


@pytest.fixture
def orphan(build):
    """A leak that was handed over, then left by an exception, then collected."""
    return build.leak(
        rule="LT104",
        message=f"It was left by ValueError at {build.file}:10.",
        events=(
            build.event(),
            build.event("transferred", build.released, thread="Worker-1", detail="to Owner 'pool'"),
            build.event("collected", ()),
        ),
        owner=OwnerName("pool", "Owner"),
        left_by=LeftBy("ValueError", build.used[0]),
    )


def test_an_orphan(build, orphan):
    """To whom it went stands beside the place, and so does the exception that left the function."""
    assert render_findings(build.report(orphan)) == ORPHAN


def test_an_event_that_tells_of_the_exception_is_not_doubled(build, orphan):
    """Where the history has the exception already, it stands there once."""
    left = build.event("left", build.used, detail="by ValueError")
    text = render_findings(build.report(replace(orphan, events=(*orphan.events[:2], left))))
    assert text.count("by ValueError\n") == 1


def test_a_family_reads_in_order(build):
    """Events of a parent say whose they are."""
    events = (
        build.event("parent-acquired", detail="app.Backend 'main'"),
        build.event(),
        build.event("parent-released", build.released, detail="app.Backend 'main'"),
        build.event("used", build.used),
    )
    misuse = build.leak(
        rule="LT305", message="Finish with the child first.", events=events, resource=Resource(1, "app.Cursor")
    )
    assert render_findings(build.report(misuse)) == KIN


def test_a_chain_of_parents_is_not_cut(build):
    """Every link of a family is shown, where any other history would be shortened."""
    links = [build.event("parent-acquired", detail=f"app.Link{number}") for number in range(9)]
    text = render_findings(build.report(build.misuse(events=(build.event(), *links, build.event("used", build.used)))))
    assert "more events" not in text
    assert all(f"app.Link{number}\n" in text for number in range(9))


def test_children_are_counted_by_kind(build):
    """Forty children of one place are one line, below them their own, and what is left out is counted."""
    cursors = [build.leak(resource=Resource(number, "app.Cursor")) for number in range(40)]
    rows = [build.leak(resource=Resource(50, "app.Row"), rule="LT105")]
    sessions = [build.leak(resource=Resource(60, "app.Session"), children=tuple(rows))]
    others = [build.leak(resource=Resource(70 + number, f"app.Z{number}"), count=2) for number in range(5)]
    parents = [build.leak(children=tuple(cursors)), build.leak(children=(*sessions, *others))]
    text = render(build.report(*parents))
    assert text.startswith("lifetrack: 2 findings at 1 place (2 proven) with 52 children; ")
    assert "   Child: 40 x app.Cursor from app.py:5 in load_all\n" in text
    assert "   Child: 2 x app.Z0 from app.py:5 in load_all\n" in text
    assert "   ... and 4 more children\n" in text
    few = render(build.report(build.leak(children=tuple(sessions))))
    assert "with 2 children; " in few
    assert (
        "   Child: app.Session from app.py:5 in load_all\n"
        "     Child: app.Row from app.py:5 in load_all (LT105 half-released)\n"
    ) in few


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        (OwnerName("pool", "Owner"), "Owner 'pool'"),
        (OwnerName("app.Backend", "Owned"), "Owned handle 'app.Backend'"),
        (OwnerName("app.Backend", "Shared"), "Shared handle 'app.Backend'"),
        (OwnerName("worker", "task"), "task 'worker'"),
        (OwnerName("writer", "thread"), "thread 'writer'"),
        (OwnerName("app.Plugin", "object"), "the app.Plugin object"),
    ],
)
def test_the_last_owner_has_a_line(build, owner, says):
    """Every kind of owner is named in words; of a group it is the first one's."""
    text = render(build.report(build.leak(owner=owner)))
    assert f"   Last owner: {says}\n" in text
    assert owner.words == says
    group = render(build.report(build.leak(owner=owner), build.leak(owner=owner)))
    assert f"   Last owner of the first: {says}\n" in group


@pytest.mark.parametrize("kind", ["process", "scope", "test", "fixture"])
def test_a_stretch_of_the_program_is_no_last_owner(build, kind):
    """What belongs to the process, a scope or a test has no line about an owner."""
    assert "Last owner" not in render(build.report(build.leak(owner=OwnerName("job", kind))))


def test_what_there_is_to_say_is_never_cut(build, orphan):
    """Where a line is too narrow, to whom a resource went stands below the place, whole."""
    name = "the-long-name-of-a-pool-" * 3
    long = build.event("transferred", build.released, detail=f"to Owner '{name}'")
    lines = render(build.report(replace(orphan, events=(build.event(), long))), width=60).splitlines()
    assert any(line.strip() == f"to Owner '{name}'" for line in lines)


def test_without_places_it_is_still_said(build, orphan):
    """At level counts a transfer has no place, and says to whom."""
    given = build.event("transferred", (), detail="to Owner 'pool'")
    text = render(build.report(replace(orphan, site=None, events=(given,), left_by=None)))
    assert "transferred  to Owner 'pool' (no place was recorded)\n" in text
