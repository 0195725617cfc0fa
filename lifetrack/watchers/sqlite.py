"""The mechanism for sqlite3 connections: a class written in C that can be neither changed nor given attributes.

A subclass without attributes of its own takes its place under all its names, and ``connect`` is asked for that. A
factory class of the program's is kept and gets its ``close`` wrapped.
"""

from __future__ import annotations

import functools
import os
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import OPEN_STATES, STATE, type_name
from lifetrack.ledger.territory import is_ours
from lifetrack.values.declarations import Declaration
from lifetrack.values.disk import size
from lifetrack.values.events import RELEASED
from lifetrack.watchers.aliases import Replacement, exchange_all, replacement
from lifetrack.watchers.provenance import comes_from
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.substitutes import substitute_meta

#: The position of ``factory`` among the arguments of connect().
_FACTORY = 5
_TRANSACTION = "its open transaction, which is rolled back (end it by commit() or rollback())"


#: Django closes no database in memory, whoever asks it to: its last connection is what keeps the tables.
_NEVER_CLOSED_BY = ("django.db.backends.sqlite3.base",)


class WatchedConnect(Shared):
    """``sqlite3.connect``, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._patches = Patches()
        self._original: Any = None
        self._replacement: Replacement | None = None
        self._base: Any = None
        self._made: Any = None
        #: Connections to what outlasts them: only there a transaction that is rolled back loses anything.
        #: Of connections to files, what was asked for and in which folder.
        self._files: weakref.WeakKeyDictionary[Any, tuple[str, str]] = weakref.WeakKeyDictionary()

    def put(self) -> None:
        """Replace ``connect`` under all its names."""
        sqlite3: Any = sys.modules["sqlite3"]
        self._original, self._base = sqlite3.connect, sqlite3.Connection
        self._made = _substitute(self._base, self._close(self._base.close), self._called)
        self._replacement = replacement(self._original, self._calling())
        exchange_all([(self._original, self._replacement), (self._base, self._made)])

    def restore(self) -> None:
        """Give all the names back; connections that are open keep their class, which does nothing more."""
        made, self._replacement = self._replacement, None
        if made is not None:
            exchange_all([(made, self._original), (self._made, self._base)])
        self._patches.undo()

    def _calling(self) -> Callable[..., Any]:
        connect, native = self._connect, self._original

        def connecting(_: object, /, *args: Any, **kwargs: Any) -> Any:
            return connect(native, args, kwargs, caller(1))

        return connecting

    def _connect(self, native: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: Any) -> Any:
        if not self.listeners:
            return native(*args, **kwargs)
        factory = args[_FACTORY] if len(args) > _FACTORY else kwargs.get("factory", self._base)
        if factory is self._base:
            if len(args) > _FACTORY:
                args = (*args[:_FACTORY], self._made, *args[_FACTORY + 1 :])
            else:
                kwargs = {**kwargs, "factory": self._made}
        connection = native(*args, **kwargs)
        name = _file_name(args[0] if args else kwargs.get("database", ""))
        if not name and comes_from(frame, _NEVER_CLOSED_BY):
            return connection
        if self._connected(connection, frame) and name:
            self._files[connection] = name, os.getcwd()
        return connection

    def _called(self, connection: Any) -> None:
        """Record what a call of the class itself has made, or of a subclass, and not ``connect``."""
        frame = caller(2)
        if self.listeners and not is_ours(frame.f_code):
            self._connected(connection, frame)

    def _connected(self, connection: Any, frame: Any) -> bool:
        """Record a connection; tell whether that can be done."""
        cls = type(connection)
        if cls is self._made:
            seen = self._base
        elif issubclass(cls, self._base) and cls is not self._base:
            seen = cls
            self._wrap_close(cls)
        else:
            for listener in self.listeners:
                listener.ledger.gaps.untrackable(type_name(self._base), "made by a factory that is no class of its own")
            return False
        for listener in self.listeners:
            listener.acquired(connection, self._declaration, frame, seen)
        return True

    def _close(self, original: Any) -> Any:
        release = self.releaser(self._declaration, original)

        def close(connection: Any, /, *args: Any, **kwargs: Any) -> Any:
            file = self._files.get(connection) if self.listeners else None
            if file is not None and _loses_something(connection) and _has_written(connection, *file):
                self._judge_transaction(connection, caller(1))
            return release(connection, *args, **kwargs)

        made: Any = close
        made.lifetrack_watched = True
        return made

    def _judge_transaction(self, connection: Any, frame: FrameType) -> None:
        """File that a connection is closed before its transaction has ended; somebody may want that, so suspected."""
        for listener in self.listeners:
            entry = listener.ledger.entries.get(id(connection))
            if entry is not None and entry[STATE] in OPEN_STATES:
                listener.engine.violation(
                    "LT303", entry, RELEASED, frame, certain=False, may_raise=False, words={"children": _TRANSACTION}
                )

    def _wrap_close(self, cls: type) -> None:
        close = resolve(cls, "close")
        if getattr(close, "lifetrack_watched", None) is None and self._made not in mro(cls):
            self._patches.put(cls, "close", functools.wraps(close)(self._close(own(cls).get("close", close))))


def _file_name(database: Any) -> str:
    """Give the name of a database that is a file; nothing for one in memory, or a temporary one without a name."""
    name = os.fsdecode(database) if isinstance(database, str | bytes | os.PathLike) else ""
    return "" if ":memory:" in name or "mode=memory" in name else name


def _has_written(connection: Any, name: str, folder: str) -> bool:
    """Whether the transaction has written anything to the file.

    There is a journal then (https://www.sqlite.org/tempfiles.html); with a write-ahead log it does not show, and what
    was written earlier may be meant.
    """
    if name.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        name = unquote(urlsplit(name).path)
    path = os.path.realpath(os.path.join(folder, name))
    if size(path + "-wal") is not None:
        return bool(connection.total_changes)
    return bool(size(path + "-journal"))


def _loses_something(connection: Any) -> bool:
    """Whether closing rolls back what was written, though nothing went wrong.

    While an exception is handled that is what closing is for; with ``autocommit=False`` some transaction is always
    open.
    """
    try:
        is_open = connection.in_transaction and getattr(connection, "autocommit", None) is not False
    except Exception:  # closed already, or never opened
        return False
    return is_open and sys.exc_info()[0] is None


def _substitute(base: Any, close: Any, called: Callable[[Any], None]) -> Any:
    """Make a subclass that can take the place of the class itself."""
    functools.update_wrapper(close, base.close)
    space = {
        "__slots__": ("__weakref__",), "__module__": base.__module__, "__qualname__": base.__qualname__,
        "__doc__": base.__doc__, "close": close,
    }  # fmt: skip
    return substitute_meta(base, called)(base.__name__, (base,), space)
