"""Unfinished generators: no leak by themselves, but a leak says by which of them it is held."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lifetrack.values import budgets

if TYPE_CHECKING:
    import pytest

    from lifetrack.tracker import Tracker


def _lines() -> Iterator[str]:
    with open(__file__, encoding="utf-8") as file:
        yield from file  # stands here: _lines


def _sockets() -> Iterator[int]:
    with contextlib.closing(socket.socket()):
        yield 1  # stands here: _sockets


_opened: list[Any] = []


def _kept() -> Iterator[bytes]:
    file = open(__file__, "rb")
    _opened.append(file)
    yield file.readline()  # stands here: _kept


def _line(word: str) -> int:
    with open(__file__, encoding="utf-8") as source:
        return next(number for number, line in enumerate(source, 1) if line.rstrip().endswith(word))


def test_held_by_a_generator(watching: Tracker) -> None:
    """The finding names the generator and the line where it stands; the mend is to close one that cleans up."""
    makers: list[Callable[[], Iterator[Any]]] = [_lines, _sockets, _kept]
    generators: list[Any] = [make() for make in makers]
    with watching.scope("job"):
        for each in generators:
            next(each)
    findings = watching.find_leaks()
    for make, found in zip(makers, findings, strict=True):
        assert f"held by the generator {make.__name__}(), suspended at " in found.message
        assert f":{_line(f'stands here: {make.__name__}')}: " in found.message
    assert ["close() it" in (found.hint or "") for found in findings] == [True, True, False]
    for each in generators:
        each.close()
    _opened.pop().close()


def test_which_generator_of_many(watching: Tracker) -> None:
    """Of several of one function it is the one that holds it; what another one has opened is not said to be held."""
    first, second = _lines(), _lines()
    with watching.scope("job"):
        next(first)
        next(second)
        first.close()  # type: ignore[attr-defined]
        file = next(iter([open(__file__, "rb")]))
    held = [found.message for found in watching.find_leaks()]
    file.close()
    assert ["generator _lines()" in message for message in held] == [True, False]
    second.close()  # type: ignore[attr-defined]


def test_unfinished_generator(watching: Tracker) -> None:
    """A generator that holds nothing is no finding, nor one that is done with what it held."""

    def numbers() -> Iterator[int]:
        with open(__file__, "rb") as file:
            file.readline()
        try:
            yield from range(10)
        finally:
            0

    with watching.scope("job"):
        generator = numbers()
        next(generator)
    assert watching.find_leaks() == []
    generator.close()  # type: ignore[attr-defined]


def test_generator_that_runs(watching: Tracker) -> None:
    """A generator at work is not suspended."""

    def asking() -> Iterator[list[str]]:
        with open(__file__, "rb"):
            yield [found.message for found in watching.find_leaks()]

    (messages,) = next(asking())
    assert "held by the generator" not in messages


def test_few_looks_for_nothing(watching: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the ends of scopes only a share of the time goes into generators that are not there; to find one is free."""
    spent: list[float] = []
    monkeypatch.setattr(budgets.Budget, "spend", lambda _, seconds: spent.append(seconds))
    generators = [_lines(), _lines()]

    def leak(number: int) -> list[str]:
        with watching.scope("job"):
            next(generators[number])
        return [found.message for found in watching.find_leaks()]

    assert "generator _lines()" in leak(0)[0]
    assert spent == []
    with watching.scope("done"):
        list(_kept())
    assert len(spent) == 1
    monkeypatch.setattr(budgets, "SECONDS", -1e9)
    assert "generator _lines()" not in leak(1)[-1]
    for each in generators:
        each.close()  # type: ignore[attr-defined]
    _opened.pop().close()
