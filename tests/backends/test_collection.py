"""The collection itself: what it takes, what it gives, and what it refuses without changing."""

from __future__ import annotations

import abc
from typing import Protocol

import pytest

from lifetrack import BackendCollection, BackendError
from tests.backends.conftest import Plain


class Kind(abc.ABC):
    name = "kind"

    @abc.abstractmethod
    def use(self): ...


class Mine(Kind):
    def __init__(self, name="mine"):
        self.name = name

    def use(self):
        return self.name


class Shape(Protocol):
    width: int

    def area(self) -> int: ...


def test_what_is_added_is_given_back_as_it_is():
    """`get`, iteration and `in` know the very object; names and iteration are in order of arrival."""
    backends = BackendCollection("tls")
    first, second = Plain("b"), Plain("a")
    assert backends.add(first) is first
    backends.add(second, name="z")
    assert backends.names() == ("b", "z")
    assert backends.get("z") is second
    assert list(backends) == [first, second]
    assert len(backends) == 2
    assert first in backends
    assert "z" in backends
    assert "a" not in backends
    assert Plain("b") not in backends


def test_names_and_iteration_are_snapshots():
    """What was asked before a change does not change with it."""
    backends = BackendCollection()
    backends.add(Plain("a"))
    names, backends_then = backends.names(), iter(backends)
    backends.add(Plain("b"))
    assert names == ("a",)
    assert [backend.name for backend in backends_then] == ["a"]


class Unnamed:
    pass


class Angry:
    @property
    def name(self):
        raise OSError("no name today")


class Claims:
    name, capabilities = "claims", "keys"


class Important:
    name, priority = "important", "high"


A, TAKEN = Plain("a"), Plain("taken")
REFUSED = {
    "None": (lambda c: c.add(None), "None is no object"),
    "the same name": (
        lambda c: c.add(Plain("taken")),
        "Plain .added at .*cannot have the name 'taken'.*has it",
    ),
    "the same object": (lambda c: c.add(TAKEN, name="other"), "cannot be added again: it is 'taken' already"),
    "no name": (lambda c: c.add(Unnamed()), "Unnamed has no name: give one"),
    "an empty name": (lambda c: c.add(A, name=""), "a backend's name is a text, not ''"),
    "a name of a wrong type": (lambda c: c.add(A, name=3), "a backend's name is a text, not 3"),
    "a name that raises": (lambda c: c.add(Angry()), "the name of .*Angry raised OSError"),
    "capabilities as a text": (lambda c: c.add(Claims()), "the capabilities of .*Claims are a str"),
    "a priority that is no number": (lambda c: c.add(Important()), "the priority of .*Important is a str"),
    "an unknown name": (lambda c: c.get("nobody"), r"get\(\) of 'nobody', which it does not have; it has 'taken'"),
    "a name that cannot be one": (lambda c: c.get([]), "which it does not have"),
    "removing the unknown": (lambda c: c.remove("nobody"), r"remove\(\) of 'nobody'"),
    "removing a stranger": (lambda c: c.remove(A), r"remove\(\) of an object of type Plain"),
    "replacing the unknown": (lambda c: c.replace("nobody", A), r"replace\(\) of 'nobody'"),
    "replacing by itself": (lambda c: c.replace("taken", TAKEN), "it is 'taken' already"),
    "replacing by None": (lambda c: c.replace("taken", None), "None is no object"),
    "borrowing the unknown": (lambda c: c.borrowed("nobody").__enter__(), r"borrowed\(\) of 'nobody'"),
    "requiring the unknown": (lambda c: c.require("keys"), "no backend has the capability 'keys': it has 'taken'"),
    "requiring nonsense": (lambda c: c.require(3), "a capability is a name or a class, not 3"),
    "groups that are none": (lambda c: c.populate(3), "groups= takes names, not 3"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_changes_nothing(what):
    """Every refusal is a BackendError that names the collection and what was asked; the collection is as before."""
    backends = BackendCollection("tls")
    backends.add(TAKEN)
    act, words = REFUSED[what]
    with pytest.raises(BackendError, match=words) as caught:
        act(backends)
    assert isinstance(caught.value, LookupError)
    assert backends.names() == ("taken",)
    assert list(backends) == [TAKEN]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": ""}, "the name of a collection"),
        ({"name": 3}, "the name of a collection"),
        ({"kind": Plain()}, "kind= takes a class or a protocol"),
        ({"groups": 3}, "groups= takes names"),
        ({"groups": [""]}, "groups= takes names"),
        ({"include": [3]}, "include= takes names"),
        ({"api_version": "x"}, "api_version='x'"),
        ({"api_version": True}, "api_version=True"),
        ({"release": "no name"}, "release='no name'"),
    ],
)
def test_bad_options_are_refused(options, words):
    """An option that cannot work is one clear error."""
    with pytest.raises(BackendError, match=words):
        BackendCollection(**options)


def test_the_kind_is_checked():
    """Objects of another class, and classes instead of objects, are refused by naming both."""
    backends = BackendCollection("tls", kind=Kind)
    backends.add(Mine())
    for stranger, words in ((Plain(), "conftest.Plain is no .*Kind"), (Mine, "Mine is a class: add an object of it")):
        with pytest.raises(BackendError, match=words):
            backends.add(stranger, name="x")
    assert backends.names() == ("mine",)


def test_a_protocol_is_checked_member_by_member():
    """What a protocol asks for must be there; its properties are not run to find out."""

    class Square:
        @property
        def width(self):
            raise OSError("not to be asked")

        def area(self):
            return 4

    class Half:
        width = 2

    backends = BackendCollection("shapes", kind=Shape)
    backends.add(Square(), name="square")
    with pytest.raises(BackendError, match=r"Half lacks area, which .*Shape asks for"):
        backends.add(Half(), name="half")
    assert backends.names() == ("square",)


@pytest.mark.parametrize(
    ("offered", "made_for", "fits"),
    [(2, 2, True), (2, "2.0", False), ("2.3", 2, True), ("2.3", "2.3", True), ("2.3", "2.4", False), ("2.3", 1, False),
     ("2.3", 3, False), ("2.3", None, False), ("2.3", "two", False), (2, True, False)],
)  # fmt: skip
def test_the_api_version_must_fit(offered, made_for, fits):
    """The same first number, and no newer one behind it."""
    backends = BackendCollection(api_version=offered)
    backend = Plain()
    backend.api_version = made_for
    if fits:
        backends.add(backend)
    else:
        with pytest.raises(BackendError, match="api_version"):
            backends.add(backend)
    assert (backend in backends) is fits


def test_removing_gives_the_duty_back():
    """By name or by object; the collection releases what it has removed only on request, and never again."""
    backends = BackendCollection()
    one, two, three = (backends.add(Plain(name)) for name in "abc")
    assert backends.remove("a") is one
    assert backends.remove(two) is two
    assert backends.remove("c", release=True) is three
    backends.cleanup()
    assert [each.closed for each in (one, two, three)] == [0, 0, 1]


def test_a_sealed_collection_is_constant_for_good():
    """Nothing changes it; the error and the log say where it was sealed and who tried; it is still cleaned up."""
    backends = BackendCollection("tls")
    backend = backends.add(Plain("a"))
    backends.seal()
    backends.seal()
    for change in (
        lambda: backends.add(Plain("b")),
        lambda: backends.remove("a"),
        lambda: backends.remove(backend),
        lambda: backends.replace("a", Plain("b")),
        lambda: backends.populate("some.group"),
        lambda: backends.reload("a"),
    ):
        with pytest.raises(BackendError, match=r"at .*test_collection\.py:\d+ refused: it was sealed at .*test_coll"):
            change()
    assert list(backends) == [backend]
    backends.cleanup()
    assert backend.closed == 1


@pytest.mark.parametrize(
    "touch",
    [
        lambda c: c.add(Plain("x")), lambda c: c.remove("a"), lambda c: c.get("a"), lambda c: c.names(), iter, len,
        lambda c: "a" in c, lambda c: c.require("x"), lambda c: c.replace("a", Plain()), lambda c: c.populate(),
        lambda c: c.seal(), lambda c: c.__enter__(), lambda c: c.borrowed("a").__enter__(), lambda c: c.reload("a"),
    ],
)  # fmt: skip
def test_after_the_cleanup_nothing_can_be_touched(touch):
    """Every use of a collection that was cleaned up is a BackendError that says so; its repr still works."""
    backends = BackendCollection("tls")
    backends.add(Plain("a"))
    backends.cleanup()
    with pytest.raises(BackendError, match=r"'tls': .* after its cleanup"):
        touch(backends)
    assert repr(backends) == "<BackendCollection 'tls', 0 backends, cleaned up>"


def test_no_value_of_a_backend_is_shown():
    """A backend's own words are in no message."""

    class Secretive(Plain):
        def __repr__(self):
            raise RuntimeError("asked for my repr")

    backends = BackendCollection()
    backend = backends.add(Secretive("a"))
    with pytest.raises(BackendError):
        backends.add(backend)
    with pytest.raises(BackendError):
        backends.remove(Secretive("a"))
    assert "1 backends" in repr(backends)
