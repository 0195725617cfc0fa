"""The mechanism for classes written in Python: their acquire and release methods are wrapped on the class itself.

Subclasses need nothing of their own: whoever opens the resource calls the base class's constructor, and whether it was
released the object says itself or the base class's release method has seen it.
"""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Iterable
from types import CoroutineType, FrameType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own, resolve
from lifetrack.ledger.callers import caller
from lifetrack.watchers.conditions import has_conditions, is_due, is_quiet
from lifetrack.watchers.coroutines import is_coroutine_function
from lifetrack.watchers.custody import keep, keeping, lease_of, put_below, take_over
from lifetrack.watchers.greenlets import asking_frame
from lifetrack.watchers.imports import forget, when_imported
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.rows import Row, asked, harmless
from lifetrack.watchers.shared import RELEASE, Shared, in_place_of
from lifetrack.watchers.strangers import NEVER_ASKED, Strangers
from lifetrack.watchers.working import adopt, worker, working

_ACQUIRE = """
def wrapper({declare}):
    _lt_result = _lt_original({call})
    if _lt_watched.listeners:
        _lt_watched._acquired({first}, _lt_caller(1), _lt_result)
    return _lt_result
"""
_BEGIN = """
def wrapper({declare}):
    _lt_begins({first}, _lt_caller(1))
    return _lt_original({call})
"""
#: Finalizers that are written in Python may keep the object alive, so a weak reference would be late.
_FINALIZE = """
def wrapper({declare}):
    _lt_ends({first})
    _lt_original({call})
"""
_NO_PARTS: Iterable[object] = ()


#: Methods that a class written in Python inherits from one written in C.
_OF_C = (WrapperDescriptorType, MethodDescriptorType)


def _no_arguments() -> Any:
    """The signature of a constructor that nobody has written."""
    import inspect

    return inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)])


def _bears_no_reference(cls: type) -> bool:
    """Whether there can be no weak reference to its objects, because of its slots."""
    return cls.__weakrefoffset__ == 0 and isinstance(resolve(cls, "__init__"), FunctionType)


class WatchedClass(Shared):
    """One watched class."""

    def __init__(self, row: Row, cls: type) -> None:
        super().__init__()
        self._row = row
        self.cls = self._cls = cls
        self._patches = Patches()
        self.strangers = Strangers(row, cls)
        #: Objects that bear no weak reference are given a finalizer, which tells of their end.
        self._is_finalized = isinstance(resolve(cls, "__del__"), FunctionType) or _bears_no_reference(cls)
        #: Whether the row says more of an acquisition than that it is one, and whether it says what it is part of.
        self._has_conditions = has_conditions(row)
        self._is_related = bool((row.parts and not row.grows) or row.parent or row.returns_part)
        #: What waits for the modules of the functions that make it, each with its target.
        self._makers = {target: functools.partial(self._wrap_maker, target) for target in row.made_by}
        #: What ``Popen.wait()`` raises, for one, does not break off a release.
        self._asked_after_errors = row.sure or row.module.partition(".")[0] in sys.stdlib_module_names

    def join(self, recording: Recording) -> None:
        """Let a tracker listen."""
        super().join(recording)
        if self._row.grows and self._row.parts is not None:
            recording.grows(self._row.declaration, harmless(self._row.parts, _NO_PARTS))

    def put(self) -> None:
        """Wrap the methods."""
        row = self._row
        for name in row.keeps:
            self._wrap(name, self._keeping)
        if row.declaration.release:  # else it is no resource, but at work for one
            for target, hook in self._makers.items():
                when_imported(target.partition(":")[0], hook)
            if not row.made_by:
                self._wrap(row.declaration.acquire, self._acquirer)
            self._wrap_releases()
            if self._is_finalized and resolve(self._cls, "__del__") is None:
                self._patches.put(self._cls, "__del__", self._finalizer(None))
            else:
                self._wrap("__del__", self._finalizer)
        for name in row.works:
            self._wrap(name, functools.partial(working, lambda: self.listeners, joins=row.kept))
        if issubclass(self._cls, io.IOBase):
            self._patches.put(self._cls, "_dealloc_warn", self._dropped_above())

    def _wrap_releases(self) -> None:
        declaration, inner = self._row.declaration, self._row.inner_release
        asked = self._row.name not in NEVER_ASKED
        for name in (*inner, *declaration.release[1:]) if inner else declaration.release:
            self._wrap(name, self._asked_releaser if asked else functools.partial(self.releaser, declaration))
        if inner:
            self._wrap(declaration.release[0], self._beginning)

    def restore(self) -> None:
        """Put the methods back."""
        for target, hook in self._makers.items():
            forget(target.partition(":")[0], hook)
        self._patches.undo()

    def strangers_to(self, obj: Any) -> tuple[Recording, ...]:
        """Give those to whom an object that is about to be released is new."""
        for listener in self.listeners:
            if not listener.is_met(obj):
                return self.strangers.to(self.listeners, obj)
        return ()

    def count_stranger(self, obj: Any, unmet: tuple[Recording, ...]) -> None:
        """Count an object that was released without a record."""
        self.strangers.count(obj, unmet)

    def lost(self, obj: object) -> None:
        """Tell every tracker that an object is given back by a finalizer."""
        for listener in self.listeners:
            listener.lost(obj)

    def _wrap(self, name: str, wrapping: Callable[[Any], Any]) -> None:
        original = own(self._cls).get(name)
        inherited = (FunctionType,) if self._asked_after_errors or name == "__del__" else (FunctionType, *_OF_C)
        if original is None and isinstance(resolve(self._cls, name), inherited):
            original = resolve(self._cls, name)  # undo takes it away again
        if original is None or isinstance(original, (staticmethod, classmethod, property)):
            return
        wrapper: Any = functools.wraps(original)(wrapping(original))
        if original is object.__init__:
            vars(wrapper)["__signature__"] = _no_arguments()
        self._patches.put(self._cls, name, wrapper)

    def _wrap_maker(self, target: str) -> None:
        """Wrap a function or method whose result is the resource."""
        module, _, path = target.partition(":")
        owner: Any = sys.modules.get(module)
        *outer, name = path.split(".")
        for each in outer:
            owner = getattr(owner, each, None)
        original = None if owner is None else vars(owner).get(name)
        if isinstance(original, FunctionType):
            self._patches.put(owner, name, functools.wraps(original)(self._maker(original)))

    def _maker(self, original: Any) -> Any:
        watched = self

        def made(result: Any, frame: FrameType) -> Any:
            if watched.listeners and isinstance(result, watched._cls):
                watched._acquired(result, frame, None)
            return result

        if is_coroutine_function(original):

            async def make_later(*args: Any, **kwargs: Any) -> Any:
                return made(await original(*args, **kwargs), caller(1))

            return make_later

        def make_now(*args: Any, **kwargs: Any) -> Any:
            return made(original(*args, **kwargs), caller(1))

        return make_now

    def _keeper(self, obj: object) -> object:
        if self._row.keeper is not None:
            return asked(self._row.keeper, None, obj)
        at_work = worker()
        return obj if at_work is None else at_work

    def _keeping(self, original: Any) -> Any:
        """Wrap a method during which whatever is acquired belongs to a pool, and so does what it returns."""
        watched = self

        def kept(obj: Any, result: Any, pool: Any) -> Any:
            parts: Iterable[object] = ()
            if watched._row.parts is not None and not watched._row.declaration.release:
                parts = asked(watched._row.parts, _NO_PARTS, obj if result is None else result)
            for listener in watched.listeners:
                for each in (result, *parts):
                    keep(listener, each, pool)
                put_below(listener, parts, lease_of(obj))
            return result

        if is_coroutine_function(original):

            async def keep_later(self: Any, /, *args: Any, **kwargs: Any) -> Any:
                pool = watched._keeper(self)
                with keeping(watched.listeners, pool):
                    result = await original(self, *args, **kwargs)
                return kept(self, result, pool)

            return keep_later

        def keep_now(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            pool = watched._keeper(self)
            if pool is None:
                return original(self, *args, **kwargs)
            with keeping(watched.listeners, pool):
                result = original(self, *args, **kwargs)
            return kept(self, result, pool)

        return keep_now

    def _acquirer(self, original: Any) -> Any:
        watched = self
        if is_coroutine_function(original):

            async def acquire_later(self: Any, /, *args: Any, **kwargs: Any) -> Any:
                result = await original(self, *args, **kwargs)
                if watched.listeners:
                    watched._acquired(self, caller(1), result)
                return result

            return acquire_later

        # Some libraries read the parameters of a constructor from its code, so it must have those of the original.
        return in_place_of(original, _ACQUIRE, {"watched": watched})

    def _acquired(self, obj: Any, frame: FrameType, result: Any) -> None:
        row = self._row
        if self._has_conditions and not is_due(row, obj, frame, self, self.strangers):
            return
        for_whom = worker() if row.within else None
        quiet = is_quiet(row, frame)
        if any(listener.engine.located for listener in self.listeners):
            frame = asking_frame(frame)
        for listener in self.listeners:
            listener.acquired(obj, row.declaration, frame, finalized=self._is_finalized, quiet=quiet)
            adopt(listener, obj, for_whom)
            if self._is_related:
                self._relate(listener, obj, result)

    def _relate(self, listener: Recording, obj: object, result: object) -> None:
        row = self._row
        parts: Iterable[object] = (result,) * row.returns_part
        if row.parts is not None and not row.grows:
            parts = asked(row.parts, _NO_PARTS, obj)
        parent = None if row.parent is None else asked(row.parent, None, obj)
        listener.relate(obj, parts, parent)
        if row.kept and parent is not None:
            keep(listener, obj, parent)
        if row.claims is not None:
            take_over(listener, asked(row.claims, _NO_PARTS, obj), obj)

    def _asked_releaser(self, original: Any) -> Any:
        watched = self
        declaration = self._row.declaration
        if is_coroutine_function(original):

            async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
                return await watched._completed(self, original(self, *args, **kwargs))

            return awaited

        def failed(obj: Any, error: BaseException, frame: FrameType) -> None:
            for listener in watched.listeners:
                if watched._asked_after_errors:
                    listener.released(obj, declaration, frame)
                else:
                    listener.release_failed(obj, declaration, error, frame)

        def released(obj: Any, frame: FrameType, result: Any) -> Any:
            if type(result) is CoroutineType:
                return watched._completed(obj, result)
            for listener in watched.listeners:
                listener.released(obj, declaration, frame)
            return result

        return in_place_of(original, RELEASE, {"failed": failed, "released": released, **self._asking()})

    async def _completed(self, obj: Any, release: Any) -> Any:
        """Wait for a release that is a coroutine: it is complete when that is, and half done if it is cancelled."""
        declaration = self._row.declaration
        try:
            result = await release
        except BaseException as error:  # CancelledError too
            for listener in self.listeners:
                listener.release_failed(obj, declaration, error, caller(1))
            raise
        for listener in self.listeners:
            listener.released(obj, declaration, caller(1))
        return result

    def _beginning(self, original: Any) -> Any:
        """Wrap a release that is completed later, by then without a trace of who asked for it."""

        def begins(obj: Any, frame: FrameType) -> None:
            for listener in self.listeners:
                listener.release_begins(obj, self._row.declaration, frame)

        return in_place_of(original, _BEGIN, {"begins": begins})

    def _dropped_above(self) -> Any:
        """Hear from what is dropped above a file, such as its text layer, which will then close it."""

        def _dealloc_warn(self: Any, _: object) -> None:
            watched.lost(self)

        watched = self
        return _dealloc_warn

    def _finalizer(self, original: Any) -> Any:
        """Wrap a finalizer written in Python, or make one where there is none."""

        def ends(obj: Any) -> None:
            if self.strangers.is_open(obj):  # it may live on, or be released by its finalizer, without a record
                self.strangers.pass_over(obj)
            for listener in self.listeners:
                if self._row.quiet:
                    listener.taken_over(obj)
                else:
                    listener.finalized(obj, self._row.declaration)

        if original is not None:
            return in_place_of(original, _FINALIZE, {"ends": ends})

        def __del__(self: Any) -> None:
            ends(self)

        return __del__
