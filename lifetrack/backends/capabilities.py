"""Capabilities: what a backend can do, as typed sets of methods, none of which does nothing by default."""

from __future__ import annotations

import functools
import re
import weakref
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.ledger.entries import type_name
from lifetrack.values.errors import BackendError
from lifetrack.values.settings import shown

if TYPE_CHECKING:
    from lifetrack.backends.collection import BackendCollection

#: Which capability a method belongs to, by the method's name.
_CAPABILITY_OF: dict[str, str] = {}
_STUB = "lifetrack_capability"


class MissingCapabilityError(BackendError, AttributeError):
    """A backend was asked for what it cannot do; the message names the capability, the backend and those that can."""


def _references() -> frozenset[bytes]:
    """Give the code of functions that do nothing, as this interpreter compiles them."""
    source = "{}def f(self):\n {}"
    found = set()
    for word in ("", "async "):
        for body in ("...", "pass", "'text'", "'text'\n ...", "'text'\n pass", "return None"):
            names: dict[str, Any] = {}
            exec(source.format(word, body), names)  # noqa: S102 - constant text
            found.add(names["f"].__code__.co_code)
    return frozenset(found)


@functools.cache
def _empty_codes() -> frozenset[bytes]:
    return _references()


def _does_nothing(code: CodeType) -> bool:
    return code.co_code in _empty_codes() or (code.co_names == ("NotImplementedError",) and len(code.co_code) < 40)


def _stub(function: Callable[..., Any], name: str, capability: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def missing(self: Any, /, *_: Any, **__: Any) -> Any:
        raise lacking(self, capability, name)

    setattr(missing, _STUB, capability)
    return missing


def _is_stub(attribute: object) -> bool:
    function = attribute.fget if isinstance(attribute, property) else attribute
    return hasattr(function, _STUB)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Capability:
    """Base of a capability: a class that names the methods that belong together, each with a body that does nothing.

    ::

        class Certificates(lifetrack.Capability):
            def certificate(self, pem: bytes) -> Certificate:
                raise NotImplementedError


        class OpenSsl(lifetrack.Backend, Certificates):
            name = "openssl"

            def certificate(self, pem: bytes) -> Certificate:
                return Certificate(pem)

    Its name is that of the class in lower case with underscores, or what is given: ``class X(Capability, name="x")``.
    A method that does nothing (an empty body, or ``raise NotImplementedError``) and that a backend does not override
    raises MissingCapabilityError; it never returns None. A method with a body is a default, in terms of the others.
    """

    capability: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if Capability not in cls.__bases__:
            return
        cls.capability = name or _snake(cls.__name__)
        required = []
        for attribute, value in own(cls).copy().items():
            function = value.fget if isinstance(value, property) else value
            if attribute.startswith("_") or not isinstance(function, FunctionType):
                continue
            if _does_nothing(function.__code__):
                stub = _stub(function, attribute, cls.capability)
                setattr(cls, attribute, property(stub) if isinstance(value, property) else stub)
                required.append(attribute)
            _CAPABILITY_OF[attribute] = cls.capability
        cls.required = tuple(required)


def _is_capability(cls: object) -> bool:
    return isinstance(cls, type) and cls is not Capability and Capability in cls.__bases__


def capability_key(capability: object) -> Any:
    """Give what stands for a capability: its name, or a class that is declared as one; else raise BackendError."""
    if _is_capability(capability):
        return capability.capability  # type: ignore[attr-defined]
    if isinstance(capability, type) or (isinstance(capability, str) and capability):
        return capability
    raise BackendError(f"a capability is a name or a class, not {shown(capability)}")


def words(key: object) -> str:
    """Tell a capability's name."""
    return f"'{key}'" if isinstance(key, str) else f"'{getattr(key, '__name__', 'unknown')}'"


def claimed(cls: type) -> list[type[Capability]]:
    """Give the capabilities that a class inherits from."""
    return [base for base in mro(cls) if _is_capability(base)]


def check_claims(backend: object, capabilities: frozenset[Any]) -> None:
    """Refuse a backend that says it can what it has not implemented; raise BackendError."""
    cls = type(backend)
    for capability in claimed(cls) if isinstance(backend, Capability) else ():
        absent = [name for name in capability.required if _is_stub(resolve(cls, name))]
        if absent and (capability.capability in capabilities or len(absent) < len(capability.required)):
            raise BackendError(
                f"{type_name(cls)} claims the capability '{capability.capability}' without {', '.join(absent)}(): "
                "implement it, or do not inherit from the capability"
            )


def lacking(backend: object, capability: str, method: str) -> MissingCapabilityError:
    """Make the error for a backend that is asked for what it cannot do."""
    home = getattr(backend, "_lifetrack_collection", None)
    collection: BackendCollection[Any] | None = None if home is None else home()
    name = getattr(backend, "name", None)
    subject = (
        f"backend {shown(name)} ({type_name(type(backend))})" if isinstance(name, str) else type_name(type(backend))
    )
    text = f"{subject} lacks the capability '{capability}', so that it has no {method}()"
    if collection is not None:
        text += f": {collection.who_can(capability)}"
    return MissingCapabilityError(text)


def settle_in(backend: object, collection: Any) -> None:
    """Let a backend of our base class know its collection, for its errors; it does not keep it alive."""
    if isinstance(backend, Backend):
        try:
            object.__setattr__(backend, "_lifetrack_collection", weakref.ref(collection))
        except (AttributeError, TypeError):  # it has slots only
            return


class Backend:
    """A base class that makes a backend short to write; nobody has to use it.

    Give ``name``, and where they matter ``priority`` (the greater is asked first) and ``api_version``. What it can do
    is read from the :class:`Capability` classes among its bases.
    """

    name: str
    priority: float = 0

    @property
    def capabilities(self) -> frozenset[str]:
        """The names of all capabilities that it implements."""
        cls = type(self)
        return frozenset(
            each.capability
            for each in claimed(cls)
            if not each.required or not all(_is_stub(resolve(cls, name)) for name in each.required)
        )

    def supports(self, capability: str | type) -> bool:
        """Whether it has a capability, given by name or class."""
        return capability_key(capability) in {capability_key(each) for each in self.capabilities}

    if not TYPE_CHECKING:  # a type checker shall go on to refuse names that do not exist

        def __getattr__(self, name: str) -> Any:
            """Name the capability that is lacking, where the attribute belongs to one."""
            if name in _CAPABILITY_OF:
                raise lacking(self, _CAPABILITY_OF[name], name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
