"""Discovery: plugins that installed distributions announce as entry points, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, EntryPoints, distributions, entry_points
from typing import Any, NamedTuple

from lifetrack.backends.errors import BROKEN, log, settled
from lifetrack.backends.parts import making
from lifetrack.backends.releasing import Release, release
from lifetrack.backends.seats import Seat
from lifetrack.backends.tracking import declare_class
from lifetrack.backends.validation import Requirements, kind_problem
from lifetrack.ownership.holding import end_unclosed
from lifetrack.tracker import default_tracker
from lifetrack.values.errors import BackendError
from lifetrack.values.settings import shown
from lifetrack.values.stacks import RawFrame


class Plugin(NamedTuple):
    """Where a backend comes from: an entry point."""

    entry_point: EntryPoint

    @property
    def distribution(self) -> str:
        """Name and version of the distribution that announces it; read only when asked: its metadata is parsed then."""
        name, version = distribution_of(self.entry_point)
        return f"{name} {version}".rstrip()

    def words(self) -> str:
        """Tell the entry point and the distribution."""
        return f"entry point '{self.entry_point.name}' ({self.entry_point.value}) of {self.distribution}"


class _Rejected(NamedTuple):
    entry_point: EntryPoint
    distribution: str
    error: BaseException


class Rejected(_Rejected):
    """A plugin that was not registered, and why: its entry point, the name of its distribution, and the error.

    ``error`` is what it raised, or a BackendError that says what does not fit. It carries no traceback, which would
    keep the plugin's frames alive: ``traceback`` is the text of it.
    """

    traceback: str = ""

    def __str__(self) -> str:
        try:
            text = str(self.error)
        except Exception:  # the plugin's own error is broken, too
            text = "(it has no text)"
        return f"{Plugin(self.entry_point).words()}: {type(self.error).__name__}: {text}"


class Found(NamedTuple):
    """What a search for plugins has brought: the names of the new backends, and the plugins that were rejected.

    ``complete`` is False where the search was still running: a plugin asked for it while it was being loaded.
    """

    added: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    complete: bool = True


def distribution_of(entry_point: EntryPoint) -> tuple[str, str]:
    """Give the name and the version of an entry point's distribution."""
    distribution = getattr(entry_point, "dist", None)
    if distribution is None:
        return "an unknown distribution", ""
    try:
        return distribution.name, distribution.version
    except BROKEN:  # its metadata cannot be read
        return "a distribution without a name", ""


def names_given(value: object, what: str) -> tuple[str, ...]:
    """Read a name or several; raise BackendError for anything else."""
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, Iterable):
        raise BackendError(f"{what}= takes names, not {shown(value)}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str) or not name:
            raise BackendError(f"{what}= takes names, not {shown(name)}")
    return found


class Choice(NamedTuple):
    """Which entry points are wanted, by name."""

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether an entry point of this name is wanted."""
        return (self.include is None or name in self.include) and name not in self.exclude


def find(groups: tuple[str, ...], choice: Choice) -> Iterator[tuple[str, EntryPoint]]:
    """Give the entry points of all groups with their group, in an order that does not depend on the file system."""
    try:
        everything: Any = entry_points()
    except BROKEN:  # somebody's metadata cannot be read; that must not hide the others
        everything = _readable_entry_points()
    for group in groups:
        found = [each for each in everything.select(group=group) if choice.has(each.name)]
        for each in sorted(found, key=lambda item: (item.name, item.value)):
            yield group, each


def _readable_entry_points() -> EntryPoints:
    """Give the entry points of each distribution whose metadata can be read; log the others."""
    found: dict[str, EntryPoints] = {}
    for each in distributions():
        where = getattr(each, "_path", "an unknown place")
        try:
            name = each.name.lower().replace("-", "_")
            if name not in found:  # an earlier one on the path hides a later one
                found[name] = each.entry_points
        except BROKEN as error:
            log("warning", "the entry points of the distribution at %s cannot be read: %s", where, type(error).__name__)
    return EntryPoints(item for items in found.values() for item in items)


def _check_value(entry_point: EntryPoint) -> None:
    if not EntryPoint.pattern.match(entry_point.value):
        raise BackendError(
            f"entry point '{entry_point.name}' leads to {shown(entry_point.value)}: write it as 'module:attribute'"
        )


class Maker(NamedTuple):
    """Makes backends of entry points, as a collection asks."""

    requirements: Requirements
    create: Callable[[Any], Any] | None
    release: Release | None
    #: Whether a backend is in a collection already, so that it is not ours to throw away.
    is_known: Callable[[object], bool]

    def make(self, entry_point: EntryPoint, place: RawFrame | None) -> Seat:
        """Load a plugin and make its backend; whatever it raises comes out, and nothing of it is left behind."""
        _check_value(entry_point)
        loaded = entry_point.load()
        nursery = None
        if default_tracker().is_tracking():
            with making(f"{entry_point.name} ({Plugin(entry_point).distribution})") as nursery:
                backend, ours = self._backend(loaded)
        else:
            backend, ours = self._backend(loaded)
        try:
            seat = self.requirements.seat(backend, None, place, Plugin(entry_point), entry_point.name)
        except BaseException as error:
            if ours:
                self.discard(backend, error)
            if nursery is not None:
                end_unclosed(nursery)
            raise
        seat.nursery = nursery
        return seat

    def _backend(self, loaded: Any) -> tuple[Any, bool]:
        """Give the backend, and whether it was made here."""
        if isinstance(loaded, type):
            self.requirements.check_class(loaded)
            declare_class(loaded, self.release if isinstance(self.release, str) else None)
        if self.create is not None:
            return self.create(loaded), True
        if isinstance(loaded, type) or self._makes(loaded):
            return loaded(), True
        return loaded, False

    def _makes(self, loaded: Any) -> bool:
        """Whether what was loaded is a function that makes backends, rather than a backend."""
        if self.requirements.kind is not None:
            return callable(loaded) and kind_problem(loaded, self.requirements.kind) is not None
        return callable(loaded) and not hasattr(loaded, "name")

    def discard(self, backend: Any, error: BaseException) -> None:
        """Release a backend that was made and is not wanted; its error joins the one that is on its way."""
        if self.is_known(backend):
            return
        try:
            release(backend, self.release)
        except BROKEN as second:
            error.add_note(f"its release raised {type(second).__name__}, too")


def rejected(entry_point: EntryPoint, error: BaseException, collection: str) -> Rejected:
    """Note a plugin that is broken, and log it."""
    text = settled(error)
    result = Rejected(entry_point, distribution_of(entry_point)[0], error)
    result.traceback = text
    log("warning", "collection '%s' rejected %s\n%s", collection, result, text)
    return result
