"""Copies, pickles and comparisons of live and of released objects."""

from __future__ import annotations

import copy
import copyreg
import inspect
import pickle
from dataclasses import dataclass, replace

import attrs
import pydantic
import pytest

from lifetrack.tracker import Tracker
from lifetrack.values.errors import UseAfterReleaseError

_ours = Tracker()


class Methods:
    __slots__ = ()

    def use(self):
        return "used"

    def close(self):
        return "closed"


@_ours.tracked
class Plain(Methods):
    def __init__(self, name):
        self.name = name


@_ours.tracked
class Slotted(Methods):
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


@_ours.tracked
@dataclass
class Data(Methods):
    name: str


@_ours.tracked
@dataclass(frozen=True, slots=True)
class Frozen(Methods):
    name: str


@_ours.tracked
@attrs.define
class Attrs(Methods):
    name: str


@_ours.tracked
class Text(str):
    __slots__ = ()
    name = property(str)

    def use(self):
        return "used"

    def close(self):
        return "closed"


@_ours.tracked
class Failure(Exception):
    name = property(lambda self: self.args[0])

    def use(self):
        return "used"

    def close(self):
        return "closed"


@_ours.tracked
class WithState(Methods):
    def __init__(self, name):
        self.name = name

    def __getstate__(self):
        return {"kept": self.name}

    def __setstate__(self, state):
        self.name = state["kept"]


@_ours.tracked
class WithReduce(Methods):
    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return WithReduce, (self.name,)


@_ours.tracked
class WithNewargs(Methods):
    def __new__(cls, name):
        self = super().__new__(cls)
        self.name = name
        return self

    def __getnewargs__(self):
        return (self.name,)


KINDS = (Plain, Slotted, Data, Frozen, Attrs, Text, Failure, WithState, WithReduce, WithNewargs)
WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {number}": (lambda o, n=number: pickle.loads(pickle.dumps(o, n))) for number in range(6)},
}


@pytest.fixture
def on():
    with _ours.start(policy="raise", report=False):
        yield _ours


@pytest.mark.parametrize("released", [False, True], ids=["live", "released"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", KINDS)
def test_a_copy_is_what_it_would_be_without_us(on, cls, way, released):
    """The copy is of the real class, has the same state and works, whether its original is released or not."""
    original = cls("x")
    if cls is Slotted and way in {"pickle 0", "pickle 1"}:  # these protocols do not know slots, with or without us
        with pytest.raises(TypeError):
            WAYS[way](original)
        return
    if released:
        original.close()
    made = WAYS[way](original)
    assert type(made) is cls
    assert made.name == "x"
    assert made.use() == "used"
    assert made.close() == "closed"
    if released:
        with pytest.raises(UseAfterReleaseError):
            original.use()


@pytest.mark.parametrize("cls", KINDS)
def test_the_bytes_of_a_pickle_do_not_show_the_release(on, cls):
    """A pickle of a released object is byte for byte that of the live one."""
    obj = cls("x")
    live = pickle.dumps(obj)
    obj.close()
    assert pickle.dumps(obj) == live


@pytest.mark.parametrize("cls", [Data, Frozen, Attrs])
def test_equality_of_a_released_and_a_live_object(on, cls):
    """Generated equality compares classes; a release does not change the answer, in either direction."""
    live, released, other = cls("x"), cls("x"), cls("y")
    released.close()
    assert released == live
    assert live == released
    assert released != other
    also = cls("x")
    also.close()
    assert released == also


def test_hash_set_and_dictionary_membership_survive_the_release(on):
    """A released object is still found where it was put."""
    obj = Frozen("x")
    held = {obj: 1}
    obj.close()
    assert obj in held
    assert held[Frozen("x")] == 1


def test_replace_makes_a_live_object(on):
    """dataclasses.replace and attrs.evolve of a released object make a new resource of the real class."""
    data, other = Data("x"), Attrs("x")
    data.close()
    other.close()
    for made in (replace(data, name="y"), attrs.evolve(other, name="y")):
        assert type(made) in {Data, Attrs}
        assert made.use() == "used"
        made.close()


def test_repr_names_the_real_class(on):
    """The name in a repr stays that of the class, also of the default one."""
    data, plain = Data("x"), Plain("x")
    before = repr(data), repr(plain)
    data.close()
    plain.close()
    assert (repr(data), repr(plain)) == before


def test_matching_and_isinstance(on):
    """Structural pattern matching, isinstance and __class__ see the real class."""
    data = Data("x")
    data.close()
    match data:
        case Data(name):
            assert name == "x"
        case _:
            pytest.fail("no match")
    assert isinstance(data, Data)
    assert data.__class__ is Data
    assert issubclass(type(data), Data)


def test_a_new_object_made_by_the_type_of_a_released_one(on):
    """type(obj)(…) on a released object makes a live object of the real class, tracked like any other."""
    plain = Plain("x")
    plain.close()
    made = type(plain)("y")
    assert type(made) is Plain
    assert made.use() == "used"
    assert len(on.find_leaks()) == 1
    made.close()


def test_a_class_that_copies_itself_by_its_type(on):
    """__copy__ may ask type(self) and go past the constructor, by __new__ of the class or of object."""

    @on.tracked
    class Cloned(Methods):
        def __init__(self, name):
            self.name = name

        def __copy__(self):
            made = object.__new__(type(self))
            made.name = self.name
            return made

        def __deepcopy__(self, memo):
            made = type(self).__new__(type(self))
            made.name = self.name
            return made

        def __eq__(self, other):
            return type(other) is type(type(self).__new__(type(self)))

    original = Cloned("x")
    original.close()
    for made in (copy.copy(original), copy.deepcopy(original)):
        assert type(made) is Cloned
        assert made.name == "x"
        assert original == made
    with pytest.raises(UseAfterReleaseError):
        original.use()


def test_a_pydantic_model(on):
    """Fields, private attributes, equality, copies and use as a field of another model survive the release."""

    @on.tracked
    class Model(pydantic.BaseModel):
        name: str
        _own: int = pydantic.PrivateAttr(3)

        def close(self): ...

    class Outer(pydantic.BaseModel):
        inner: Model

    model = Model(name="x")
    model.close()
    assert (model.name, model._own) == ("x", 3)
    assert model == Model(name="x")
    assert type(copy.copy(model)) is Model
    assert copy.deepcopy(model) == model
    assert Outer(inner=model).inner is model
    with pytest.raises(UseAfterReleaseError):
        model.model_dump()


def test_a_reducer_that_is_registered(on, monkeypatch):
    """What copyreg knows for the class holds for its released objects."""

    @on.tracked
    class Registered(Methods):
        pass

    monkeypatch.setitem(copyreg.dispatch_table, Registered, lambda obj: (str, ("made",)))
    obj = Registered()
    assert copy.copy(obj) == "made"
    obj.close()
    assert copy.copy(obj) == "made"


def test_the_class_of_a_released_object_can_be_set(on):
    """A program that changes the class of its objects may go on doing so."""

    @on.tracked
    class Open(Methods):
        pass

    class Other(Open):
        pass

    obj = Open()
    obj.close()
    obj.__class__ = Other
    assert type(obj) is Other


def test_a_guard_shows_what_it_stands_for(on):
    """Signature, documentation and name of a method are those of the method."""

    @on.tracked
    class Described(Methods):
        def send(self, data: bytes, *, flush: bool = False) -> int:
            """Send it."""

    obj = Described()
    before = inspect.signature(obj.send), inspect.signature(obj.close)
    obj.close()
    assert (inspect.signature(obj.send), inspect.signature(obj.close)) == before
    assert (obj.send.__doc__, obj.send.__name__) == ("Send it.", "send")
