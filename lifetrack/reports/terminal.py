"""The terminal: whether it takes colour, how wide it is, and what its encoding can show."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, TextIO

from lifetrack.reports.layout import Line, plain

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

_STYLES = {
    "proven": "bold red",
    "suspected": "bold yellow",
    "hint": "bold cyan",
    "good": "green",
    "strong": "bold",
    "event": "magenta",
    "place": "cyan",
    "code": "none",
    "note": "green",
    "dim": "dim",
}
#: Wider than any line, so that rich breaks none.
_ENDLESS = 1_000_000


def print_report(report: Report, stream: TextIO | None) -> bool:
    """Write the text report to ``stream``, in colour if that is a terminal and NO_COLOR is not set.

    Characters that the stream cannot encode are escaped. Never raises for a stream that is closed, broken or None;
    returns whether the report was written.
    """
    if stream is None:
        return False
    terminal = _is_terminal(stream)
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    text = report.to_text(color=color, width=_width(stream) if terminal else None)
    try:
        stream.write(_encodable(text, getattr(stream, "encoding", None)))
        stream.flush()
    except Exception:  # a stream of the program's own may raise anything, and there is nobody left to tell
        return False
    return True


def _is_terminal(stream: TextIO) -> bool:
    try:
        return bool(stream.isatty())
    except Exception:  # closed, or a stand-in that has only what print() needs
        return False


def colored(lines: list[Line]) -> str:
    """Give the lines with terminal colours; plain where the extra ``rich`` is not installed."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return plain(lines)
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, no_color=False, color_system="standard", legacy_windows=False, width=_ENDLESS
    )
    for line in lines:
        text = Text.assemble(*((piece, _STYLES.get(style, "")) for piece, style in line))
        text.rstrip()
        console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)
    return out.getvalue()


def _width(stream: TextIO) -> int | None:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except Exception:  # a terminal without a descriptor, or of unknown size
        return None


def _encodable(text: str, encoding: object) -> str:
    encoding = encoding if isinstance(encoding, str) else "utf-8"
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:  # an encoding that Python does not know
        return text.encode("ascii", "backslashreplace").decode("ascii")
