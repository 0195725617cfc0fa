"""Registrations: plugins in somebody else's registry, from register to unregister, as resources of that registry."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any

from lifetrack.backends.cleanup import Cleanup, group_of
from lifetrack.guards.engine import Engine
from lifetrack.guards.noting import new_entry, note_release
from lifetrack.holders.explain import explain
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import LIVE, Entry, Kind, extra_of, type_name
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import PROCESS
from lifetrack.ledger.rendering import record_of
from lifetrack.switches import Undo
from lifetrack.tracker import default_tracker
from lifetrack.values.declarations import Declaration
from lifetrack.values.errors import BackendError
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.holders import Holder, held_after
from lifetrack.values.settings import shown


class Token:
    """Stands for one registration in the ledger. It goes with its manager, which is no leak: the manager owned it."""

    __slots__ = ("__weakref__", "_ledger", "name")

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = weakref.ref(ledger)
        self.name = name

    def __del__(self) -> None:
        ledger = self._ledger()
        if ledger is not None:
            entry = ledger.entries.pop(id(self), None)
            if entry is not None and ledger.journal is not None:
                ledger.journal.ended(entry)

    def entry(self, engine: Engine | None) -> Entry | None:
        """Give its entry, while the tracking that it was made under is on."""
        if engine is None or engine.ledger is not self._ledger():
            return None
        return engine.ledger.entries.get(id(self))


class Registrations:
    """The registrations of one manager."""

    def __init__(self, manager: str, unregister: str, what: str = "") -> None:
        self.manager = manager
        #: What stands before the type of a plugin that may be a resource itself.
        self._what = what
        self._unregister = unregister
        self._open: dict[int, Token] = {}
        self._ended: list[tuple[weakref.ref[Any], Token]] = []
        self._kinds: weakref.WeakKeyDictionary[Ledger, dict[str, Kind]] = weakref.WeakKeyDictionary()
        engine = default_tracker().engine
        #: Where the manager came under tracking: what is registered there belongs to the manager and to no scope.
        self._home = PROCESS if engine is None else engine.ledger.place.get()

    def begin(self, plugin: object, name: str, frame: FrameType) -> None:
        """Note that a plugin was registered; nothing while tracking is off."""
        engine = default_tracker().engine
        if engine is None:
            return
        ledger = engine.ledger
        token = Token(ledger, name)
        kind = self._kind(ledger, self._what + type_name(plugin if isinstance(plugin, type) else type(plugin)))
        place = ledger.place.get()
        moved = ledger.place.set(PROCESS) if place is self._home else None
        try:
            entry = new_entry(engine, kind, LIVE, kind.next(), frame)
        finally:
            if moved is not None:
                ledger.place.reset(moved)
        extra = extra_of(entry)
        extra.label, extra.reference = name, weakref.ref(token)
        if ledger.journal is not None:
            ledger.journal.acquired(entry)
        ledger.entries[id(token)] = entry
        self._open[id(plugin)] = token

    def _kind(self, ledger: Ledger, name: str) -> Kind:
        kinds = self._kinds.setdefault(ledger, {})
        if name not in kinds:
            kinds[name] = ledger.new_kind(
                name,
                Declaration(
                    release=(self._unregister,),
                    guard="none",
                    ends_with_process=lambda _: True,
                    hint=f"unregister it from {self.manager} before that ends",
                ),
            )
        return kinds[name]

    def end(self, plugin: object, frame: FrameType) -> Token | None:
        """Note that a plugin was unregistered; None where its registration was not recorded."""
        token = self._open.pop(id(plugin), None)
        engine = default_tracker().engine
        entry = None if token is None else token.entry(engine)
        if token is None or entry is None or engine is None:
            return None
        note_release(engine, entry, frame)
        try:
            self._ended.append((weakref.ref(plugin), token))
        except TypeError:  # then nobody can tell whether it is still held
            self._ended.append((weakref.ref(token), token))
        return token

    def forget(self) -> None:
        """Let go of all registrations, as if they had never been noted."""
        self._open.clear()
        self._ended.clear()

    def held(self) -> list[Finding]:
        """Give an LT109 for each plugin that is unregistered and still referred to, with who holds it."""
        engine = default_tracker().engine
        self._ended = [(ref, token) for ref, token in self._ended if ref() is not None]
        found = []
        for ref, token in list(self._ended):
            plugin, entry = ref(), token.entry(engine)
            if plugin is None or plugin is token or entry is None or engine is None or id(plugin) in self._open:
                continue
            key = id(plugin)
            del plugin
            found.append(self._retained(engine.ledger, entry, explain((key,)).holders[key]))
        return found

    def _retained(self, ledger: Ledger, entry: Entry, holders: tuple[Holder, ...]) -> Finding:
        record = record_of(ledger, entry)
        subject = f"{record.resource.type} '{record.resource.label}'"
        return Finding(
            rule="LT109",
            certainty=Certainty.PROVEN,
            message=f"{subject} was unregistered from {self.manager} and is still held by {holders[0]}: "
            "drop that reference too",
            resource=record.resource,
            site=record.site,
            events=record.events,
            owner=dataclasses.replace(record.owner, name=self.manager, kind="plugin manager"),
            held_by=held_after(holders, record.ended),
            ended=record.ended,
        )


class TrackedManager(Undo):
    """A manager under tracking; call it, or leave its ``with`` block, to let the manager go exactly as it was."""

    def __init__(self, registrations: Registrations, undo: Callable[[], None]) -> None:
        super().__init__(undo)
        self._registrations = registrations

    def find_held(self) -> list[Finding]:
        """Give a finding (LT109) for each plugin that is unregistered and still held; ``held_by`` says by whom.

        Empty while tracking is off. Cyclic garbage counts as held until it is collected.
        """
        return self._registrations.held()

    def plugin_names(self) -> list[str]:
        """Give the names of the plugins that are registered, in order of arrival."""
        return []

    def unregister(self, name: str) -> None:
        """Take a plugin out of its manager, and release it if it is a resource; what that raises comes out, afterwards.

        Raises BackendError if there is none of this name.
        """
        raise BackendError(f"unregister() of {shown(name)}, which is not registered")

    def cleanup(self) -> Cleanup:
        """Unregister all plugins, the last one first; all errors come out together in an ExceptionGroup."""
        released: list[str] = []
        errors: list[BaseException] = []
        for name in reversed(self.plugin_names()):
            try:
                self.unregister(name)
            except BaseException as error:  # kept: raised when all are unregistered
                errors.append(error)
            else:
                released.append(name)
        if errors:
            raise group_of(errors, self._registrations.manager, ())
        return Cleanup(tuple(released), complete=True)


def guarded(token: Token, original: Callable[..., Any]) -> Callable[..., Any]:
    """Make what stands for a hook of an unregistered plugin: a call of it is a use after release."""

    @wraps(original)
    def unregistered(*args: Any, **kwargs: Any) -> Any:
        engine = default_tracker().engine
        entry = token.entry(engine)
        if engine is not None and entry is not None:
            engine.violation("LT201", entry, "used", caller(1))
        return original(*args, **kwargs)

    return unregistered
