"""The text report says what was found, what to do and where, and nothing that harms a terminal."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace

import pytest

from lifetrack.reports.model import Totals, TrackerInfo, TypeTotals
from lifetrack.reports.text import nothing_to_say, one_line, render, render_findings
from lifetrack.values.findings import Certainty, OwnerName, Resource
from lifetrack.values.holders import Holder
from lifetrack.values.stacks import Site

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

GOLDEN = """\
lifetrack: 9 findings at 2 places (1 proven, 8 suspected), 1 allowed; 12 acquired, 3 released, 9 live
The program ended by an exception that nobody caught.

1. LT201 use-after-release (proven): app.Backend 'openssl'
   Move the use before the release.
     acquired  app.py:5 in load_all   backend = Backend()
               app.py:8 in main       backend = load_all(["a"])
               app.py:11 in <module>  main()
     released  app.py:9 in main       backend.close()
               app.py:11 in <module>  main()
               in thread Worker-1
     used      app.py:10 in main      backend.close()
               app.py:11 in <module>  main()
               in task Task-1, process 2
   Hint: Use a with block.

2. LT101 leak-at-exit (suspected): 8 x app.Backend
   It was never released: call close() when you are done with it.
     acquired  app.py:5 in load_all   backend = Backend()
               app.py:8 in main       backend = load_all(["a"])
               app.py:11 in <module>  main()
   The first belongs to test tests/test_x.py::test_a
   Last owner of the first: Owner 'Pool'

Allowed (1):
   LT101 leak-at-exit: app.Cache from app.py:5 in load_all: lives as long as the process

type         acquired  released  live
app.Backend        12         3     9

Not seen: 3 events dropped, 1 object that could not be tracked, 2 objects from before tracking
began.
"""


@pytest.fixture
def full(build):
    """A report with something of everything."""
    events = (
        build.event(),
        build.event("released", build.released, thread="Worker-1"),
        build.event("used", build.used, task="Task-1", pid=2),
    )
    misuse = build.misuse(resource=Resource(1, "app.Backend", "openssl"), events=events, hint="Use a with block.")
    leak = build.leak(certainty=Certainty.SUSPECTED, owner=OwnerName("Pool", "Owner"), test="tests/test_x.py::test_a")
    cache = build.leak(resource=Resource(3, "app.Cache"), allowed="lives as long as the process")
    types = (TypeTotals("app.Backend", 12, 3, 9), TypeTotals("app.Fine", 2, 2, 0))
    tracker = TrackerInfo(complete=False, dropped=3, watched=("stdlib",))
    return build.report(
        *[leak] * 8, cache, misuse, ending="exception", totals=Totals(12, 3, 9, 9, 1, 2), types=types, tracker=tracker
    )


def test_golden(full):
    """A report with something of everything reads exactly so."""
    assert full.to_text() == GOLDEN


def test_nothing_to_say_is_one_line(build):
    """Without findings there is one line, and no findings section at all."""
    report = build.report(totals=Totals(12, 12, 0, 0), types=(TypeTotals("app.Backend", 12, 12, 0),))
    assert nothing_to_say(report)
    assert one_line(report) == "lifetrack: no findings; 12 acquired, 12 released"
    assert render(report) == one_line(report) + "\n"
    assert render_findings(report) == ""


def test_allowed_alone_are_counted_not_hidden(build):
    """When all findings are allowed ones, the one line counts them."""
    report = build.report(build.leak(allowed="a cache", count=2), totals=Totals(12, 10, 2, 0))
    assert nothing_to_say(report)
    assert one_line(report) == "lifetrack: no findings, 2 allowed; 12 acquired, 10 released, 2 live"


@pytest.mark.parametrize("tracker", [TrackerInfo(dropped=1), TrackerInfo(complete=False)])
def test_a_record_with_gaps_is_disclosed(build, tracker):
    """What was dropped is something to say even without findings."""
    report = build.report(tracker=tracker)
    assert not nothing_to_say(report)
    assert "Not seen: " in render(report)


def test_findings_alone(full):
    """The findings can be had without heading and totals."""
    assert render_findings(full) == GOLDEN[GOLDEN.index("1. LT201") : GOLDEN.index("\nAllowed")]


@pytest.mark.parametrize("section", [render, render_findings])
def test_colour_adds_nothing_but_colour(full, monkeypatch, section):
    """The coloured form without its escapes is the plain form, also when NO_COLOR would switch rich off."""
    monkeypatch.setenv("NO_COLOR", "1")
    colored = section(full, color=True)
    assert "\x1b[1;31m" in colored  # red, not just bold
    assert ESCAPES.sub("", colored) == section(full)


def test_square_brackets_are_not_markup(build):
    """What looks like markup of a terminal library is shown as it is."""
    report = build.report(build.leak(message="Close [bold]it[/bold] :smile: \\[x]"))
    assert "Close [bold]it[/bold] :smile: \\[x]" in ESCAPES.sub("", report.to_text(color=True))


def test_without_rich_colour_is_plain(full, monkeypatch):
    """Where the extra is not installed the plain text comes instead of an error."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert full.to_text(color=True) == full.to_text()


def test_stack_is_cut_and_says_so(build):
    """Six frames are shown, and how many more there are."""
    deep = build.acquired[:1] + build.stack(*((8, f"caller_{number}") for number in range(20)))
    text = render(build.report(build.leak(events=(build.event(stack=deep),))))
    assert "caller_4 " in text
    assert "caller_5" not in text
    assert "... 15 more frames\n" in text


def test_library_frames_above_the_users_own_are_skipped(build):
    """An event inside the standard library or a package is shown from the user's line that led to it."""
    library = (Site(os.__file__, 10, "walk"), Site("/venv/lib/python3.12/site-packages/pool/core.py", 3, "take"))
    events = (build.event(stack=library + build.acquired), build.event("released", library + build.released))
    text = render(build.report(build.misuse(events=events)))
    assert "acquired  app.py:5 in load_all" in text
    assert "released  app.py:9 in main" in text
    assert "walk" not in text
    assert "core.py" not in text


def test_a_stack_of_libraries_alone_is_shown(build):
    """Where no frame is the user's own, the innermost one is better than none."""
    stack = (Site(os.__file__, 10, "walk"),)
    text = render(build.report(build.leak(site=stack[0], events=(build.event(stack=stack),))))
    assert f"{os.path.basename(os.__file__)}:10 in walk" in text


def test_site_alone_is_shown_without_events(build):
    """At level sites there may be no event, and the place is shown all the same."""
    assert "acquired  app.py:5 in load_all  backend = Backend()" in render(build.report(build.leak(events=())))


def test_level_counts_says_how_to_get_places(build):
    """A finding without any place tells which level records places."""
    text = render(build.report(build.leak(site=None, events=(), count=3), level="counts"))
    assert "3 x app.Backend" in text
    assert "not located: at level sites or above the places are recorded" in text


def test_long_history_keeps_first_and_last(build):
    """Of many events the first and the last are shown, and the number of the others."""
    uses = [build.event("used", build.stack((9, f"use_{number}"))) for number in range(20)]
    text = render(build.report(build.misuse(events=(build.event(), *uses))))
    assert re.findall(r"use_\d+", text) == ["use_0", "use_16", "use_17", "use_18", "use_19"]
    assert "... 15 more events ..." in text


def test_absolute_path_where_it_is_shorter(build, tmp_path, monkeypatch):
    """A path is relative only if that makes it shorter."""
    deep = tmp_path / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    near = Site(str(deep / "near.py"), 3, "near")
    far = Site("/far.py", 4, "far")
    text = render(build.report(build.leak(site=near, events=()), build.leak(site=far, events=())))
    assert " near.py:3 in near" in text
    assert " /far.py:4 in far" in text


def test_working_directory_may_be_gone(build, tmp_path, monkeypatch):
    """A program that removed its own working directory still gets its report, as text and as JSON."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    report = build.report(build.leak(), build.leak(site=Site("relative.py", 1, "f"), events=()))
    assert "app.py:5 in load_all" in report.to_text()
    assert '"relative.py"' in report.to_json()


@pytest.mark.parametrize("file", ["", "<string>", "<stdin>", "missing.py", "caf\udce9.py", "new\nline.py"])
def test_odd_file_names_do_not_fail(build, file):
    """Sources that are missing, have no name or a name that is no text are shown without their line."""
    report = build.report(build.leak(site=Site(file, 1, "f"), events=(build.event(stack=(Site(file, 1, "f"),)),)))
    report.to_json().encode("ascii")
    text = report.to_text()
    text.encode("utf-8")
    assert ":1 in f" in text


def test_control_characters_are_escaped(build):
    """Neither a thread's name nor a label nor a message can send commands to the terminal or fake a line."""
    evil = "x\x1b[2J\n2. LT999\u202e"
    finding = build.leak(
        message=f"say {evil}",
        resource=Resource(1, evil, evil),
        events=(build.event(thread=evil, task=evil),),
        owner=OwnerName(evil, evil),
        scope=evil,
        hint=evil,
        held_by=(Holder(evil, (evil, evil)),),
        children=(build.leak(resource=Resource(2, evil)),),
    )
    allowed = replace(finding, allowed=evil)
    report = build.report(finding, allowed, types=(TypeTotals(evil, 1, 0, 1),))
    text = report.to_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n2. LT999" not in text
    assert "x\\x1b[2J\\n2." in text


def test_long_source_lines_are_cut_and_places_are_not(build, tmp_path):
    """A line keeps to the width by cutting the source, never the place."""
    (tmp_path / "long.py").write_text("x = " + "1 + " * 100 + "1\n", encoding="utf-8")
    name = "f" * 70
    finding = build.leak(site=Site(str(tmp_path / "long.py"), 1, name), events=())
    lines = render(build.report(finding), width=80).splitlines()
    assert any(line.endswith(f"long.py:1 in {name}") for line in lines)
    (source,) = [line for line in lines if "x = 1 + 1" in line]
    assert source.endswith("...")
    assert len(source) <= 80


@pytest.mark.parametrize("width", [0, 1, 40, 60, 500])
def test_every_width_works(full, width):
    """However narrow or wide, every word of the message and every place is there."""
    text = full.to_text(width=width)
    assert "app.py:5 in load_all" in text
    assert "Move the use before the release." in " ".join(text.split())


def test_places_in_a_message_stay_whole(build):
    """Prose is broken between words only, so that a place in it can be found and copied."""
    place = f"/{'long-folder/' * 10}app.py:31"
    text = render(build.report(build.leak(message=f"It was acquired at {place} once.")), width=40)
    assert place in text.split()


def test_many_places_are_cut_and_counted(build):
    """Fifty places are shown; how many more there are is said, with their findings."""
    sites = [Site(build.file, line, "f") for line in range(1, 61)]
    text = render(build.report(*(build.leak(site=site, events=(), count=2) for site in sites)))
    assert text.startswith("lifetrack: 120 findings at 60 places (120 proven)")
    assert "\n50. LT101" in text
    assert "\n51. LT101" not in text
    assert "... and 10 more places with 20 findings, left out here: the JSON report has them all." in text


def test_holders_and_children_are_listed(build):
    """Who holds it and what hangs on it stands with the finding."""
    finding = build.leak(
        held_by=(Holder("module-global", ("app (module)", "REGISTRY (dict)")),),
        children=(build.leak(resource=Resource(2, "app.Session")),),
        scope="import job",
    )
    text = render(build.report(finding))
    assert "   Held by app.REGISTRY (module-global): take it out of there when it is released" in text
    assert "   Child: app.Session from app.py:5 in load_all\n" in text
    assert "   Belongs to scope 'import job'\n" in text


def test_only_types_with_live_or_leaked_resources(build):
    """The table leaves out what went well, and keeps what was leaked and then collected."""
    types = (TypeTotals("app.Backend", 5, 5, 0), TypeTotals("app.Fine", 9, 9, 0), TypeTotals("app.Live", 9, 1, 8))
    text = render(build.report(build.leak(rule="LT102"), types=types))
    assert text.splitlines()[-3:] == [
        "type         acquired  released  live",
        "app.Live            9         1     8",
        "app.Backend         5         5     0",
    ]


def test_a_long_name_of_a_type_is_cut_in_the_middle(build):
    """The table stays readable, keeps package and name, and says that it has cut."""
    long = f"company.{'layers.' * 30}Connection"
    text = render(build.report(build.leak(), types=(TypeTotals(long, 9, 1, 8), TypeTotals("app.Live", 9, 1, 8))))
    (row,) = [line for line in text.splitlines() if line.startswith("company.")]
    assert row.split() == [row.split()[0], "9", "1", "8"]
    assert "..." in row
    assert row.split()[0].endswith(".Connection")
    assert len(row) < 100
    assert "Long names are cut in the middle here: the JSON report has them whole." in text
    assert "Long names" not in render(build.report(build.leak(), types=(TypeTotals("app.Live", 9, 1, 8),)))


def test_lost_children_are_counted_among_all(build):
    """The number of child processes includes those that were lost, which are told one by one below."""
    report = build.report(build.leak())
    told = replace(report.process, pid=2)
    lost = replace(report.process, pid=3, ending="lost")
    text = render(replace(report, processes=(told, lost)))
    assert "With 2 child processes, 1 of them lost.\nLost: process 3" in text
    assert "With 1 child process.\n" in render(replace(report, processes=(told,)))


def test_what_lost_children_did_is_missing_unless_journals_told_it(build):
    """A complete account with lost processes has them from their journals, and says so."""
    report = build.report(build.leak())
    lost = replace(report, processes=(replace(report.process, pid=3, ending="lost"),))
    unread = " ".join(render(replace(lost, tracker=TrackerInfo(complete=False))).split())
    assert "Not seen: what lost processes did." in unread
    assert "its journal has told" not in unread
    told = " ".join(render(replace(lost, tracker=TrackerInfo(complete=True))).split())
    assert "; its journal has told what it did" in told
    assert "Not seen" not in told
