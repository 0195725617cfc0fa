"""The wrappers that stand on instrumented classes.

The constructor and a synchronous release are the fast path: generated with the exact signature, the whole recording
written out in them. All else goes through the recorder.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from sys import _getframe
from typing import Any

from lifetrack.guards.shapes import Shape, resolve, set_class
from lifetrack.guards.tombstones import unseal
from lifetrack.instrument.codegen import generate
from lifetrack.instrument.recorder import Recorder
from lifetrack.ledger.entries import OPEN_STATES, RELEASED, UNOPENED
from lifetrack.ledger.moment import moment
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.settings import Level

#: The attribute of a wrapper that names what it wraps.
ORIGINAL = "lifetrack_original"

_CONSTRUCTOR = """
_lt_last = None
def wrapper({declare}):
    nonlocal _lt_last
    try:
        _lt_original({call})
    except BaseException as _lt_error:
        _lt_failed({first}, _lt_error, _lt_getframe(1), {arguments})
        raise
    if _lt_pending:
        _lt_drain()
    _lt_key = _lt_id({first})
    _lt_frame = _lt_getframe(1)
    if _lt_key in _lt_entries:
        return _lt_acquire({first}, _lt_frame)
    _lt_kind = _lt_home if _lt_type({first}) is _lt_class else _lt_shape({first}).kind
    RECORD
"""
_CONSTRUCTOR_AT = {
    Level.COUNTS: """_lt_entries[_lt_key] = [
        1, _lt_kind.next(), None, None, _lt_place(), _lt_kind, None, None, None, None, None]""",
    Level.SITES: """_lt_code = _lt_frame.f_code
    if _lt_code is not _lt_last:
        if _lt_files[_lt_code.co_filename] != _lt_user:
            return _lt_acquire({first}, _lt_frame)
        _lt_last = _lt_code
    _lt_entries[_lt_key] = [
        1, _lt_kind.next(), _lt_code, _lt_frame.f_lasti, _lt_place(), _lt_kind, None, None, None, None, None]""",
    Level.STACKS: """_lt_entries[_lt_key] = [
        1, _lt_kind.next(), _lt_capture(_lt_frame), None, _lt_place(), _lt_kind, _lt_moment(),
        None, None, None, None]""",
}
_RELEASE = """
_lt_last = None
def wrapper({declare}):
    nonlocal _lt_last
    try:
        _lt_entry = _lt_entries[_lt_id({first})]
    except KeyError:
        _lt_unknown({first})
        return _lt_original({call})
    if _lt_entry[0] != 1 and not _lt_begins(_lt_entry, {first}, _lt_name, _lt_getframe(1)):
        return _lt_original({call})
    _lt_entry[0] = 2
    try:
        _lt_result = _lt_original({call})
    except BaseException as _lt_error:
        _lt_failed(_lt_entry, _lt_error, _lt_getframe(1))
        raise
    _lt_tomb = _lt_home.tombstone
    if _lt_tomb is None or _lt_type({first}) is not _lt_class:
        _lt_released(_lt_entry, {first}, _lt_name, _lt_getframe(1))
        return _lt_result
    RECORD
    _lt_entry[0] = 3
    SWAP
    return _lt_result
"""
_RELEASE_AT = {
    Level.COUNTS: "",
    Level.SITES: """_lt_frame = _lt_getframe(1)
    _lt_code = _lt_frame.f_code
    if _lt_code is not _lt_last:
        if _lt_files[_lt_code.co_filename] != _lt_user:
            _lt_released(_lt_entry, {first}, _lt_name, _lt_frame)
            return _lt_result
        _lt_last = _lt_code
    _lt_entry[7] = _lt_code
    _lt_entry[8] = _lt_frame.f_lasti""",
    Level.STACKS: """_lt_entry[7] = _lt_capture(_lt_getframe(1))
    _lt_entry[9] = _lt_moment()""",
}


def _recording(texts: dict[Level, str], level: Level) -> str:
    return texts[min(level, Level.STACKS)]


def _marked(wrapper: Callable[..., Any], original: object) -> Callable[..., Any]:
    setattr(wrapper, ORIGINAL, original)
    return wrapper


def constructor(recorder: Recorder, shape: Shape, original: Any, drain: Callable[[], object]) -> Callable[..., Any]:
    """Wrap a constructor that acquires."""
    engine = recorder.engine
    names = {
        "original": original, "failed": recorder.construction_failed, "getframe": _getframe,
        "pending": engine.ledger.pending, "drain": drain, "id": id, "entries": recorder.entries,
        "acquire": recorder.acquire, "home": shape.kind, "type": type, "class": shape.cls, "shape": recorder.shape,
        "files": FILES, "user": USER, "place": engine.ledger.place.get, "capture": engine.capture, "moment": moment,
    }  # fmt: skip
    if shape.declaration.released_when is not None:
        template = _CONSTRUCTOR.replace("RECORD", "_lt_acquire({first}, _lt_frame)")
    else:
        template = _CONSTRUCTOR.replace("RECORD", _recording(_CONSTRUCTOR_AT, engine.level))
    return _marked(generate(template, original, names, "acquire"), original)


def first_constructor(recorder: Recorder, original: Any) -> Callable[..., Any]:
    """Wrap the constructor of a class whose acquire method is another one."""

    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, *args, **kwargs)
        except BaseException as error:
            recorder.construction_failed(self, error, _getframe(1), ())
            raise
        recorder.constructed(self, _getframe(1))

    return _marked(wrapper, original)


def _bound(original: Any, obj: Any) -> Callable[..., Any]:
    bound: Callable[..., Any] = original.__get__(obj, type(obj)) if hasattr(type(original), "__get__") else original
    return bound


class _Opening:
    """Takes the guards off while an acquire method runs, and puts them back if it fails."""

    def __init__(self, recorder: Recorder, obj: object) -> None:
        self._entry = recorder.entries.get(id(obj))
        self._shape: Shape | None = None
        if self._entry is not None and self._entry[0] in (UNOPENED, RELEASED) and not recorder.engine.is_within(obj):
            self._shape = recorder.shape(obj)
            self._guarded = type(obj)
            unseal(self._shape, obj)

    def failed(self, obj: object) -> None:
        if self._shape is not None:
            set_class(obj, self._guarded)


def acquirer(recorder: Recorder, original: Any) -> Callable[..., Any]:
    """Wrap an acquire method other than the constructor."""
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            frame_opening = _Opening(recorder, self)
            try:
                result = await _bound(original, self)(*args, **kwargs)
            except BaseException:
                frame_opening.failed(self)
                raise
            recorder.acquire(self, _getframe(1))
            return result

        return _marked(awaited, original)

    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        opening = _Opening(recorder, self)
        try:
            result = _bound(original, self)(*args, **kwargs)
        except BaseException:
            opening.failed(self)
            raise
        recorder.acquire(self, _getframe(1))
        return result

    return _marked(wrapper, original)


def releaser(recorder: Recorder, shape: Shape, original: Any, name: str) -> Callable[..., Any]:
    """Wrap a release method."""
    if inspect.iscoroutinefunction(original):
        return _async_releaser(recorder, original, name)
    declaration, engine = shape.declaration, recorder.engine
    several = declaration.recognised and len(declaration.release) > 1
    if declaration.released_when is not None or declaration.guard == "none" or several:
        return _slow_releaser(recorder, original, name)
    plain = all(resolve(shape.cls, special) is object.__dict__[special] for special in ("__setattr__", "__class__"))
    swap = "{first}.__class__ = _lt_tomb" if plain else "_lt_set_class({first}, _lt_tomb)"
    names = {
        "original": original, "entries": recorder.entries, "id": id, "unknown": recorder.unknown,
        "begins": recorder.begins, "name": name, "getframe": _getframe, "failed": recorder.release_failed,
        "home": shape, "type": type, "class": shape.cls, "released": recorder.released, "files": FILES, "user": USER,
        "capture": engine.capture, "moment": moment, "set_class": set_class,
    }  # fmt: skip
    template = _RELEASE.replace("RECORD", _recording(_RELEASE_AT, engine.level)).replace("SWAP", swap)
    return _marked(generate(template, original, names, "release"), original)


def _slow_releaser(recorder: Recorder, original: Any, name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        call = _bound(original, self)
        entry = recorder.entries.get(id(self))
        if entry is None:
            recorder.unknown(self)
            return call(*args, **kwargs)
        if entry[0] != 1 and not recorder.begins(entry, self, name, _getframe(1)):
            return call(*args, **kwargs)
        entry[0] = 2
        try:
            result = call(*args, **kwargs)
        except BaseException as error:
            recorder.release_failed(entry, error, _getframe(1))
            raise
        recorder.released(entry, self, name, _getframe(1))
        return result

    return _marked(wrapper, original)


def _async_releaser(recorder: Recorder, original: Any, name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    async def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        call = _bound(original, self)
        entry = recorder.entries.get(id(self))
        if entry is None:
            recorder.unknown(self)
            return await call(*args, **kwargs)
        if entry[0] != 1 and not recorder.begins(entry, self, name, _getframe(1)):
            return await call(*args, **kwargs)
        entry[0] = 2
        try:
            result = await call(*args, **kwargs)
        except BaseException as error:  # CancelledError too
            recorder.release_failed(entry, error, _getframe(1))
            raise
        recorder.released(entry, self, name, _getframe(1))
        return result

    return _marked(wrapper, original)


def finalizer(recorder: Recorder, original: Any) -> Callable[[Any], None]:
    """Make the ``__del__`` of an instrumented class. It may run anywhere, so it takes no lock and only enqueues."""
    pop, pending, entries = recorder.entries.pop, recorder.ledger.pending, recorder.entries
    open_states, engine = OPEN_STATES, recorder.engine

    def notice(self: Any) -> None:
        entry = pop(id(self), None)
        if entry is not None and entry[0] in open_states and engine.on:
            when = entry[5].declaration.released_when
            if when is None or not when(self):
                pending.append(entry)

    if original is None:
        notice.__name__ = "__del__"
        return _marked(notice, None)

    @functools.wraps(original)
    def __del__(self: Any) -> None:
        notice(self)
        recorder.finalizing(self)
        try:
            _bound(original, self)()
        finally:
            entries.pop(id(self), None)

    __del__.lifetrack_chained = True  # type: ignore[attr-defined]
    return _marked(__del__, original)
