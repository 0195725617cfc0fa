"""Checking declarations: what a person hands over becomes a Declaration, or one clear error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lifetrack.guards.release_names import is_method, recognise
from lifetrack.guards.shapes import resolve
from lifetrack.values.declarations import GUARDS, INIT, STRONG_RELEASES, Declaration
from lifetrack.values.errors import DeclarationError
from lifetrack.values.limits import check_limit
from lifetrack.values.settings import shown


def names_of(value: object, what: str) -> tuple[str, ...]:
    """Read one name or several; raise DeclarationError for anything else."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable):
        raise DeclarationError(f"{what}= takes a method name or several, not {type(value).__name__}")
    names = tuple(value)
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise DeclarationError(f"{what}= takes method names; {type(name).__name__} is none")
    return names


def _check_methods(cls: type, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if not is_method(resolve(cls, name)):
            raise DeclarationError(
                f'{cls.__qualname__} has no method {name}() to {what} it: name one that it has, as in {what}="close"'
            )


def releases_of(cls: type, release: object) -> tuple[tuple[str, ...], bool]:
    """Give the release methods of a class, and whether they were recognised rather than named."""
    if release is not None:
        names = names_of(release, "release")
        if not names:
            raise DeclarationError(f"release= is empty: name the method that releases a {cls.__qualname__}")
        _check_methods(cls, names, "release")
        return names, False
    names = recognise(cls)
    if not names:
        usual = ", ".join(STRONG_RELEASES[:8])
        raise DeclarationError(
            f"{cls.__qualname__} has no method that looks like a release (such as {usual}, __exit__): "
            'name it, as in @tracked(release="hang_up")'
        )
    return names, True


def check_label(label: object) -> None:
    """Raise DeclarationError for a label that is no text: it stands in every report."""
    if label is not None and not isinstance(label, str):
        raise DeclarationError(f"label= takes a text, not {type(label).__name__}")


def _check_options(options: dict[str, Any]) -> None:
    """Check those that have no check of their own; raise DeclarationError for one that is unknown, or wrong."""
    unknown = next((name for name in options if name not in Declaration.__slots__), None)
    if unknown is not None:
        raise DeclarationError(f"@tracked has no option {unknown}=: use one of {', '.join(_OPTIONS)}")
    check_label(options.get("label"))
    for name in _FLAGS:
        if not isinstance(options.get(name, False), bool):
            raise DeclarationError(f"{name}={shown(options[name])}: use True or False")
    grace = options.get("grace", 0.0)
    if isinstance(grace, bool) or not isinstance(grace, (int, float)) or not 0 <= grace < float("inf"):
        raise DeclarationError(f"grace={shown(grace)}: use seconds, 0 or more")


_FLAGS = ("idempotent", "secret", "thread_bound", "fork_safe", "owns")
_OPTIONS = (*_FLAGS, "children", "grace", "label", "guard", "after_release", "limit", "max_live")


def declare(cls: type, release: object = None, acquire: str = INIT, **options: Any) -> Declaration:
    """Make the declaration of a class; raise DeclarationError where it cannot work."""
    if not isinstance(cls, type):
        raise DeclarationError(
            f"@tracked decorates classes; {type(cls).__name__} is none: use @acquires for a function"
        )
    names, recognised = releases_of(cls, release)
    if not isinstance(acquire, str):
        raise DeclarationError("acquire= takes the name of one method")
    if acquire != INIT:
        _check_methods(cls, (acquire,), "acquire")
        if acquire in names:
            raise DeclarationError(f"{acquire}() cannot both acquire and release a {cls.__qualname__}")
    _check_options(options)
    guard = options.get("guard", "methods")
    if not isinstance(guard, str) or guard not in GUARDS:
        raise DeclarationError(f"guard={shown(guard)}: use one of {', '.join(GUARDS)}")
    for what in ("children", "after_release"):
        if what in options:
            options[what] = names_of(options[what], what)
    for name in options.get("children", ()):
        if not is_method(resolve(cls, name)):
            raise DeclarationError(
                f"{cls.__qualname__} has no method {name}() that makes children: name one that it has"
            )
    options["limit"] = check_limit(options.get("limit"), f"{cls.__qualname__}: limit=")
    options["max_live"] = check_limit(options.get("max_live"), f"{cls.__qualname__}: max_live=", whole=True)
    return Declaration(release=names, acquire=acquire, recognised=recognised, **options)
