"""Generators that wait for their next step: what they hold stays open until they are run to their end or closed.

An unfinished generator is no leak by itself. Where a resource was acquired in one, whoever is told of the leak wants to
know where that generator stands.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from time import process_time
from types import AsyncGeneratorType, BuiltinMethodType, CodeType, FrameType, GeneratorType, MethodType
from typing import Any

from lifetrack.ledger.capture import frames
from lifetrack.ledger.entries import EXTRA, OFFSET, TRACE, Entry, extra_of
from lifetrack.ledger.territory import FILES, OURS
from lifetrack.values.budgets import Budget
from lifetrack.values.collector import objects_of, referring

# CO_GENERATOR | CO_ASYNC_GENERATOR
_SUSPENDABLE = 0x20 | 0x200
#: How many of the innermost frames of an acquisition are asked, and at how many generators one look is taken.
_FRAMES, _GENERATORS = 8, 10_000
#: Up to how many codes it is asked who refers to them.
_FEW = 16


def note_suspended(known: dict[int, Entry], entries: Iterable[Entry], budget: Budget | None = None) -> None:
    """Note for open entries, some of those that are ``known``, by which suspended generator they are held.

    All objects are gone through only if one of these was acquired in a generator, and a budget allows that. Of that is
    taken what was done for nothing, as at the end of each test that leaks what a fixture has made.
    """
    wanted: dict[CodeType, dict[int, Entry]] = {}
    plain: set[int] = set()
    for entry in entries:
        if (entry[EXTRA] is None or entry[EXTRA].reported is None) and _may_be_suspended(entry[TRACE], plain):
            for code, _ in islice(frames(entry[TRACE], entry[OFFSET]), _FRAMES):
                if code.co_flags & _SUSPENDABLE:
                    wanted.setdefault(code, {})[id(entry)] = entry
    if not wanted or not (budget is None or budget.allows()):
        return
    began, any_found = process_time(), False
    for code, offset, generator in islice(_suspended(wanted), _GENERATORS):
        for each in _held(generator):
            found = wanted[code].get(id(known.get(id(each))))
            if found is not None:
                extra_of(found).suspended = code, offset
                any_found = True
    if budget is not None and not any_found:
        budget.spend(process_time() - began)


def _may_be_suspended(trace: Any, plain: set[int]) -> bool:
    """Tell quickly that no generator is among the frames that are asked; ``plain`` is code that is known to be none."""
    if not isinstance(trace, tuple):
        return trace is not None
    for part in (trace[:-1], trace[-1] or ()):
        codes = part[: 2 * _FRAMES : 2]
        if not plain.issuperset(map(id, codes)):
            if any(code.co_flags & _SUSPENDABLE or FILES[code.co_filename] == OURS for code in codes):
                return True
            plain.update(map(id, codes))
    return False


def _suspended(codes: dict[CodeType, Any]) -> Iterator[tuple[CodeType, int, object]]:
    for obj in _generators_of(codes):
        frame: FrameType | None = None
        if type(obj) is GeneratorType and obj.gi_code in codes and not obj.gi_running:
            frame = obj.gi_frame
        elif type(obj) is AsyncGeneratorType and obj.ag_code in codes and not obj.ag_running:
            frame = obj.ag_frame
        if frame is not None and frame.f_lasti >= 0:
            yield frame.f_code, frame.f_lasti, obj


def _generators_of(codes: Collection[CodeType]) -> list[Any]:
    """Give the generators of some functions; others may be among them.

    A generator that was begun refers to its code.
    """
    if len(codes) > _FEW:
        return objects_of(GeneratorType, AsyncGeneratorType)
    return referring(codes, GeneratorType, AsyncGeneratorType)


def _held(generator: object) -> Iterator[object]:
    """Give what a generator holds, in variables and on its stack, and what those stand for."""
    for each in gc.get_referents(generator):
        # The end of a 'with' block is a method that waits to be called.
        layer: Any = each.__self__ if isinstance(each, MethodType | BuiltinMethodType) else each
        yield layer
        for name in ("thing", "buffer", "raw"):
            try:
                below = getattr(layer, name, None) if type(layer).__module__ in _LAYERED else None
            except ValueError:  # detached
                break
            if below is not None:
                yield below
                layer = below


#: Modules whose objects are made of others, by which they are recorded.
_LAYERED = frozenset({"_io", "contextlib"})
