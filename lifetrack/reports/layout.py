"""Lines of styled text, from which the plain and the coloured form of a report are both made."""

from __future__ import annotations

import textwrap
from typing import TypeAlias

from lifetrack.reports.paths import clean, shortest

#: A piece of text and the name of its style; the empty name is plain.
Piece: TypeAlias = tuple[str, str]
Line: TypeAlias = tuple[Piece, ...]

DEFAULT_WIDTH = 100
MIN_WIDTH = 40
BLANK: Line = ()


class Layout:
    """What the lines of one report have in common: their width and the short form of each path."""

    __slots__ = ("_paths", "width")

    def __init__(self, width: int | None) -> None:
        self.width = max(MIN_WIDTH, DEFAULT_WIDTH if width is None else width)
        self._paths: dict[str, str] = {}

    def path(self, file: str) -> str:
        """Give the short, printable form of a path."""
        short = self._paths.get(file)
        if short is None:
            short = self._paths[file] = clean(shortest(file)) or "?"
        return short

    def wrapped(self, text: str, indent: str, style: str = "", first: str | None = None) -> list[Line]:
        """Break prose into lines; ``first`` stands in place of the indent of the first line. Words stay whole."""
        lines = textwrap.wrap(clean(text), self.width - len(indent), break_long_words=False, break_on_hyphens=False)
        indents = [indent if first is None else first] + [indent] * len(lines)
        return [((lead, ""), (line, style)) for lead, line in zip(indents, lines, strict=False)]

    def cut(self, text: str, room: int) -> str:
        """Shorten one line to ``room`` characters."""
        return text if len(text) <= room else text[: max(0, room - 3)].rstrip() + "..."


def middle_cut(text: str, room: int) -> str:
    """Shorten one line to ``room`` characters in its middle: of a type the package and the name tell the most."""
    if len(text) <= room:
        return text
    kept = room - 3
    return f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"


def plain(lines: list[Line]) -> str:
    """Join the lines without their styles."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines) + "\n"


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 finding``, ``2 findings``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Align rows into columns: the first to the left, the others, numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
