"""Releasing: which method of a backend ends its life, and what comes out of calling it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from lifetrack.backends.tracking import declared_releases, is_recognised, is_released
from lifetrack.guards.release_names import recognise
from lifetrack.guards.shapes import resolve
from lifetrack.ledger.entries import type_name
from lifetrack.values.declarations import CONTEXT_RELEASES
from lifetrack.values.errors import BackendError
from lifetrack.values.settings import shown

Release = str | Callable[[Any], object]


def check_release(release: object) -> None:
    """Refuse what is neither a method's name nor a function."""
    if release is None or callable(release) or (isinstance(release, str) and release.isidentifier()):
        return
    raise BackendError(f"release={shown(release)}: give the name of a method, or a function that takes the backend")


def _first(cls: type, names: Iterable[str]) -> str | None:
    """Choose among several release methods: the first that is there and can be called without an event loop."""
    there = [name for name in names if resolve(cls, name) is not None]
    plain = [name for name in there if not iscoroutinefunction(resolve(cls, name)) and name != "__aexit__"]
    return next(iter(plain), next(iter(there), None))


def release_method(backend: object, release: Release | None) -> Callable[[], object] | None:
    """Give what releases a backend: as its class is declared, as its collection says, or by a usual name."""
    cls = type(backend)
    declared = declared_releases(cls)
    if not declared and callable(release):
        return lambda: release(backend)
    if not declared and isinstance(release, str):
        method = getattr(backend, release, None)
        return method if callable(method) else None
    name = _first(cls, (*declared, *recognise(cls)) if is_recognised(cls) else declared)
    if name is None:
        return None
    method = getattr(backend, name)
    return (lambda: method(None, None, None)) if name in CONTEXT_RELEASES else method


def release(backend: object, how: Release | None) -> None:
    """Release a backend, unless it is known to be released; what its release raises comes out."""
    if is_released(backend):
        return
    method = release_method(backend, how)
    result = None if method is None else method()
    if isawaitable(result):
        close = getattr(result, "close", None)
        if callable(close):
            close()
        raise BackendError(
            f"the release of {type_name(type(backend))} is a coroutine: give one that is not, as in release=function"
        )
