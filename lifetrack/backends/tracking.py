"""Where collections meet the tracker: backends are tracked without a proxy, so that `get` gives what was added."""

from __future__ import annotations

import sys
import threading
import weakref

from lifetrack.backends.parts import name_nursery, name_parts
from lifetrack.backends.seats import Seat
from lifetrack.guards.release_names import recognise
from lifetrack.guards.shapes import mro, resolve
from lifetrack.ledger.capture import locate
from lifetrack.ledger.entries import EXTRA, RELEASING, STATE, extra_of
from lifetrack.ledger.journaling import note_label
from lifetrack.tracker import default_tracker
from lifetrack.values.errors import DeclarationError
from lifetrack.values.stacks import RawFrame

_HEAP_TYPE = 1 << 9
#: Threads declare one after another. No plugin's code runs meanwhile.
_declaring = threading.RLock()
#: The classes that were declared here, and not by their author.
_automatic: weakref.WeakSet[type] = weakref.WeakSet()
#: The classes of which it is known whether to declare them.
_looked_at: weakref.WeakSet[type] = weakref.WeakSet()


def here() -> RawFrame | None:
    """Give the place in the user's own code that called."""
    return locate(sys._getframe(1))


def _may_declare(cls: type) -> bool:
    """Whether a class may be declared for its user: it is neither built in nor the standard library's."""
    return bool(cls.__flags__ & _HEAP_TYPE) and cls.__module__.partition(".")[0] not in sys.stdlib_module_names


def declared_releases(cls: type) -> tuple[str, ...]:
    """Give the release methods that are declared for a class; empty if it is not declared."""
    declaration = default_tracker().declaration_of(cls)
    return () if declaration is None else declaration.release


def is_recognised(cls: type) -> bool:
    """Whether the release methods of a class go by their usual names, as nobody has named them."""
    declaration = default_tracker().declaration_of(cls)
    return declaration is None or declaration.recognised


def _is_open(cls: type, release: str | None) -> bool:
    """Whether nobody but us has declared a class or a base of it, and it is released in another way than that."""
    declaration = default_tracker().declaration_of(cls)
    if declaration is None:
        return True
    if cls in _automatic or release is not None or declaration.release == recognise(cls):
        return False
    return any(default_tracker().declaration_of(base) is declaration for base in mro(cls) if base in _automatic)


def declare_class(cls: type, release: str | None) -> None:
    """Declare a class of backends, unless somebody has done so or it has no release method."""
    if cls in _looked_at:
        return
    if _may_declare(cls) and (recognise(cls) if release is None else resolve(cls, release) is not None):
        with _declaring:
            if _is_open(cls, release):
                _declare(cls, release)
    _looked_at.add(cls)


def _declare(cls: type, release: str | None) -> None:
    try:
        default_tracker().tracked_as(cls, release=release, owns=True)
        _automatic.add(cls)
    except DeclarationError:  # then its backends are released all the same, and not tracked
        return


def adopt(seat: Seat) -> None:
    """Record a backend that was made before its class was declared; label it with its name and its distribution."""
    if default_tracker().is_tracking():
        label = seat.name if seat.plugin is None else f"{seat.name} ({seat.plugin.distribution})"
        adopt_object(seat.backend, label)
        declaration = default_tracker().declaration_of(type(seat.backend))
        if declaration is None or not declaration.secret:
            name_parts(seat.backend, label)
            if seat.nursery is not None:
                name_nursery(seat.nursery, label)


def adopt_object(obj: object, label: str) -> None:
    """Record an object of a declared class, unless it is recorded; label it, unless it has a label."""
    tracker = default_tracker()
    if not tracker.is_tracking() or not declared_releases(type(obj)):
        return
    tracker.track(obj)
    ledger = tracker.ledger
    entry = None if ledger is None else ledger.entries.get(id(obj))
    if ledger is not None and entry is not None and (entry[EXTRA] is None or entry[EXTRA].label is None):
        extra_of(entry).label = label
        note_label(ledger, entry)


def is_released(backend: object) -> bool:
    """Whether a backend is known to be released, or its release is running."""
    engine = default_tracker().engine
    if engine is None:
        return False
    entry = engine.ledger.entries.get(id(backend))
    return engine.released(backend) is not None or (entry is not None and entry[STATE] == RELEASING)
