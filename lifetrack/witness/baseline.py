"""What the operating system had when a place began, against which the place is judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lifetrack.witness import system


class Own(NamedTuple):
    """What came in a stretch of time; a descriptor with what it is, because its number is used again."""

    descriptors: frozenset[tuple[int, system.Identity | None]]
    threads: frozenset[int]
    children: frozenset[int]


class Baseline(NamedTuple):
    """What was there when a place began."""

    names: frozenset[str]
    numbers: frozenset[int]
    threads: frozenset[int]
    children: frozenset[int]
    #: The moment among the audit events.
    moment: int

    def since(self, before: Baseline) -> Own:
        """Give what is here and was not there before."""
        new = self.numbers - before.numbers
        return Own(
            frozenset((number, system.identity(number)) for number in new),
            self.threads - before.threads,
            self.children - before.children,
        )

    def without(self, own: Own) -> Baseline:
        """Give the same as if that had not been here."""
        numbers = {number for number, _ in own.descriptors}
        return self._replace(
            names=self.names - set(map(str, numbers)),
            numbers=self.numbers - numbers,
            threads=self.threads - own.threads,
            children=self.children - own.children,
        )

    def joined(self, owns: Iterable[Own]) -> Baseline:
        """Give the same as if what others have, and still is what it was, had been here."""
        numbers, threads, children = set(self.numbers), set(self.threads), set(self.children)
        for own in owns:
            numbers.update(number for number, what in own.descriptors if system.identity(number) == what)
            threads |= own.threads
            children |= own.children
        return self._replace(numbers=frozenset(numbers), threads=frozenset(threads), children=frozenset(children))
