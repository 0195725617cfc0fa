"""Sites and stacks, as people read them: rendered late from what was captured raw."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from types import CodeType
from typing import TypeAlias

#: One captured frame: its code object and the offset of the instruction. A code object keeps no locals alive.
RawFrame: TypeAlias = tuple[CodeType, int]
#: Captured frames, most recent call first.
RawStack: TypeAlias = tuple[RawFrame, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """Where something happened: file, line (from 1) and function."""

    file: str
    line: int
    function: str

    @property
    def code(self) -> str:
        """The source line, stripped; empty where the source is not at hand."""
        try:
            return linecache.getline(self.file, self.line).strip()
        except (OSError, ValueError):  # a name that no file can have
            return ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


Stack: TypeAlias = tuple[Site, ...]


def line_of(code: CodeType, offset: int) -> int:
    """Give the source line of an instruction, as a traceback would; the first line of ``code`` if it has none."""
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


def site_of(frame: RawFrame) -> Site:
    """Render one captured frame."""
    code, offset = frame
    return Site(code.co_filename, line_of(code, offset), code.co_qualname)
