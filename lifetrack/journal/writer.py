"""The writer: what a ledger tells its journal, written down before anything else happens.

Nobody waits in here, and nothing is read back: killed at any moment, the file has every event that was complete.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from lifetrack.journal import format as form
from lifetrack.journal.ground import Ground
from lifetrack.journal.names import room
from lifetrack.journal.telling import told_of_case
from lifetrack.ledger.capture import Note as NoteOnFrame
from lifetrack.ledger.capture import locate
from lifetrack.ledger.entries import (
    EXTRA,
    KIND,
    MOMENT,
    NUMBER,
    OFFSET,
    OPEN_STATES,
    RELEASE_MOMENT,
    RELEASE_OFFSET,
    RELEASE_TRACE,
    SCOPE,
    STATE,
    TRACE,
    Entry,
    Kind,
    Note,
    counted,
)
from lifetrack.ledger.entries import FAILED as FAILED_ENTRY
from lifetrack.ledger.entries import HALF_RELEASED as HALF_RELEASED_ENTRY
from lifetrack.ledger.journaling import AGAIN, number_of
from lifetrack.ledger.moment import Who, moment
from lifetrack.ledger.rendering import label_of
from lifetrack.values.settings import Level

if TYPE_CHECKING:
    from types import FrameType

    from lifetrack.ledger.capture import Trace
    from lifetrack.ledger.cases import Case
    from lifetrack.ledger.places import Place

_STATES = {HALF_RELEASED_ENTRY: form.HALF_RELEASED, FAILED_ENTRY: form.FAILED}
_WORD = {word: number for number, word in enumerate(form.WORDS)}
_pack = form.SLOT.pack_into
#: What the fast paths write of a slot when a resource is acquired, and its number again: with owner and thread, with
#: the owner, with neither. The rest becomes 0.
STACK, OWNED, SITE = Struct("=QIIdII40xQ"), Struct("=QIIdI44xQ"), Struct("=QIId48xQ")
END = Struct("=d4xIQ")
_INT = Struct("=I").pack_into


#: Of so many findings of one kind and place each is told; the others are counted.
_ALIKE = 8
#: What a fast path remembers before it has seen anything.
_NOTHING: Any = (_pack, *(None,) * 7)
_NOWHERE = None, None


class Journal(Ground):
    """The journal of one ledger. What it offers to the fast paths is ``slots``, ``names`` and ``threads``."""

    # -- resources -------------------------------------------------------------------------------------------------

    def acquired(self, entry: Entry) -> None:
        """Write down a resource whose entry is about to stand in the ledger."""
        number = entry[NUMBER]
        kind = entry[KIND]
        try:
            slot = self.slots.take()
        except IndexError:
            slot = self.slots.refill()
            if slot is self.slots.scrap:
                self._count_unkept(kind, counted(kind.numbers) - 1)
        end = (0.0, 0, 0, _STATES.get(entry[STATE], form.OPEN), number)
        self.names.lasting(lambda: self._write(slot, number, entry, end))
        entry[NUMBER] = slot

    def _write(self, slot: Any, number: int, entry: Entry, end: tuple[float, int, int, int, int]) -> None:
        time, who, task = entry[MOMENT] or moment()
        names = self.names
        trace, owner = names.trace(entry[TRACE], entry[OFFSET]), names.owner(entry[SCOPE])
        label, error = self._label_of(entry), self._error_of(entry)
        about = 0 if task is None else names.text(task, passing=True)
        _pack(slot, 0, number, entry[KIND].noted, trace, time, owner, self.threads[who], about, label, error, 0, *end)

    def released(self, entry: Entry) -> None:
        """Write down the release of a resource, from what its entry says of it."""
        slot = entry[NUMBER]
        if slot.__class__ is not memoryview:
            return
        self._end(entry, slot, entry[RELEASE_TRACE], entry[RELEASE_OFFSET], entry[RELEASE_MOMENT])

    def _end(self, entry: Entry, slot: Any, code: Any, offset: int | None, noted: Any = None) -> None:
        when, trace = noted or moment(), self.names.trace(code, offset)
        END.pack_into(slot, form.SLOT_END, when[0], self.threads[when[1]], trace << 8 | form.RELEASED)
        self._over(entry, slot)

    def released_at(self, entry: Entry, frame: Any) -> None:
        """As :meth:`released`, where nothing of it was noted in the entry."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview:
            raw = locate(frame) if self._level >= Level.SITES else None
            self._end(entry, slot, *(raw or (None, None)))

    def ended(self, entry: Entry) -> None:
        """Write down that the duty of a resource ended without a release of anybody's."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview and entry[STATE] in OPEN_STATES:
            slot[form.END_WORD] = form.ENDED_QUIETLY
            self._over(entry, slot)

    def _over(self, entry: Entry, slot: Any) -> None:
        if slot is self.slots.scrap:
            self._count(entry[KIND], form.KIND_UNKEPT_ENDED)
        else:
            self.slots.give(slot)
        # Whoever takes the entry up again begins another record.
        entry[NUMBER] = slot[0] + AGAIN

    def collected(self, entry: Entry) -> None:
        """Write down that a resource was collected; runs in the garbage collector."""
        slot = entry[NUMBER]
        self._count(entry[KIND], form.KIND_COLLECTED)
        if slot.__class__ is memoryview:
            slot[form.END_WORD] = form.COLLECTED
            self._over(entry, slot)

    def changed(self, entry: Entry) -> None:
        """Write down the state of a resource that is open still: half released, or of a failed construction."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview:
            _INT(slot, form.SLOT_ERROR, self._error_of(entry))
            slot[form.END_WORD] = _STATES.get(entry[STATE], form.OPEN)

    def moved_site(self, entry: Entry) -> None:
        """Write down another site of a resource: an outer constructor completed, whose caller counts."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview:
            _INT(slot, form.SLOT_TRACE, self.names.trace(entry[TRACE], entry[OFFSET]))

    def labelled(self, entry: Entry) -> None:
        """Write down the label of a resource."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview:
            self.names.lasting(lambda: _INT(slot, form.SLOT_LABEL, self._label_of(entry)))

    def discounted(self, kind: Kind) -> None:
        """Write down that one of a type was no acquisition of this process's."""
        if kind.noted:
            self._words[self._tables["kinds"].place(kind.noted) // 8 + form.KIND_BASE] += 1

    def inherit(self, entry: Entry) -> None:
        """Let a resource of the parent process be nobody's here."""
        if entry[NUMBER].__class__ is memoryview:
            entry[NUMBER] = self.slots.scrap

    def _label_of(self, entry: Entry) -> int:
        label = None if entry[KIND] is None else label_of(entry)
        return 0 if label is None else self.names.text(label, passing=True)

    def _error_of(self, entry: Entry) -> int:
        error = None if entry[EXTRA] is None else entry[EXTRA].error
        return 0 if error is None else self.names.text(error)

    # -- what the fast paths use -----------------------------------------------------------------------------------

    def acquiring(self, *, with_stacks: bool) -> dict[str, Any]:
        """Give the names that the fast path of an acquisition uses."""
        names, slots = self.names, self.slots
        return {
            "take": slots.take, "refill": self._refill, "owner": names.owner, "moved": self.moved_site,
            "acquired": self.acquired, "sites": room, "located": names.site,
            "nothing": _NOTHING if with_stacks else _NOWHERE,
            "pack": (STACK if with_stacks else SITE).pack_into, "pack_owned": OWNED.pack_into,
            "threads": self.threads, "tasked": self._tasked, "learned": self._learned, "names": names,
            "reowned": self._own,
        }  # fmt: skip

    def releasing(self, *, with_stacks: bool) -> dict[str, Any]:
        """Give the names that the fast path of a release uses."""
        names, slots = self.names, self.slots
        return {
            "scrap": slots.scrap, "give": slots.give, "unkept": self._unkept_ended, "end": END.pack_into,
            "sites": room, "located": names.end_at, "threads": self.threads,
            "nothing": _NOTHING if with_stacks else _NOWHERE,
            "learned": self._learned_end if with_stacks else None,
        }  # fmt: skip

    def _learned(self, frame: FrameType, trace: Trace, who: Who) -> tuple[Any, ...]:
        """Give what a fast path remembers: how it recognises a stack, the stack, its number, and the thread's."""
        above = frame.f_back
        note = None if above is None else above.f_trace
        if not isinstance(note, NoteOnFrame):
            note = _NOTHING  # which stands on no frame
        offset = 0 if above is None else above.f_lasti
        number = self.names.trace(trace, None)
        return note, frame.f_lasti, offset, frame.f_code, trace, number, who, self.threads[who]

    def _learned_end(self, frame: FrameType, trace: Trace, who: Who) -> tuple[Any, ...]:
        known = self._learned(frame, trace, who)
        return (*known[:5], known[5] << 8 | form.RELEASED, *known[6:])

    def _refill(self, kind: Kind) -> Any:
        slot = self.slots.refill()
        if slot is self.slots.scrap:
            self._count_unkept(kind, counted(kind.numbers))  # the number that it will take next
        return slot

    def _unkept_ended(self, entry: Entry) -> None:
        self._count(entry[KIND], form.KIND_UNKEPT_ENDED)

    def _tasked(self, slot: Any, task: str) -> None:
        self.names.lasting(lambda: _INT(slot, form.SLOT_TASK, self.names.text(task, passing=True)))

    def _own(self, slot: Any, place: Place | None) -> None:
        self.names.lasting(lambda: _INT(slot, form.SLOT_OWNER, self.names.owner(place)))

    # -- further events --------------------------------------------------------------------------------------------

    def event(self, entry: Entry, note: Note) -> None:
        """Write down one more event of a resource."""
        slot = entry[NUMBER]
        if slot.__class__ is not memoryview or slot is self.slots.scrap or self._map is None:
            return
        about = note[3] if isinstance(note[3], str) else None
        self._event(note[0], slot[0], entry[KIND].noted, note[1], note[2], about)

    def _event(self, word: str, number: int, kind: int, trace: Any, when: Any, about: str | Place | None) -> None:
        place = self._tables["events"], next(self._events)
        told = number, kind, _WORD.get(word, 0), self.names.trace(trace, None)
        self.names.lasting(lambda: self._write_event(*place, told, when or moment(), about))

    def _write_event(
        self, table: form.Table, sequence: int, told: tuple[int, ...], when: Any, about: str | Place | None
    ) -> None:
        names = self.names
        task = 0 if when[2] is None else names.text(when[2], passing=True)
        named = names.text(about, passing=True) if isinstance(about, str) else names.owner(about)
        at = table.place(sequence % table.count)
        form.EVENT.pack_into(
            self._map, at, sequence, *told, task, when[0], self.threads[when[1]], named, sequence
        )  # fmt: skip

    def transferred(self, entry: Entry, note: Note) -> None:
        """Write down who owns a resource from now on."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview and self._map is not None:
            if slot is not self.slots.scrap:
                self._event(note[0], slot[0], entry[KIND].noted, note[1], note[2], note[3])
            self._own(slot, note[3])

    def owned(self, entry: Entry) -> None:
        """Write down who owns a resource, where that is no transfer."""
        slot = entry[NUMBER]
        if slot.__class__ is memoryview:
            self._own(slot, entry[SCOPE])

    def owner_ended(self, place: Place) -> None:
        """Write down that an owner is over."""
        if self._map is not None:
            self._event("owner-ended", 0, 0, None, None, place)

    def found(self, case: Case, before: int, same: object) -> None:
        """Write down a finding when it is filed; of many of the same the first ones, and how many more."""
        if self._map is None:
            return
        table, more = self._tables["findings"], max(0, before + 1 - _ALIKE)
        if more and id(same) in self._last_of:
            _INT(self._map, table.place(self._last_of[id(same)] - 1) + form.EVENT_TRACE, min(more, form.MOST))
            return
        sequence = next(self._findings) if self.names.has_much_room() else form.MOST
        if sequence > table.count:
            self._note_one(form.WORDS_AT // 8 + form.UNKEPT_FINDINGS, self._unkept_findings)
            return
        entry, use = case.entry, case.use
        about = self.names.text(told_of_case(self._ledger, case, self.names.rendered))
        time, who, _ = (None if use is None else use[2]) or moment()
        told = (
            number_of(entry),
            entry[KIND].noted,
            _WORD["finding"],
            more,
            self.names.trace(entry[TRACE], entry[OFFSET]),
        )
        at = table.place(sequence - 1)
        self.names.lasting(
            lambda: form.EVENT.pack_into(self._map, at, sequence, *told, time, self.threads[who], about, sequence)
        )
        self._last_of[id(same)] = sequence
