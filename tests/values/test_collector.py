"""What is asked of the collector: by addresses, for classes may say anything of what they are equal to."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import GeneratorType
from typing import Any

from lifetrack.values.collector import objects_of, referring


class _Odd(type):
    def __eq__(cls, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


class Holder(metaclass=_Odd):
    """Refers to what it was given."""

    def __init__(self, what: object) -> None:
        self.what = what


def _rows() -> Iterator[int]:
    yield 1


def test_generators_refer_to_their_code() -> None:
    """All of a function are found, and no code of anybody's class runs meanwhile."""
    rows, other = [_rows() for _ in range(3)], (each for each in [1])
    for each in rows:
        next(each)
    holder = Holder(_rows.__code__)
    found = referring([_rows.__code__], GeneratorType)
    assert {id(each) for each in found} == {id(each) for each in rows}
    assert all(any(each is known for known in objects_of(GeneratorType)) for each in [*rows, other])
    assert holder.what is _rows.__code__


def test_caches_refer_to_their_type() -> None:
    """All of functools are found, as by going through all objects."""

    @functools.lru_cache
    def cached(key: Any) -> Any:
        return key

    kind: type = type(cached)
    holder = Holder(kind)
    found = {id(each) for each in referring([kind], kind)}
    assert id(cached) in found
    assert found == {id(each) for each in objects_of(kind)}
    assert holder.what is kind
