"""Sites and stacks, as people read them: rendered late from what was captured raw."""

from __future__ import annotations

import io
import linecache
from types import CodeType
from typing import TypeAlias

from lifetrack.values.disk import is_file, stat
from lifetrack.values.making import dataclass

#: Taken before anything is watched.
_FileIO = io.FileIO
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
        lines = source_lines(self.file)
        return lines[self.line - 1].strip() if 0 < self.line <= len(lines) else ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


Stack: TypeAlias = tuple[Site, ...]


def source_lines(file: str) -> list[str]:
    """Give the lines of a source file; none where it is not at hand."""
    try:
        if file not in linecache.cache and is_file(file):
            _remember(file)
        return linecache.getlines(file)
    except (OSError, ValueError, SyntaxError, MemoryError):  # a name that no file can have, or no text
        return []


def _remember(file: str) -> None:
    """Put a file into the cache of lines, opened in a way that is not watched: it is no file of the program's."""
    from tokenize import detect_encoding

    known = stat(file)
    with _FileIO(file) as raw:
        data = io.BytesIO(raw.readall())
    encoding, _ = detect_encoding(data.readline)
    lines = io.StringIO(data.getvalue().decode(encoding), newline=None).readlines()
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    linecache.cache[file] = known.st_size, known.st_mtime, lines, file


def line_of(code: CodeType, offset: int) -> int:
    """Give the source line of an instruction, as a traceback would; the first line of ``code`` if it has none."""
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


#: Sites that were rendered lately, by the address of the code object, with which each is kept; and how many at most.
_rendered: dict[tuple[int, int], tuple[CodeType, Site]] = {}
_MANY = 8192


def site_of(frame: RawFrame) -> Site:
    """Render one captured frame; of the same frame mostly the same object."""
    code, offset = frame
    known = _rendered.get((id(code), offset))
    if known is not None:
        return known[1]
    site = Site(code.co_filename, line_of(code, offset), code.co_qualname)
    if len(_rendered) >= _MANY:
        _rendered.clear()
    _rendered[id(code), offset] = code, site
    return site
