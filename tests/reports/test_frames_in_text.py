"""Which frames the text shows: the user's own; what libraries do between, inside and outside of them is folded."""

from __future__ import annotations

import os

from lifetrack.reports.layout import Layout
from lifetrack.reports.text_finding import finding_lines
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.stacks import Site

LIBRARY = os.path.join(os.path.dirname(os.__file__), "asyncio", "events.py")


def text_of(*stack: Site) -> str:
    site = next((each for each in stack if each.file.startswith("/somewhere")), stack[0])
    finding = Finding(
        rule="LT101",
        certainty=Certainty.PROVEN,
        message=f"app.Backend acquired at {site} was still live",
        resource=Resource(1, "app.Backend"),
        site=site,
        events=(Event("acquired", 0.0, "MainThread", None, 1, stack),),
        owner=OwnerName("process", "process"),
    )
    lines = finding_lines(finding, 1, 1, Layout(120))
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


def own(line: int) -> Site:
    return Site("/somewhere/app.py", line, f"function_{line}")


def library(line: int) -> Site:
    return Site(LIBRARY, line, "run")


def test_library_frames_between_the_users_own_are_one_line() -> None:
    """Six frames of an event loop say nothing that their number does not."""
    text = text_of(own(1), *(library(line) for line in range(10, 16)), own(2))
    assert "... 6 library frames" in text
    assert "app.py:1 in function_1" in text
    assert "app.py:2 in function_2" in text
    assert "events.py" not in text


def test_library_frames_outside_the_users_own_are_left_out() -> None:
    """How a library came to call the user's code is not shown at all."""
    text = text_of(own(1), library(10), library(11))
    assert "library frame" not in text
    assert "events.py" not in text


def test_a_stack_of_library_frames_alone_is_shown() -> None:
    """Where nothing is the user's own, the library's frames are the evidence."""
    assert text_of(library(10), library(11)).count("events.py") >= 2


def test_the_frames_shown_are_limited_and_the_rest_is_counted() -> None:
    """A recursion of the user's own does not fill the page."""
    text = text_of(*(own(line) for line in range(1, 16)))
    assert "... 9 more frames" in text


def test_the_message_names_the_place_as_short_as_the_history_does() -> None:
    """A path below the working directory is relative in both."""
    here = os.path.join(os.getcwd(), "app.py")
    assert f"acquired at {here}" not in text_of(Site(here, 3, "main"))


def test_in_an_installed_program_its_own_frames_are_shown() -> None:
    """Where no frame is the user's, the program's are the evidence, and the standard library's are folded."""
    package = Site("/usr/lib/python3/dist-packages/tool/main.py", 7, "main")
    text = text_of(*(library(line) for line in range(10, 20)), package)
    assert "events.py:10 in run" in text
    assert "... 9 library frames" in text
    assert "main.py:7 in main" in text
