"""Limits by type: how long a resource may be held, and how many may be live, as people write them down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lifetrack.values.errors import ConfigurationError, DeclarationError
from lifetrack.values.making import dataclass
from lifetrack.values.settings import shown

_SEVERAL = "*?["


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits by the name of a type, or by a pattern of ``fnmatch`` such as ``app.*``. A name goes before patterns."""

    given: tuple[tuple[str, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.given)

    def find(self, names: Iterable[str]) -> float | None:
        """Give the limit of a type, by its name and those of its bases, nearest first; None where there is none."""
        names = tuple(names)
        exact = dict(self.given)
        for name in names:
            if name in exact:
                return exact[name]
        patterns = [(pattern, limit) for pattern, limit in self.given if any(sign in pattern for sign in _SEVERAL)]
        if not patterns or not names:
            return None
        from fnmatch import fnmatchcase

        return next((limit for pattern, limit in patterns if fnmatchcase(names[0], pattern)), None)


def parse_limits(value: object, *, whole: bool = False) -> Limits:
    """Read limits: a mapping such as ``{"app.Session": 5.0}``, or a text such as ``app.Session=5,app.*=60``.

    A class may stand for its name. They are seconds, or with ``whole`` numbers of resources. Raises ConfigurationError
    for anything else.
    """
    if isinstance(value, Limits):
        return value
    unit = "a whole number from 0" if whole else "seconds, more than 0"
    pairs: Iterable[tuple[object, object]]
    if isinstance(value, str):
        pairs = [_pair(part) for part in value.split(",") if part.strip()]
    elif isinstance(value, Mapping):
        pairs = value.items()
    else:
        raise ConfigurationError(f"limits are a mapping of types to {unit}, not {type(value).__name__}")
    return Limits(tuple((_name(name), _number(number, name, unit, whole=whole)) for name, number in pairs))


def check_limit(value: object, what: str, *, whole: bool = False) -> Any:
    """Read one limit of a declaration; raise DeclarationError for a bad one."""
    if value is None:
        return None
    try:
        return _number(value, what, "a whole number from 0" if whole else "seconds, more than 0", whole=whole)
    except ConfigurationError as error:
        raise DeclarationError(str(error)) from None


def _pair(part: str) -> tuple[str, str]:
    name, equals, number = part.partition("=")
    if not equals:
        raise ConfigurationError(f"limit {part.strip()!r} is not TYPE=LIMIT: write for example app.Session=5")
    return name.strip(), number.strip()


def _name(given: object) -> str:
    if isinstance(given, type):
        module, name = type.__dict__["__module__"].__get__(given), type.__dict__["__qualname__"].__get__(given)
        return str(name) if module in (None, "builtins") else f"{module}.{name}"
    if not isinstance(given, str) or not given:
        raise ConfigurationError(f"limits are set for types by their names, such as 'app.Session', not {shown(given)}")
    return given


def _number(value: object, name: object, unit: str, *, whole: bool) -> float:
    number: object = value
    if isinstance(value, str):
        try:
            number = int(value) if whole else float(value)
        except ValueError:
            number = None
    kinds = int if whole else (int, float)
    if isinstance(number, bool) or not isinstance(number, kinds) or not 0 <= number < float("inf"):
        raise ConfigurationError(f"limit {shown(value)} for {_named(name)}: use {unit}")
    if not whole and number == 0:
        raise ConfigurationError(f"limit {shown(value)} for {_named(name)}: use {unit}")
    return number


def _named(name: object) -> str:
    return name.__qualname__ if isinstance(name, type) else str(name)


def seconds_text(seconds: float) -> str:
    """Say a time as people do: ``0.25 s``, ``12 s``, ``3 min``, ``2.5 h``."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
