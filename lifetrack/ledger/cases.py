"""Cases: violations and leaks that were filed, not yet rendered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from lifetrack.ledger.entries import (
    EXTRA,
    FAILED,
    HALF_RELEASED,
    KIND,
    OFFSET,
    OPEN,
    SCOPE,
    STATE,
    TRACE,
    Entry,
    Note,
    counted,
    extra_of,
    is_orphan,
    place_of,
)
from lifetrack.values.events import BORROWED, RETURNED
from lifetrack.values.findings import Certainty, Finding

#: How many cases of one kind at one place are kept one by one; the rest is only counted.
KEPT_CASES = 100


def notes_of(entry: Entry) -> list[Note]:
    """Give the noted events in order; those that matter are there even where many others pushed them out."""
    extra = entry[EXTRA]
    if extra is None or not (extra.notes or extra.transfer or extra.loans or extra.lent or extra.sharers):
        return []
    notes: list[Note] = list(extra.notes or ())
    if extra.transfer is not None and not any(note is extra.transfer for note in notes):
        notes.append(extra.transfer)
    for trace, moment, back, later in [*(extra.loans or ()), *(extra.lent or {}).copy().values()]:
        notes.append((BORROWED, trace, moment, None))
        if later is not OPEN:
            notes.append((RETURNED, back, later, None))
    return notes + list((extra.sharers or {}).copy().values())


class Case:
    """One violation or leak, not yet rendered."""

    __slots__ = ("certainty", "context", "count", "entry", "finding", "notes", "raised", "rule", "use", "words")

    def __init__(
        self,
        rule: str,
        certainty: Certainty,
        entry: Entry,
        use: Note | None,
        context: Sequence[Note] = (),
        words: dict[str, str] | None = None,
    ) -> None:
        self.rule = rule
        self.certainty = certainty
        self.entry = entry
        #: The events up to here; the resource goes on.
        self.notes = notes_of(entry)
        self.use = use
        #: Events of other resources that belong to the story.
        self.context = context
        #: What the sentence of the finding names.
        self.words = words or {}
        self.count = 1
        #: Whether its exception was raised, so that somebody has been told.
        self.raised = False
        #: The rendered finding, kept so that everybody is shown the same one.
        self.finding: Finding | None = None

    def renew(self, entry: Entry, words: dict[str, str]) -> None:
        """Tell it anew: what it is about has gone on meanwhile."""
        self.entry, self.notes, self.words = list(entry), notes_of(entry), words
        self.finding = None


class _Same:
    """The cases of one kind at one place. Like everything in a ledger it is changed by atomic operations only."""

    __slots__ = ("kept", "numbers")

    def __init__(self) -> None:
        self.kept: list[Case] = []
        self.numbers = count()

    def add(self, case: Case) -> int:
        """Keep a case, or count it only; give how many there were before."""
        number = next(self.numbers)
        if number < KEPT_CASES:
            self.kept.append(case)
        return number

    def cases(self) -> list[Case]:
        """Give the kept cases; the last one stands for those that are counted only, too."""
        kept = self.kept.copy()
        more = counted(self.numbers) - KEPT_CASES
        if more > 0 and kept and kept[-1].count != 1 + more:
            kept[-1].count = 1 + more
            kept[-1].finding = None
        return kept


def leak_rule(entry: Entry, otherwise: str) -> tuple[str, Certainty]:
    """Give the rule and certainty under which an open entry is a leak."""
    state = entry[STATE]
    if state == HALF_RELEASED:
        return "LT105", Certainty.PROVEN
    if state == FAILED:
        return "LT106", extra_of(entry).certainty
    # What a scope was handed and leaves open is its own leak, as what was acquired in it.
    is_left = is_orphan(entry) and (otherwise != "LT103" or place_of(entry).is_owner)
    rule = entry[KIND].declaration.leak_rule or ("LT104" if is_left else otherwise)
    return rule, Certainty.PROVEN if entry[EXTRA] is None else entry[EXTRA].certainty


def origin_of_trace(trace: Any, offset: int | None) -> tuple[int, int | None]:
    """Tell places apart without rendering them, as long as their code objects are there."""
    if isinstance(trace, tuple):
        return id(trace[0]), trace[1] if len(trace) > 1 else None
    return id(trace), offset


def _key(rule: str, entry: Entry, use: tuple[int, int | None] | None) -> tuple[object, ...]:
    # Kinds, places and code objects are kept by the cases themselves, so their addresses stay theirs.
    return rule, id(entry[KIND]), id(entry[SCOPE]), origin_of_trace(entry[TRACE], entry[OFFSET]), use


class Cases:
    """All cases of one ledger."""

    def __init__(self) -> None:
        self._same: dict[tuple[object, ...], _Same] = {}
        #: The one that was filed last: whoever has seen it need not look through all again.
        self.latest: Case | None = None
        #: Is given each case, where somebody wants to hear of them soon; a bounded queue, for it is filled anywhere.
        self.news: deque[Case] | None = None
        #: Is told every case that is filed, and how many of its kind and place there were; if there is a journal.
        self.listener: Callable[[Case, int, object], None] | None = None

    def add(self, case: Case) -> Case:
        """File a case; beyond a number of the same kind and place they are counted only."""
        use_origin = None if case.use is None else origin_of_trace(case.use[1], None)
        same = self._same.setdefault(_key(case.rule, case.entry, use_origin), _Same())
        before = same.add(case)
        self.latest = case
        if self.news is not None:
            self.news.append(case)
        if self.listener is not None:
            self.listener(case, before, same)
        return case

    def counts(self, rule: str, entry: Entry) -> bool:
        """Count a leak if enough of its kind and place are kept, and nobody wants to hear of more; else do nothing."""
        same = self._same.get(_key(rule, entry, None))
        if same is None or len(same.kept) < KEPT_CASES or self.news is not None or self.listener is not None:
            return False
        next(same.numbers)
        return True

    def all(self) -> list[Case]:
        """Give all cases filed so far."""
        while True:
            try:
                return [case for same in self._same.copy().values() for case in same.cases()]
            except RuntimeError:  # a collection during the copy filed one more
                continue

    def forget(self) -> None:
        """Forget them all, in a process that was forked."""
        self._same = {}
        self.latest = None
        if self.news is not None:
            self.news.clear()
