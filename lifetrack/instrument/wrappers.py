"""The wrappers that stand on instrumented classes.

The constructor and a synchronous release are the fast path, generated from templates; all else goes through the
recorder.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from sys import _getframe
from types import CoroutineType, FrameType
from typing import Any

from lifetrack.guards.shapes import Shape, resolve, set_class
from lifetrack.guards.tombstones import unseal
from lifetrack.instrument.codegen import generate
from lifetrack.instrument.journaled import constructor_of, is_journaled_slowly, release_of
from lifetrack.instrument.recorder import Recorder
from lifetrack.instrument.templates import (
    CONSTRUCTOR,
    CONSTRUCTOR_AT,
    CONSTRUCTOR_TIMED,
    RELEASE,
    RELEASE_AT,
    RELEASE_TIMED,
    filled,
)
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import EXTRA, OPEN_STATES, RELEASED, UNOPENED, extra_of, part_from_children
from lifetrack.ledger.moment import MOMENT_PARTS
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.findings import Certainty

#: The attribute of a wrapper that names what it wraps.
ORIGINAL = "lifetrack_original"


def _meta(cls: type) -> type | None:
    """Give the metaclass if attributes of its classes can be read without running code of anybody's."""
    meta = type(cls)
    plain = resolve(meta, "__getattribute__") is type.__getattribute__ and resolve(meta, "__getattr__") is None
    return meta if plain else None


def _marked(wrapper: Callable[..., Any], original: object) -> Callable[..., Any]:
    setattr(wrapper, ORIGINAL, original)
    return wrapper


def constructor(recorder: Recorder, shape: Shape, original: Any, drain: Callable[[], object]) -> Callable[..., Any]:
    """Wrap a constructor that acquires."""
    engine = recorder.engine
    names = {
        "original": original, "failed": recorder.construction_failed, "getframe": _getframe, "caller": caller,
        "pending": engine.ledger.pending, "drain": drain, "id": id, "entries": recorder.entries,
        "acquire": recorder.acquire, "home": shape.kind, "type": type, "class": shape.cls, "shape": recorder.shape,
        "files": FILES, "user": USER, "place": engine.ledger.place.get, "scoped": engine.ledger.scoped,
        "capture": engine.capture,
        "next": next, "numbers": shape.kind.numbers, "meta": _meta(shape.cls), **MOMENT_PARTS,
    }  # fmt: skip
    shape.constructor = getattr(original, "__code__", None)
    declaration = shape.declaration
    slow = is_journaled_slowly(engine.ledger, engine.settings)
    if declaration.released_when is not None or declaration.thread_bound or engine.ledger.guarded or slow:
        template = CONSTRUCTOR.replace("LOOK", "return _lt_acquire({first}, _lt_frame)")
    elif (journaled := constructor_of(engine.ledger, engine.level, shape.kind)) is not None:
        return _marked(generate(journaled[0], original, names | journaled[1], "acquire"), original)
    else:
        template = CONSTRUCTOR
    template = filled(template, CONSTRUCTOR_TIMED if engine.settings.timed else CONSTRUCTOR_AT, engine.level)
    return _marked(generate(template, original, names, "acquire"), original)


def first_constructor(recorder: Recorder, original: Any) -> Callable[..., Any]:
    """Wrap the constructor of a class whose acquire method is another one."""

    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, *args, **kwargs)
        except BaseException as error:
            recorder.construction_failed(self, error, caller(1), ())
            raise
        recorder.constructed(self, caller(1))

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
            extra_of(self._entry).opening = True
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
            recorder.acquire(self, caller(1))
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
        recorder.acquire(self, caller(1))
        return result

    return _marked(wrapper, original)


def releaser(recorder: Recorder, shape: Shape, original: Any, name: str) -> Callable[..., Any]:
    """Wrap a release method."""
    if inspect.iscoroutinefunction(original):
        return _async_releaser(recorder, original, name)
    declaration, engine = shape.declaration, recorder.engine
    several = declaration.recognised and len(declaration.release) > 1
    slow = is_journaled_slowly(engine.ledger, engine.settings)
    if declaration.released_when is not None or declaration.guard == "none" or several or slow:
        return _slow_releaser(recorder, original, name)
    names = {
        "original": original, "entries": recorder.entries, "id": id, "unknown": recorder.unknown,
        "begins": recorder.begins, "name": name, "getframe": _getframe, "caller": caller,
        "failed": recorder.release_failed,
        "home": shape, "type": type, "class": shape.cls, "released": recorder.released, "files": FILES, "user": USER,
        "capture": engine.capture, "set_class": set_class, "declared": declaration, "meta": _meta(shape.cls),
        "elsewhere": _elsewhere(recorder), "coroutine": CoroutineType, "awaited": functools.partial(_awaited, recorder),
        **MOMENT_PARTS,
    }  # fmt: skip
    journaled = release_of(engine.ledger, engine.level)
    if journaled is not None:
        return _marked(generate(journaled[0], original, names | journaled[1], "release"), original)
    template = filled(RELEASE, RELEASE_TIMED if engine.settings.timed else RELEASE_AT, engine.level)
    return _marked(generate(template, original, names, "release"), original)


def _elsewhere(recorder: Recorder) -> Callable[..., Any]:
    def released(entry: Any, obj: object, name: str, frame: FrameType, result: Any) -> Any:
        recorder.released(entry, obj, name, frame)
        return result

    return released


def _slow_releaser(recorder: Recorder, original: Any, name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        call = _bound(original, self)
        entry = recorder.entries.get(id(self))
        if entry is None:
            recorder.unknown(self)
            return call(*args, **kwargs)
        if entry[0] != 1 and not recorder.begins(entry, self, name, caller(1)):
            return call(*args, **kwargs)
        entry[0] = 2
        try:
            result = call(*args, **kwargs)
        except BaseException as error:
            recorder.release_failed(entry, error, caller(1))
            raise
        if type(result) is CoroutineType:
            return _awaited(recorder, entry, self, name, result)
        recorder.released(entry, self, name, caller(1))
        return result

    return _marked(wrapper, original)


async def _awaited(recorder: Recorder, entry: Any, obj: object, name: str, release: Any) -> Any:
    """Wait for a release that was begun by a plain function and goes on in the coroutine that it returned."""
    try:
        result = await release
    except BaseException as error:  # CancelledError too
        recorder.release_failed(entry, error, caller(1))
        raise
    recorder.released(entry, obj, name, caller(1))
    return result


def _async_releaser(recorder: Recorder, original: Any, name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    async def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        call = _bound(original, self)
        entry = recorder.entries.get(id(self))
        if entry is None:
            recorder.unknown(self)
            return await call(*args, **kwargs)
        if entry[0] != 1 and not recorder.begins(entry, self, name, caller(1)):
            return await call(*args, **kwargs)
        entry[0] = 2
        try:
            result = await call(*args, **kwargs)
        except BaseException as error:  # CancelledError too
            recorder.release_failed(entry, error, caller(1))
            raise
        recorder.released(entry, self, name, caller(1))
        return result

    return _marked(wrapper, original)


def _is_held_elsewhere(obj: object) -> bool:
    """Whether a proxy goes while somebody else has the object itself, and may release it where no proxy sees it."""
    is_shared = resolve(type(obj), "lifetrack_is_shared")
    return is_shared is not None and bool(is_shared(obj))


def finalizer(recorder: Recorder, original: Any) -> Callable[[Any], None]:
    """Make the ``__del__`` of an instrumented class. It may run anywhere, so it takes no lock and only enqueues."""
    pop, pending, entries = recorder.entries.pop, recorder.ledger.pending, recorder.entries
    open_states, engine, soon = OPEN_STATES, recorder.engine, recorder.ledger.departures.soon

    def notice(self: Any) -> None:
        entry = pop(id(self), None)
        if entry is not None and entry[0] == RELEASED:
            soon(entry)
        if entry is not None and entry[EXTRA] is not None:
            part_from_children(entry)
        if entry is not None and entry[0] in open_states and engine.on:
            when = entry[5].declaration.released_when
            if when is None or not when(self):
                if _is_held_elsewhere(self):
                    extra_of(entry).certainty = Certainty.SUSPECTED
                pending.append(entry)
            elif engine.ledger.journal is not None:
                engine.ledger.journal.ended(entry)

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
