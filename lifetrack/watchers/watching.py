"""What is watched: names become rows of the table, and rows are put in place by their mechanisms."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

from lifetrack.guards.engine import Engine
from lifetrack.values.declarations import Declaration
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import shown
from lifetrack.watchers.aliases import together
from lifetrack.watchers.imports import forget, when_imported
from lifetrack.watchers.lasting_pools import LastingPools
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.rows import (
    ASYNC_GENERATORS,
    ASYNC_LOCKS,
    CLASSES,
    DESCRIPTORS,
    EXIT_STACKS,
    FILES,
    IN_PLACE,
    LOCKS,
    POOLS,
    SEGMENTS,
    SOCKETS,
    SQLITE,
    STAND_INS,
    TASKS,
    USES,
    Row,
)
from lifetrack.watchers.shared import Absent, Shared
from lifetrack.watchers.table import is_known, names_known, rows_of
from lifetrack.watchers.third_party import tell, text_of


def check_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Validate watch names: one, several, or a list with commas. Raises ConfigurationError for an unknown one."""
    if isinstance(names, str):
        names = names.split(",")
    if not isinstance(names, Iterable):
        raise ConfigurationError(f"watch= takes names, not {type(names).__name__}")
    checked = []
    for name in names:
        if not isinstance(name, str):
            raise ConfigurationError(f"watch= takes names, not {type(name).__name__}")
        word = name.strip()
        if word and not is_known(word):
            raise ConfigurationError(f"unknown watch name {shown(word)}: use one of {', '.join(names_known())}")
        if word:
            checked.append(word)
    return tuple(dict.fromkeys(checked))


#: For each mechanism its module, and the class in it that is made of a row.
_MECHANISMS = {
    FILES: ("files", "WatchedFiles"),
    SQLITE: ("sqlite", "WatchedConnect"),
    SOCKETS: ("socket_class", "WatchedSockets"),
    DESCRIPTORS: ("descriptors", "WatchedDescriptors"),
    LOCKS: ("locking.replacing", "WatchedLocks"),
    ASYNC_LOCKS: ("locking.asynchronous", "WatchedAsyncLocks"),
}
#: The same for those that are made of a row and a class.
_OF_CLASSES = {
    CLASSES: ("python_classes", "WatchedClass"),
    POOLS: ("pools", "WatchedPool"),
    USES: ("pools", "WatchedUse"),
}
#: And those that are made of a row, each by its class in the module of its name.
_OF_ROWS = {
    STAND_INS: "WatchedMaker",
    IN_PLACE: "WatchedInPlace",
    SEGMENTS: "WatchedSegments",
    EXIT_STACKS: "WatchedExitStack",
    TASKS: "WatchedTasks",
    ASYNC_GENERATORS: "WatchedAsyncGenerators",
}


def _shared(row: Row) -> Shared:
    """Make the mechanism of a row; its module is imported by now."""
    made: Shared
    if row.mechanism in _MECHANISMS:
        module, name = _MECHANISMS[row.mechanism]
        made = getattr(import_module(f"lifetrack.watchers.{module}"), name)(row.declaration)
        return made
    if row.mechanism in _OF_ROWS:
        if not hasattr(sys.modules[row.module], row.name.partition(".")[0]):
            return Absent()  # somebody has taken it out, as gevent does with select.epoll
        made = getattr(import_module(f"lifetrack.watchers.{row.mechanism}"), _OF_ROWS[row.mechanism])(row)
        return made
    found: Any = sys.modules[row.module]
    for part in row.name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        return Absent()  # this version of a library has no such class
    module, name = _OF_CLASSES[row.mechanism]
    made = getattr(import_module(f"lifetrack.watchers.{module}"), name)(row, found)
    return made


#: The mechanisms in use, one for each row, whoever watches.
_mechanisms: dict[Row, Shared] = {}


def _mechanism(row: Row) -> Shared:
    if row not in _mechanisms:
        _mechanisms[row] = _shared(row)
    return _mechanisms[row]


class Watching:
    """The watched things of one tracker that is on."""

    def __init__(self, engine: Engine, drain: Callable[[], object]) -> None:
        self._recording = Recording(engine, drain)
        self._asked: list[tuple[str, ...]] = []
        self._hooks: dict[Row, Any] = {}
        self._pools: LastingPools | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are watched."""
        return tuple(dict.fromkeys(name for names in self._asked for name in names))

    @property
    def asked(self) -> tuple[tuple[str, ...], ...]:
        """The names as they were asked for, each time that they were."""
        return tuple(self._asked)

    def has_limits(self) -> bool:
        """Whether any row says how long its resources may be held, or how many may be live."""
        return any(row.declaration.limit is not None or row.declaration.max_live is not None for row in self._hooks)

    def install(self, names: tuple[str, ...]) -> None:
        """Watch these names too; what is not imported yet is watched as soon as it is."""
        self._asked.append(names)
        self._settle()

    def remove(self, names: tuple[str, ...] | None = None) -> None:
        """Undo one :meth:`install` of these names, or all."""
        if names is None:
            self._asked.clear()
        elif names in self._asked:
            self._asked.remove(names)
        self._settle()

    def _settle(self) -> None:
        with together():
            self._settle_rows()
        if self._asked and self._pools is None:
            self._pools = LastingPools(self._recording.ledger)
        elif not self._asked and self._pools is not None:
            self._pools.remove()
            self._pools = None

    def _settle_rows(self) -> None:
        wanted = dict.fromkeys(row for name in self.names for row in rows_of(name))
        for row in [row for row in self._hooks if row not in wanted]:
            hook = self._hooks.pop(row)
            forget(row.module, hook)
            if row in _mechanisms:
                _mechanisms[row].leave(self._recording)
                if row.mechanism in _OF_CLASSES and not _mechanisms[row].listeners:
                    del _mechanisms[row]  # the module may be another one by the next time
        for row in wanted:
            if row not in self._hooks:
                self._hooks[row] = partial(self._join, row)
                when_imported(row.module, self._hooks[row])

    def _join(self, row: Row) -> None:
        try:
            _mechanism(row).join(self._recording)
        except Exception as error:  # the program must go on, or the import that this is a part of
            _mechanisms.pop(row, None)
            tell("%s.%s cannot be watched: %s: %s", row.module, row.name, type(error).__name__, text_of(error))


def mechanisms_of(names: Iterable[str]) -> frozenset[str]:
    """Give the mechanisms that these watch names need."""
    return frozenset(row.mechanism for name in names for row in rows_of(name))


def declarations_of(names: Iterable[str]) -> list[Declaration]:
    """Give the declarations by which these watch names record, each as the very object that the records refer to."""
    rows = [row for name in names for row in rows_of(name)]
    found = [row.declaration for row in rows]
    if any(row.mechanism == SEGMENTS for row in rows):
        from lifetrack.watchers.segments import SEGMENT

        found.append(SEGMENT)  # the memory itself, beside the objects that are views of it
    return found


def classes_in_use() -> list[Any]:
    """Give the mechanisms of the classes written in Python that somebody watches."""
    from lifetrack.watchers.python_classes import WatchedClass

    return [each for each in _mechanisms.values() if isinstance(each, WatchedClass) and each.listeners]


def node_of(lock: object) -> Any:
    """Give what is known of a lock that is an object of a class written in Python; None for any other."""
    for mechanism in list(_mechanisms.values()):
        owned = getattr(mechanism, "owned", None)
        node = None if owned is None else owned.node(lock)
        if node is not None:
            return node
    return None
