"""Capabilities: what a backend lacks is a clear error, never None."""

from __future__ import annotations

import pytest

from lifetrack import Backend, BackendCollection, BackendError, Capability, MissingCapabilityError


class Certificates(Capability):
    def certificate(self, pem: bytes) -> str:
        """Make a certificate."""

    def subject(self, certificate: str) -> str: ...

    def both(self, pem: bytes) -> str:
        return self.subject(self.certificate(pem))


class KeyMaking(Capability):
    async def make_key(self): ...

    @property
    def sizes(self): ...


class Named(Capability, name="by another name"):
    def thing(self):
        raise NotImplementedError


class Everything(Backend, Certificates, KeyMaking):
    """The base class of a host: its backends override what they can."""


class Full(Everything):
    name, priority = "full", 1

    def certificate(self, pem):
        return "certificate"

    def subject(self, certificate):
        return f"subject of {certificate}"

    async def make_key(self):
        return "key"

    @property
    def sizes(self):
        return (1,)


class Some(Everything):
    name, priority = "some", 5

    def certificate(self, pem):
        return "certificate"

    def subject(self, certificate):
        return "subject"


class Declared:
    def __init__(self, name, capabilities, priority=0):
        self.name, self.capabilities, self.priority = name, capabilities, priority


def test_a_capability_knows_its_name_and_its_methods():
    """Its name is that of the class unless given; methods with a body of their own need not be implemented."""
    assert (Certificates.capability, Certificates.required) == ("certificates", ("certificate", "subject"))
    assert (KeyMaking.capability, KeyMaking.required) == ("key_making", ("make_key", "sizes"))
    assert (Named.capability, Named.required) == ("by another name", ("thing",))


def test_a_backend_says_what_it_can():
    """What a backend has implemented is what it can, and defaults work in terms of it."""
    assert Full().capabilities == {"certificates", "key_making"}
    assert Some().capabilities == {"certificates"}
    assert Some().supports(Certificates)
    assert not Some().supports("key_making")
    assert Full().both(b"") == "subject of certificate"


def test_the_first_that_can_is_given_by_priority():
    """The greatest priority goes first, then the first that came; by name or by class."""
    backends = BackendCollection("tls")
    full, some = backends.add(Full()), backends.add(Some())
    assert backends.require("certificates") is some
    assert backends.require(Certificates) is some
    assert backends.require("key_making") is full
    assert backends.require(KeyMaking, of="full") is full


def test_backends_of_no_base_class_declare_theirs():
    """Any object with `capabilities` will do: names or classes, in any collection of them."""
    backends = BackendCollection()
    first = backends.add(Declared("a", ["keys"]))
    backends.add(Declared("b", {"keys", Certificates}))
    last = backends.add(Declared("c", ("other",), priority=-1))
    assert backends.require("keys") is first
    assert backends.require("other") is last
    assert backends.require("certificates") is backends.get("b")
    with pytest.raises(BackendError, match="no backend has the capability 'ocsp': it has 'a', 'b', 'c'"):
        backends.require("ocsp")


@pytest.mark.parametrize(
    "ask", [lambda some: some.make_key(), lambda some: some.sizes, lambda some: some.thing, lambda some: some.thing()]
)
def test_asking_for_what_is_lacking_names_all_sides(ask):
    """The error names the capability, the backend and those that have it, also for methods it does not even know."""

    class Thing(Backend, Named):
        name = "thing"

        def thing(self):
            return 1

    backends = BackendCollection("tls")
    some = backends.add(Some())
    backends.add(Full())
    backends.add(Thing())
    with pytest.raises(MissingCapabilityError, match=r"backend 'some' \(.*Some\) lacks the capability") as caught:
        ask(some)
    assert isinstance(caught.value, BackendError)
    assert "'full' has it" in str(caught.value) or "'thing' has it" in str(caught.value)
    with pytest.raises(BackendError, match=r"'some' \(.*Some\) lacks the capability 'key_making': 'full' has it"):
        backends.require(KeyMaking, of="some")


def test_a_missing_method_is_missing_for_hasattr():
    """Duck typing goes on to work; other names are refused as ever; outside a collection the error is shorter."""
    some = Some()
    assert not hasattr(some, "thing")
    with pytest.raises(AttributeError, match="'Some' object has no attribute 'nothing'"):
        _ = some.nothing
    with pytest.raises(MissingCapabilityError, match=r"no make_key\(\)$"):
        some.make_key()


def test_a_claim_that_is_half_kept_is_refused():
    """A backend with some methods of a capability, or that declares what it has not, is not let in."""

    class Half(Everything):
        name = "half"

        def certificate(self, pem):
            return "certificate"

    class Boaster(Everything):
        name, capabilities = "boaster", {"key_making"}

    backends = BackendCollection()
    for backend, words in (
        (Half(), "'certificates' without subject"),
        (Boaster(), "without make_key, sizes"),
    ):
        with pytest.raises(BackendError, match=words):
            backends.add(backend)
    assert backends.names() == ()
