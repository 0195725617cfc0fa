"""The graph of a report as a picture: SVG, drawn by the program ``dot`` of Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from lifetrack.reports.dot import render as to_dot
from lifetrack.values.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

#: For how many seconds the drawing may go on.
LONGEST = 120
_PROGRAM = "dot"
_INSTEAD = "or take the graph as text, by .dot or --format dot"


def check() -> str:
    """Give the path of the program; raise MissingExtraError if it is not there."""
    program = shutil.which(_PROGRAM)
    if program is None:
        raise MissingExtraError(
            f"SVG is drawn by the program '{_PROGRAM}', which is not on the PATH: install Graphviz, {_INSTEAD}"
        )
    return program


def render(report: Report) -> str:
    """Give the picture as text. Raises MissingExtraError without the program, ConfigurationError if it fails."""
    check()
    return draw(to_dot(report))


def draw(graph: str) -> str:
    """Draw a graph in the language of Graphviz; see ``render``."""
    program = check()
    try:
        done = subprocess.run(  # noqa: S603 - found on the PATH, and all that it is given is a graph
            [program, "-Tsvg"], input=graph.encode(), capture_output=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"SVG: '{_PROGRAM}' took longer than {LONGEST} seconds: {_INSTEAD[3:]}") from None
    except OSError as error:
        raise ConfigurationError(f"SVG: '{program}' could not be run ({error.strerror}): {_INSTEAD[3:]}") from error
    if done.returncode or not done.stdout:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise ConfigurationError(f"SVG: '{_PROGRAM}' failed ({said or done.returncode}): {_INSTEAD[3:]}")
    return done.stdout.decode("utf-8")
