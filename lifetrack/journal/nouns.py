"""The names in a journal, as they are read back."""

from __future__ import annotations

import struct
from typing import NamedTuple

from lifetrack.journal.format import FRAME, LAST, OWNER, STACK, TEXT
from lifetrack.values.stacks import Site, Stack


class Owner(NamedTuple):
    """An owner, the scope and the test that it stands in, and the reason why what it owns may leak."""

    name: str
    kind: str
    scope: str | None = None
    test: str | None = None
    allowed: str | None = None


PROCESS = Owner("process", "process")


class Nouns:
    """All names that are complete, by their numbers."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._parts: dict[int, dict[int, tuple[int, bytes]]] = {}
        self._stacks: dict[int, Stack] = {}
        self._sites: dict[int, Site] = {}

    def add(self, number: int, part: int, kind: int, body: bytes) -> None:
        """Take in one part of a name."""
        self._parts.setdefault(number, {})[part] = kind, body

    def _body(self, number: int, kind: int) -> bytes | None:
        parts = self._parts.get(number)
        if not parts:
            return None
        found = [parts.get(part) for part in range(len(parts))]
        whole = [each for each in found if each is not None]
        if len(whole) < len(found) or whole[-1][0] != kind | LAST or any(each[0] != kind for each in whole[:-1]):
            return None
        return b"".join(body for _, body in whole)

    def text(self, number: int) -> str | None:
        """Give a text; None for one that is not there."""
        body = self._body(number, TEXT) if number else None
        return None if body is None else body.decode("utf-8", "replace")

    def owner(self, number: int) -> Owner | None:
        """Give what is said of an owner; None for one that is not there."""
        if not number:
            return PROCESS
        body = self._body(number, OWNER)
        if body is None:
            return None
        name, kind, *more = struct.unpack(f"{self._order}IIIII", body)
        return Owner(self.text(name) or "(not kept)", self.text(kind) or "owner", *map(self.text, more))

    def stack(self, number: int) -> Stack:
        """Give a stack; empty where it is not there."""
        if not number:
            return ()
        found = self._stacks.get(number)
        if found is None:
            found = self._stacks[number] = self._read_stack(number)
        return found

    def _read_stack(self, number: int) -> Stack:
        body = self._body(number, STACK)
        if body is None:
            return ()
        tail, *frames = struct.unpack(f"{self._order}{len(body) // 4}I", body)
        sites = tuple(site for frame in frames if (site := self._site(frame)) is not None)
        return sites + (self.stack(tail) if tail and tail != number else ())

    def _site(self, number: int) -> Site | None:
        found = self._sites.get(number)
        if found is None:
            body = self._body(number, FRAME)
            if body is None:
                return None
            file, function, line, whose = struct.unpack(f"{self._order}IIII", body)
            found = JournalSite(self.text(file) or "(not kept)", line, self.text(function) or "(not kept)", whose)
            self._sites[number] = found
        return found


class JournalSite(Site):
    """A site that knows whose code it is, as the process saw that."""

    __slots__ = ("whose",)

    def __init__(self, file: str, line: int, function: str, whose: int) -> None:
        super().__init__(file, line, function)
        object.__setattr__(self, "whose", whose)


def site_in(stack: Stack) -> Site | None:
    """Give the site of a stack: its innermost frame of the user's own, else its innermost."""
    for site in stack:
        if isinstance(site, JournalSite) and site.whose == _USER:  # type: ignore[attr-defined]
            return site
    return stack[0] if stack else None


_USER = 3
