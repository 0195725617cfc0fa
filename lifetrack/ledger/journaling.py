"""What a ledger tells its journal, if it has one. The journal itself stands further up."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

from lifetrack.ledger.entries import NUMBER, OPEN_STATES, SCOPE, STATE

if TYPE_CHECKING:
    from typing import Protocol

    from lifetrack.ledger.cases import Case
    from lifetrack.ledger.entries import Entry, Kind, Note
    from lifetrack.ledger.ledger import Ledger
    from lifetrack.ledger.places import Place
else:
    Protocol = object  # making a protocol costs a millisecond

#: The event, for a journal alone, that somebody shares a resource no more; see ``SHARED``.
LET_GO = "let-go"
#: What is added to the number of a resource each time that it is taken up again; the rest is its first number.
AGAIN = 1 << 48
#: The number of a resource that is not known any more.
FORGOTTEN = AGAIN - 1


def number_of(entry: Entry) -> int:
    """Give the number of a resource among those of its type; with a journal its slot has it until it has ended."""
    slot: Any = entry[NUMBER]
    if isinstance(slot, memoryview):
        return int(slot[0]) % AGAIN if entry[STATE] in OPEN_STATES else FORGOTTEN
    return FORGOTTEN if slot is None else int(slot) % AGAIN


class Journaling(Protocol):
    """Writes down every event, before anything else happens."""

    def meet(self, kind: Kind) -> None:
        """Note a type, before the first of its resources."""

    def acquired(self, entry: Entry) -> None:
        """Note an entry that is about to stand in the ledger."""

    def released(self, entry: Entry) -> None:
        """Note a release, from what its entry says of it."""

    def released_at(self, entry: Entry, frame: FrameType) -> None:
        """Note a release of which the entry says nothing."""

    def ended(self, entry: Entry) -> None:
        """Note that a duty ended without a release of anybody's; of what is not open nothing."""

    def collected(self, entry: Entry) -> None:
        """Note that a resource was collected while its duty was open; may run in the garbage collector."""

    def changed(self, entry: Entry) -> None:
        """Note the state of what is open still."""

    def moved_site(self, entry: Entry) -> None:
        """Note another site of the acquisition."""

    def labelled(self, entry: Entry) -> None:
        """Note the label that a resource was given."""

    def discounted(self, kind: Kind) -> None:
        """Note that one of a type was no acquisition of this process's."""

    def inherit(self, entry: Entry) -> None:
        """Note in a forked child that a resource is its parent's."""

    def event(self, entry: Entry, note: Note) -> None:
        """Note one more event."""

    def transferred(self, entry: Entry, note: Note) -> None:
        """Note a transfer."""

    def owned(self, entry: Entry) -> None:
        """Note who owns a resource, where that is no transfer."""

    def owner_ended(self, place: Place) -> None:
        """Note that an owner is over."""

    def found(self, case: Case, before: int, same: object) -> None:
        """Note a finding; ``before`` it there were so many of the ``same`` kind and place."""

    def begin_in_fork(self) -> None:
        """Write no more to the file of the parent process."""

    def begin_in_child(self) -> None:
        """Go on in a file of this process's own, in a forked child that is followed."""

    def level(self, level: int) -> None:
        """Note how much is recorded from now on."""

    def end(self, ending: str) -> None:
        """Note how the process ends."""

    def close(self) -> None:
        """Note that tracking ends, if nothing was said of an end before."""

    @property
    def plan(self) -> Any:
        """Where the journals of the run are to be, for its other processes."""

    @property
    def file(self) -> tuple[int, int] | None:
        """The device and inode of its file, of which this process has a descriptor up to Python 3.12."""

    def acquiring(self, *, with_stacks: bool) -> dict[str, Any]:
        """Give the names that the fast path of an acquisition uses."""

    def releasing(self, *, with_stacks: bool) -> dict[str, Any]:
        """Give the names that the fast path of a release uses."""


def note_owner(ledger: Ledger, entry: Entry) -> None:
    """Let the journal, if there is one, know who owns a resource now, where that is no transfer."""
    if ledger.journal is not None:
        ledger.journal.owned(entry)


def note_label(ledger: Ledger, entry: Entry) -> None:
    """Let the journal, if there is one, know the label that a resource was given."""
    if ledger.journal is not None:
        ledger.journal.labelled(entry)


def note_name(ledger: Ledger, place: Place) -> None:
    """Let the journal, if there is one, know that an owner has another name, or stands elsewhere, from now on."""
    if ledger.journal is not None:
        for entry in ledger.open_entries():
            if entry[SCOPE] is place:
                ledger.journal.owned(entry)
