"""Our own maker of dataclasses makes what the standard one makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any

import pytest

from lifetrack.values.making import dataclass as ours


def _namesake(decorate: Any) -> Any:
    @decorate(frozen=True, slots=True)
    class Thing:
        """A thing."""

        name: str
        size: int = 0
        parts: list[int] = dataclasses.field(default_factory=list)
        hidden: str = dataclasses.field(default="", compare=False, repr=False)

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError("negative")

        def doubled(self) -> int:
            return 2 * self.size

    return Thing


STANDARD, OURS = _namesake(dataclasses.dataclass), _namesake(ours)


@ours(frozen=True, slots=True)
class Base:
    """What can be pickled: it stands in its module."""

    name: str
    size: int = 1


@ours(frozen=True, slots=True)
class Derived(Base):
    """It adds a field and compares by itself."""

    more: tuple[int, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Base) and other.size == self.size


def test_it_looks_like_a_standard_one() -> None:
    """Signature, text, slots, fields, matching and parameters are those of the standard library's."""
    assert str(inspect.signature(OURS)) == str(inspect.signature(STANDARD))
    assert repr(OURS("a", 2)) == repr(STANDARD("a", 2))
    assert OURS.__match_args__ == STANDARD.__match_args__
    assert OURS.__slots__ == STANDARD.__slots__
    assert not hasattr(OURS("a"), "__dict__")
    assert repr(OURS.__dataclass_params__) == repr(STANDARD.__dataclass_params__)
    assert [field.name for field in dataclasses.fields(OURS)] == ["name", "size", "parts", "hidden"]
    assert dataclasses.asdict(OURS("a")) == dataclasses.asdict(STANDARD("a"))
    assert OURS.__init__.__qualname__.endswith("Thing.__init__")


def test_it_behaves_like_a_standard_one() -> None:
    """Defaults are made anew, what does not compare does not count, and ``replace`` makes another one."""
    for thing in (STANDARD, OURS):
        one, other = thing("a", 3), thing("a", 3, hidden="x")
        assert one == other
        assert one != thing("b", 3)
        assert one.__eq__(1) is NotImplemented
        assert one.parts == []
        assert one.parts is not other.parts
        assert dataclasses.replace(one, size=4).doubled() == 8
        with pytest.raises(ValueError, match="negative"):
            thing("a", -1)
        with pytest.raises(TypeError):
            thing()


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_the_first_ones_are_as_the_others(before: int) -> None:
    """However many there are already, arguments are taken by place and by name, and wrong ones are refused."""
    mine, standard = _namesake(ours), _namesake(dataclasses.dataclass)
    for thing in (mine, standard):
        for _ in range(before):
            thing("x")

    def outcome(thing: Any, *args: Any, **named: Any) -> object:
        try:
            return repr(thing(*args, **named)), thing(*args, **named).hidden
        except Exception as error:
            return type(error), str(error)

    for args, named in (
        (("a",), {}), ((), {"name": "a"}), (("a", 2, [1], "h"), {}), (("a",), {"hidden": "h", "size": 3}),
        ((), {}), (("a", 1, [], "", 5), {}), (("a",), {"name": "b"}), (("a",), {"wrong": 1}), ((), {"size": 1}),
        (("a", -1), {}),
    ):  # fmt: skip
        assert outcome(mine, *args, **named) == outcome(standard, *args, **named)


def test_it_cannot_be_changed() -> None:
    """Neither a field nor anything else can be set or deleted."""
    thing = OURS("a")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
        thing.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del thing.name
    with pytest.raises(dataclasses.FrozenInstanceError):
        thing.other = 1
    assert thing.name == "a"


def test_it_hashes_copies_and_pickles() -> None:
    """Equal ones have one hash; copies and pickles are equal."""
    assert hash(Base("a")) == hash(Base("a"))
    assert len({Base("a"), Base("a"), Base("b")}) == 2
    for twin in (copy.copy(Base("a")), copy.deepcopy(Base("a")), pickle.loads(pickle.dumps(Base("a")))):
        assert twin == Base("a")
        assert type(twin) is Base


def test_one_inherits_from_another() -> None:
    """The fields of the base come first, and what a class says itself of comparison counts."""
    derived = Derived("a", 2, (3,))
    assert repr(derived) == "Derived(name='a', size=2, more=(3,))"
    assert derived == Base("b", 2)
    assert hash(derived) == hash(Derived("a", 2, (3,)))
    assert Base.__dataclass_params__.frozen  # type: ignore[attr-defined]
    with pytest.raises(dataclasses.FrozenInstanceError):
        derived.size = 3  # type: ignore[misc]


def test_other_kinds_are_refused() -> None:
    """Whoever wants one that can be changed is told to take the standard one."""
    with pytest.raises(TypeError, match="frozen"):
        ours(frozen=False, slots=True)
