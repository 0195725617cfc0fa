"""Validation: whatever is to become a backend is looked at here before anything changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from lifetrack.backends.capabilities import capability_key, check_claims
from lifetrack.backends.errors import BROKEN
from lifetrack.backends.seats import Seat
from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.ledger.entries import type_name
from lifetrack.values.errors import BackendError
from lifetrack.values.settings import shown
from lifetrack.values.stacks import RawFrame

ApiVersion = int | str
_NONE: frozenset[Any] = frozenset()
#: What typing and the interpreter put on the class of a protocol.
_BOOKKEEPING = frozenset({"_is_protocol", "_is_runtime_protocol", "_abc_impl", "__slots__"})


def is_protocol(kind: type) -> bool:
    """Whether it is a class of :class:`typing.Protocol`."""
    return bool(own(kind).get("_is_protocol", False))


def _members(protocol: type) -> list[str]:
    known = own(protocol).get("__protocol_attrs__")  # from Python 3.12 on
    if known is not None:
        return sorted(known)
    found: dict[str, None] = {}
    for base in mro(protocol):
        if not is_protocol(base) or base.__module__ in {"typing", "typing_extensions"}:
            continue
        names = [*own(base), *own(base).get("__annotations__", {})]
        found |= dict.fromkeys(name for name in names if name not in _BOOKKEEPING and not name.startswith("__"))
    return sorted(found)


def _has(backend: object, name: str) -> bool:
    """Whether there is such an attribute, without running a property."""
    attributes = getattr(backend, "__dict__", None)
    if isinstance(attributes, dict) and name in attributes:
        return attributes[name] is not None
    return not isinstance(backend, type) and resolve(type(backend), name) is not None


def kind_problem(backend: object, kind: type | None) -> str | None:
    """Say why an object is no backend of this kind; None if it is one."""
    if kind is None:
        return None
    if is_protocol(kind):
        lacking = [name for name in _members(kind) if not _has(backend, name)]
        return f"lacks {', '.join(lacking)}, which {type_name(kind)} asks for" if lacking else None
    return None if isinstance(backend, kind) else f"is no {type_name(kind)}"


def class_problem(cls: type, kind: type | None) -> str | None:
    """Say why the objects of a class are no backends of this kind, before any is made."""
    if kind is None or is_protocol(kind) or issubclass(cls, kind):
        return None
    return None if _makes_others(cls) else f"is no subclass of {type_name(kind)}"


def _makes_others(cls: type) -> bool:
    """Whether calling a class may give something else than its own objects."""
    return resolve(cls, "__new__") is not object.__dict__["__new__"] or type(cls).__call__ is not type.__call__


def _parts(version: object) -> tuple[int, ...] | None:
    if isinstance(version, bool) or not isinstance(version, int | str):
        return None
    words = str(version).split(".")
    return tuple(int(word) for word in words) if all(word.isdecimal() for word in words) else None


def check_version(version: object) -> None:
    """Refuse an API version that cannot be compared."""
    if _parts(version) is None:
        raise BackendError(f"api_version={shown(version)}: give a number or numbers with dots, as in 2 or '2.1'")


def version_problem(backend: object, wanted: ApiVersion | None) -> str | None:
    """Say why the API version of a backend does not fit: another major number, or a newer minor one."""
    if wanted is None:
        return None
    has = getattr(backend, "api_version", None)
    need, got = _parts(wanted) or (), _parts(has)
    if got is None:
        return f"has no api_version such as {shown(wanted)}, which the collection offers"
    if got[0] == need[0] and got[1:] <= need[1:]:
        return None
    return f"is made for api_version {shown(has)}, and the collection offers {shown(wanted)}"


def _read(backend: object, attribute: str, otherwise: Any) -> Any:
    try:
        return getattr(backend, attribute, otherwise)
    except BROKEN as error:
        raise BackendError(f"the {attribute} of {type_name(type(backend))} raised {type(error).__name__}") from error


def _name(backend: object, given: object, otherwise: str | None) -> str:
    name = given
    if name is None:
        name = _read(backend, "name", None)
        if not isinstance(name, str) or not name:
            name = otherwise
    if name is None:
        raise BackendError(f'{type_name(type(backend))} has no name: give one, as in add(backend, name="openssl")')
    if not isinstance(name, str) or not name.strip():
        raise BackendError(f"a backend's name is a text, not {shown(name)}")
    return name if type(name) is str else str.__str__(name)


def _priority(backend: object) -> float:
    priority = _read(backend, "priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int | float):
        raise BackendError(f"the priority of {type_name(type(backend))} is a {type(priority).__name__}, not a number")
    return priority


def _capabilities(backend: object) -> frozenset[Any]:
    found = _read(backend, "capabilities", _NONE)
    if found is _NONE:
        return frozenset()
    if found is None or isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise BackendError(
            f"the capabilities of {type_name(type(backend))} are a {type(found).__name__}: give a set of names"
        )
    return frozenset(capability_key(each) for each in found)


class Requirements(NamedTuple):
    """What a collection asks of its backends."""

    kind: type | None
    api_version: ApiVersion | None

    def words(self) -> str:
        """Tell the kind."""
        return "object" if self.kind is None else type_name(self.kind)

    def check_class(self, cls: type) -> None:
        """Refuse a class whose objects cannot fit, before one is made."""
        problem = class_problem(cls, self.kind)
        if problem is None and _has_plain(cls, "api_version"):
            problem = version_problem(cls, self.api_version)
        if problem is not None:
            raise BackendError(f"{type_name(cls)} {problem}")

    def seat(
        self, backend: object, name: object, place: RawFrame | None, plugin: Any = None, otherwise: str | None = None
    ) -> Seat:
        """Look at everything that a backend says of itself; raise BackendError for what does not fit."""
        problem = "is None" if backend is None else kind_problem(backend, self.kind)
        if isinstance(backend, type) and self.kind is not None and not isinstance(backend, self.kind):
            problem = f"is a class: add an object of it, a {self.words()}"
        subject = type_name(backend if isinstance(backend, type) else type(backend))
        problem = problem or version_problem(backend, self.api_version)
        if problem is not None:
            raise BackendError(f"{subject} {problem}" if backend is not None else f"None is no {self.words()}")
        found = _name(backend, name, otherwise)
        capabilities = _capabilities(backend)
        check_claims(backend, capabilities)
        return Seat(backend, found, subject, _priority(backend), capabilities, place, plugin)


def _has_plain(cls: type, name: str) -> bool:
    return isinstance(resolve(cls, name), int | str)
