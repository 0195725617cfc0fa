"""Looking into objects without running anything of the program's: names of attributes, keys and variables.

Nothing here calls a method or a property that a program may have written; all goes through the built-in types.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator
from types import (
    AsyncGeneratorType,
    CoroutineType,
    FrameType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
)
from typing import Any

from lifetrack.holders.roots import variables
from lifetrack.ledger.entries import type_name

_type_dict = type.__dict__["__dict__"].__get__
#: Names and short words are shown; what may be a secret or somebody's data is not.
_WORD = re.compile(r"[A-Za-z_][\w.:/@ -]{0,39}\Z", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9]+")
_LONGEST_RUN, _MOST_CHANGES, _LARGEST = 24, 2, 1_000_000
#: Containers longer than this are gone through once for all that is looked for in them.
_LONG = 1_000
#: How many of what they have are looked at at once.
_PIECE = 2_048
_PLAIN = frozenset({list, tuple})
_LONG_ONES: tuple[Any, ...] = (dict, list, tuple, deque)
_SUSPENDABLE = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}


def is_of(obj: object, *classes: type) -> bool:
    """As ``isinstance``, which may ask the object itself."""
    return issubclass(type(obj), classes)


def class_name(obj: object) -> str:
    """Give the short name of an object's class."""
    return str(type.__dict__["__name__"].__get__(type(obj)))


def length(container: Any) -> int:
    """Give the length of a container, whatever a class of the program's says of it."""
    return int(next(base for base in _LONG_ONES if is_of(container, base)).__len__(container))


def is_long(obj: object) -> bool:
    """Whether it is a container that is gone through once for all that is looked for in it."""
    return is_of(obj, *_LONG_ONES) and length(obj) > _LONG


def is_a(obj: object, *names: str) -> bool:
    """Whether an object is of one of these classes, by their full names, or of a subclass."""
    return any(type_name(base) in names for base in type.__dict__["__mro__"].__get__(type(obj)))


def _looks_secret(word: str) -> bool:
    """Whether a word looks like a token rather than a name: long, or letters and digits in turns."""
    for run in _RUN.findall(word):
        kinds = [character.isdigit() for character in run]
        changes = sum(one != other for one, other in itertools.pairwise(kinds))
        if len(run) > _LONGEST_RUN or changes > _MOST_CHANGES:
            return True
    return False


def shown_key(key: object) -> str:
    """Give a key of a container as it may stand in a report: a short name, a small number, else dots.

    A key is data of the program's. Strings of up to 40 characters that read like names are shown, and numbers of up to
    six digits; of anything else only that there is a key.
    """
    if type(key) is str and _WORD.match(key) and not _looks_secret(key):
        return repr(key)
    if key is None or type(key) is bool or (type(key) is int and abs(key) < _LARGEST):
        return repr(key)
    return "..."


def shown_name(name: object) -> str | None:
    """Give the name of an attribute or variable as it may stand in a report; None for what is no plain name."""
    if type(name) is str and name.isidentifier() and len(name) <= 60:
        return name
    return None


def instance_dict(obj: object) -> dict[str, Any] | None:
    """Give the attributes of an object that it keeps in a dictionary; None if it has none."""
    for base in type.__dict__["__mro__"].__get__(type(obj)):
        descriptor = _type_dict(base).get("__dict__")
        if descriptor is not None:
            if type(descriptor) not in (GetSetDescriptorType, MemberDescriptorType):
                return None  # a property of the program's own
            try:
                found = descriptor.__get__(obj)
            except (AttributeError, TypeError):
                return None
            return found if is_of(found, dict) else None
    return None


def computed(obj: object, name: str) -> Any:
    """Give an attribute that a type written in C computes; None if there is none, or a class has it by other means."""
    for base in type.__dict__["__mro__"].__get__(type(obj)):
        descriptor = _type_dict(base).get(name)
        if type(descriptor) is GetSetDescriptorType:
            try:
                return descriptor.__get__(obj)
            except Exception:  # what is not set, or not any more
                return None
    return None


def members(obj: object) -> Iterator[tuple[str, Any]]:
    """Give the attributes of an object that stand in slots, its own or those of a type written in C."""
    for base in type.__dict__["__mro__"].__get__(type(obj)):
        for name, descriptor in list(_type_dict(base).items()):
            if type(descriptor) is MemberDescriptorType:
                try:
                    yield name, descriptor.__get__(obj)
                except (AttributeError, TypeError, ValueError):
                    continue


def frame_of(obj: Any) -> FrameType | None:
    """Give the frame of a generator or coroutine; None of one that has ended, or of anything else."""
    attribute = _SUSPENDABLE.get(type(obj))
    return None if attribute is None else getattr(obj, attribute)


def is_suspendable(obj: object) -> bool:
    """Whether an object is a generator, a coroutine or an asynchronous generator."""
    return type(obj) in _SUSPENDABLE


def is_running(obj: Any) -> bool:
    """Whether a generator or coroutine runs at present."""
    prefix = _SUSPENDABLE[type(obj)][:2]
    return bool(getattr(obj, f"{prefix}_running"))


def local_name(frame: FrameType | None, held: object) -> str | None:
    """Give the variable of a frame that has an object; None if only its stack has it."""
    if frame is None:
        return None
    return name_in(variables(frame), held)


def name_in(names: dict[Any, Any], held: object) -> str | None:
    """Give the name under which a namespace has an object."""
    for name, value in dict.items(names):
        if value is held:
            return shown_name(name) or "(a name of its own)"
    return None


def _contents(mapping: dict[Any, Any]) -> tuple[list[Any], list[Any]]:
    """Give the keys and the values of a dictionary."""
    for _ in range(3):
        try:
            keys, values = list(dict.keys(mapping)), list(dict.values(mapping))
            if len(keys) == len(values):
                return keys, values
        except RuntimeError:  # another thread changes it meanwhile
            continue
    return [], []


def _numbered(sequence: Any) -> tuple[range, Any]:
    """Give the positions and the items of a list, tuple or deque."""
    if type(sequence) in _PLAIN:
        return range(len(sequence)), sequence
    iterate = next(base.__iter__ for base in (list, tuple, deque) if is_of(sequence, base))
    for _ in range(3):
        try:
            items = list(iterate(sequence))
            return range(len(items)), items
        except RuntimeError:
            continue
    return range(0), []


def _places(values: Any, wanted: set[int], guesses: dict[int, int]) -> dict[int, int]:
    """Give the positions in a list or tuple of the objects at some addresses; most stand where it is guessed."""
    # In slices, because another thread may make it shorter meanwhile.
    found = {
        address: place
        for address, place in guesses.items()
        if place >= 0 and address in map(id, values[place : place + 1])
    }
    left = wanted - found.keys()
    for start in range(0, len(values), _PIECE):
        if not left:
            break
        piece = values[start : start + _PIECE]
        for address in left.intersection(map(id, piece)):
            found[address] = start + next(place for place, each in enumerate(piece) if id(each) == address)
            left.discard(address)
    return found


class Finder:
    """Finds where containers have objects. Long containers are gone through once for all that are asked for."""

    def __init__(self) -> None:
        self._indexes: dict[int, dict[int, Any]] = {}
        #: For each long container the addresses that will be asked for, each with a guess at its position there.
        self._expected: dict[int, dict[int, int]] = {}

    def expect(self, way: list[Any], guesses: Callable[[int], int]) -> None:
        """Hear of a way that will be asked for, so that each long container is gone through once for all.

        ``guesses`` guesses the position of what comes next on the way in that which stands at some place of it.
        """
        for at, (holder, held) in enumerate(itertools.pairwise(way)):
            if is_long(holder):
                self._expected.setdefault(id(holder), {})[id(held)] = guesses(at)

    def _where(self, container: Any, contents: Callable[[], tuple[Any, Any]], held: object) -> Any:
        """Give the key or position of an object in a container, in a tuple; None if it is not there.

        ``contents`` gives its keys and its values, in the same order.
        """
        if length(container) <= _LONG:
            return next(((key,) for key, value in zip(*contents(), strict=False) if value is held), None)
        index = self._indexes.get(id(container))
        if index is None:
            guesses = self._expected.get(id(container), {id(held): -1})
            keys, values = contents()
            # The container is kept by the walk meanwhile, so the address stays its own.
            places = _places(values, set(guesses), guesses)
            index = self._indexes[id(container)] = {
                address: keys[place] for address, place in places.items() if place < len(keys)
            }
        return (index[id(held)],) if id(held) in index else None

    def key(self, container: dict[Any, Any], held: object) -> str | None:
        """Tell under which key a dictionary has an object, or that it is a key itself."""
        found = self._where(container, lambda: _contents(container), held)
        if found is not None:
            return f"[{shown_key(found[0])}]"
        if any(key is held for key in _contents(container)[0]):
            return "(a key)"
        return None

    def index(self, container: Any, held: object) -> str | None:
        """Tell at which position a list, tuple or deque has an object."""
        found = self._where(container, lambda: _numbered(container), held)
        if found is None:
            return None
        fields = _type_dict(type(container)).get("_fields") if is_of(container, tuple) else None
        if type(fields) is tuple and found[0] < len(fields):
            return shown_name(fields[found[0]])
        return f"[{found[0]}]"

    def attribute(self, obj: object, held: object) -> str | None:
        """Tell under which attribute an object has another one."""
        names = instance_dict(obj)
        name = None if names is None else name_in(names, held)
        if name is None:
            name = next((shown_name(name) for name, value in members(obj) if value is held), None)
        return name
