"""Leaks that are spread over very many objects: each is found, at its place, and the walk ends early where it may."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import pytest

from lifetrack.holders.explain import Explained, explain
from lifetrack.holders.roots import Root
from lifetrack.holders.walk import Walk
from lifetrack.values.holders import MODULE_GLOBAL

BALLAST: list[Any] = []
LEAKS: list[Any] = []
MANY = 20_000


class Leak:
    """What is looked for."""


class Node:
    """One of very many."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.children: list[Any] = []


class Slotted:
    """One of very many that has no dictionary."""

    __slots__ = ("children", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.children: list[Any] = []


@pytest.fixture(autouse=True)
def _empty() -> Any:
    yield
    BALLAST.clear()
    LEAKS.clear()


def spread(lists: list[list[Any]]) -> dict[int, int]:
    """Put a leak into every so-and-so-many list; give the number of the list by the address of the leak."""
    found = {}
    for number in range(7, len(lists), len(lists) // 50):
        lists[number].append(Leak())
        found[id(lists[number][-1])] = number
    return found


def found(explained: Explained) -> dict[int, str]:
    """Give the best path to each."""
    return {address: holders[0].words for address, holders in explained.holders.items()}


def _nodes() -> list[list[Any]]:
    BALLAST.extend(map(Node, range(MANY)))
    return [each.children for each in BALLAST]


def _slotted() -> list[list[Any]]:
    BALLAST.extend(map(Slotted, range(MANY)))
    return [each.children for each in BALLAST]


def _uneven() -> list[list[Any]]:
    """Some of them have more, some are shared, some are none, and one is itself a long list."""
    for number in range(MANY):
        node = Node(number)
        if number % 3 == 0:
            node.extra = BALLAST[-1] if BALLAST else None
        BALLAST.append(node)
    BALLAST[5].children.extend(range(5_000))
    return [each.children for each in BALLAST]


@pytest.mark.parametrize("make", [_nodes, _slotted, _uneven])
@pytest.mark.parametrize("shuffled", [False, True])
def test_leaks_spread_over_objects_are_found_at_their_places(make: Callable[[], list[Any]], shuffled: bool) -> None:
    """Each path has the position in the long list, in whatever order memory is."""
    lists = make()
    if shuffled:
        random.Random(1).shuffle(BALLAST)
        lists = [each.children for each in BALLAST]
    wanted = spread(lists)
    del lists
    paths = found(explain(wanted))
    for address, number in wanted.items():
        place = len(BALLAST[number].children) - 1
        assert paths[address].endswith(f"BALLAST[{number}].children[{place}]") or ".extra." in paths[address]
    assert sum(".extra." in path for path in paths.values()) < len(paths) / 2


def test_leaks_spread_over_plain_containers_are_found_at_their_places() -> None:
    """Lists, tuples, dictionaries and deques, long ones, with atoms and shared objects between."""
    shared = [1]
    kinds: dict[str, Callable[[list[Any]], Any]] = {
        "list": list, "tuple": tuple, "deque": deque, "dict": lambda items: dict(enumerate(items)),
    }  # fmt: skip
    for name, make in kinds.items():
        BALLAST.clear()
        inner: list[Any] = []
        for number in range(MANY):
            inner.append(([], shared, number)[number % 3])
        BALLAST.append(make(inner))
        wanted = {}
        for number in range(0, MANY, 1_500):
            inner[number].append(Leak())
            wanted[id(inner[number][-1])] = number
        del inner
        paths = found(explain(wanted))
        for address, number in wanted.items():
            assert paths[address].endswith(f"BALLAST[0][{number}][0]"), name


def test_leaks_that_stand_in_a_long_list_themselves_are_found() -> None:
    """Between very many others, each at its position."""
    BALLAST.extend([] for _ in range(MANY))
    wanted = {}
    for number in range(3, MANY, 999):
        BALLAST[number] = Leak()
        wanted[id(BALLAST[number])] = number
    paths = found(explain(wanted))
    assert all(paths[address].endswith(f"BALLAST[{number}]") for address, number in wanted.items())


def test_what_is_in_a_column_of_alike_objects_twice_is_walked_once() -> None:
    """Objects that refer to each other end the walk, and none is met twice."""
    for number in range(2_000):
        BALLAST.append(Node(number))
    for one, other in zip(BALLAST, reversed(BALLAST), strict=True):
        one.other = other
    walk = Walk({0}, {0})  # looks for what is nowhere, so it goes to the end
    walk.go([Root(BALLAST, "BALLAST", MODULE_GLOBAL, named=False, copied=False)])
    met = Counter(map(id, walk.order))
    assert all(met[id(node)] == met[id(node.children)] == 1 for node in BALLAST)
    assert met[id(Node)] == 1


def test_the_walk_ends_where_all_is_accounted_for() -> None:
    """Leaks that stand near a root are found without going through what hangs on a ballast beside them."""
    BALLAST.extend(Node(number) for number in range(MANY * 5))
    for node in BALLAST:
        node.children.append(Node(0))
    LEAKS.extend(Leak() for _ in range(20))
    explained = explain([id(each) for each in LEAKS])
    assert all(words.startswith(f"{__name__}.LEAKS[") for words in found(explained).values())
    assert explained.objects < MANY * 20
