"""The desk: where the stand-ins of locks report, for all trackers that watch locks.

What stands on the path of every lock is a few attributes of the desk; they are exchanged when a tracker joins or
leaves. Nothing in here takes a lock, neither the program's nor one of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import _getframe
from types import CodeType, FrameType
from typing import Any, TypeAlias

from lifetrack.ledger.capture import locate
from lifetrack.ledger.entries import Entry, Kind, extra_of
from lifetrack.ledger.holds import HOLDER, Holder
from lifetrack.ledger.moment import moment, stamp
from lifetrack.ledger.territory import FILES, INSTALLED, USER
from lifetrack.values.declarations import Declaration
from lifetrack.values.findings import Certainty
from lifetrack.values.settings import Level
from lifetrack.watchers.locking.graph import Edge, Graph, Node
from lifetrack.watchers.locking.inversions import file_inversion, show
from lifetrack.watchers.recording import Recording

#: Notes that a lock was taken: its address, what is known of it, the frame, who, and whether by a ``with`` block.
Take = Callable[[int, Node, FrameType, Holder, bool], Entry]
#: Takes a hold out of the accounts, as ``dict.pop`` does.
Drop = Callable[[int, None], object]

_PROGRAM = frozenset({USER, INSTALLED})


def _nothing(key: int, default: None) -> None:
    """Take nothing out."""


def site_for(frame: FrameType | None, inner: Sequence[CodeType] = ()) -> tuple[CodeType, int] | None:
    """Give the line that made a lock, past the constructors ``inner``; None if that is no code of the program's."""
    while frame is not None and frame.f_code in inner:
        frame = frame.f_back
    if frame is None or FILES[frame.f_code.co_filename] not in _PROGRAM:
        return None
    return frame.f_code, frame.f_lasti


def caller_frame(depth: int) -> FrameType:
    """Give the frame ``depth`` calls above who asks; its own where C code called it."""
    try:
        return _getframe(depth + 1)
    except ValueError:
        return _getframe(1)


class _Account:
    """The holds in the ledger of one tracker."""

    def __init__(self, listener: Recording, declaration: Declaration) -> None:
        self.listener = listener
        self.entries = listener.ledger.entries
        self._declaration = declaration
        self._kinds: dict[str, Kind] = {}
        self.take = self._taker()
        self.drop: Drop = self.entries.pop if listener.ledger.journal is None else self._drop

    def _drop(self, key: int, _: None) -> Entry | None:
        """Take a hold out, and note its end in the journal."""
        entry, journal = self.entries.pop(key, None), self.listener.ledger.journal
        if entry is not None and journal is not None:
            journal.ended(entry)
        return entry

    def kind(self, name: str) -> Kind:
        """Give the account of a type."""
        found = self._kinds.get(name)
        if found is None:
            found = self._kinds[name] = self.listener.ledger.new_kind(name, self._declaration)
        return found

    def _taker(self) -> Take:
        """Make the function that notes that a lock was taken; this is the fast path."""
        ledger, engine = self.listener.ledger, self.listener.engine
        kinds, make_kind = self._kinds, self.kind
        entries, place, capture, level = ledger.entries, ledger.place.get, engine.capture, engine.settings.level
        with_stacks, with_site, journal = level >= Level.STACKS, level == Level.SITES, ledger.journal
        timed = engine.settings.timed

        def take(key: int, node: Node, frame: FrameType, holder: Holder, by_block: bool) -> Entry:
            kind = kinds.get(node.type_name) or make_kind(node.type_name)
            code: Any = None
            at: int | None = None
            when = None
            if with_stacks:
                code, when = capture(frame), moment()
            elif with_site:
                code, at = frame.f_code, frame.f_lasti
                if FILES[code.co_filename] != USER:
                    code, at = locate(frame) or (code, at)
                when = stamp() if timed else None
            entry = [1, kind.next(), code, at, place(), kind, when, None, None, None, None, holder, node, by_block]
            if journal is not None:
                journal.acquired(entry)
            entries[key] = entry
            return entry

        return take


#: A hold that was given up for a while, and how it stands in the accounts.
Shelved: TypeAlias = tuple[Entry, list[tuple[_Account, Entry]]]


class Desk:
    """What is noted of locks, for all trackers."""

    def __init__(self) -> None:
        self._accounts: tuple[_Account, ...] = ()
        self.graph = Graph()
        #: None while nobody listens.
        self.take: Take | None = None
        self.drop: Drop = _nothing

    def listen(self, listeners: tuple[Recording, ...], declaration: Declaration) -> None:
        """Take note of who listens now."""
        known = {id(account.listener): account for account in self._accounts}
        self._accounts = tuple(known.get(id(each)) or _Account(each, declaration) for each in listeners)
        if not self._accounts:
            self.take, self.drop = None, _nothing
            self.graph.forget_all()
        elif len(self._accounts) == 1:
            self.take, self.drop = self._accounts[0].take, self._accounts[0].drop
        else:
            self.take, self.drop = self._take_for_all, self._drop_for_all

    def _take_for_all(self, key: int, node: Node, frame: FrameType, holder: Holder, by_block: bool) -> Entry:
        first, *others = self._accounts
        for account in others:
            account.take(key, node, frame, holder, by_block)
        return first.take(key, node, frame, holder, by_block)

    def _drop_for_all(self, key: int, _: None) -> None:
        for account in self._accounts:
            account.drop(key, None)

    # -- off the fast path ---------------------------------------------------------------------------------------

    def check(self, node: Node, holder: Holder, frame: FrameType, *, forever: bool) -> None:
        """Look at the order, before a holder of other locks takes one more. May raise, if the policy is to raise.

        Only who waits ``forever`` can be caught in a deadlock: one that tries, or gives up after a time, lets go.
        """
        own = node.entry
        if own is not None and own[HOLDER] is holder:
            self.signal(node)  # waits for somebody else to release it
            return
        held = holder.held
        if not forever or not held or node.is_signal or self.graph.is_known(held, node) or not self._accounts:
            return
        circles = self.graph.add(held, node, self._accounts[0].listener.engine.trace(frame))
        for circle in circles:
            self._file(circle, holder)

    def _file(self, circle: list[Edge], holder: Holder) -> None:
        errors = []
        for account in self._accounts:
            engine = account.listener.engine
            case, error = file_inversion(engine, account.kind(circle[0].outer.type_name), circle)
            if error is not None:
                errors.append(error)
            elif engine.settings.policy["LT403"] == "warn":
                holder.later.append((engine, case))
        if errors:
            self.graph.take_back(circle)
            raise errors[0]

    def signal(self, node: Node) -> None:
        """Note that a lock passes between threads, so that nobody owns it and its order means nothing."""
        if not node.is_signal:
            node.is_signal = True
            self.graph.forget(node)

    def doubt(self, key: int) -> None:
        """Note that being held for ever need not be a mistake."""
        for account in self._accounts:
            entry = account.entries.get(key)
            if entry is not None:
                extra_of(entry).certainty = Certainty.SUSPECTED

    def leave(self, node: Node, entry: Entry, who: Holder) -> None:
        """Take a hold from its holder, who need not be the one that releases it."""
        holder: Holder = entry[HOLDER]
        if holder is not who:
            self.signal(node)
        try:
            holder.held.remove(entry)  # by identity first, and no code of the program's runs in comparing the rest
        except ValueError:
            return

    def show(self, holder: Holder) -> None:
        """Show the findings that waited until their thread had let go of every lock: warnings run the user's code."""
        waiting, holder.later = holder.later, []
        for engine, case in waiting:
            show(engine, case)

    def shelve(self, key: int, node: Node) -> Shelved | None:
        """Give what is to be put back after the wait of a condition, which gives a lock up for a while."""
        if node.entry is None:
            return None
        mine = [(account, entry) for account in self._accounts if (entry := account.entries.get(key)) is not None]
        return node.entry, mine

    def put_back(self, key: int, node: Node, shelved: Shelved | None) -> None:
        """Go on with a hold that was given up for a while."""
        if shelved is None or self.take is None:
            return
        entry, mine = shelved
        for account, each in mine:
            if account in self._accounts:
                if account.listener.ledger.journal is not None:
                    account.listener.ledger.journal.acquired(each)
                account.entries[key] = each
        node.entry = entry
        entry[HOLDER].held.append(entry)

    def forget(self, key: int, node: Node) -> None:
        """Forget a hold that did not come about, or that of a lock which is made new in a forked process."""
        entry, node.entry, node.depth = node.entry, None, 0
        self.drop(key, None)
        if entry is not None and entry in entry[HOLDER].held:
            entry[HOLDER].held.remove(entry)

    def collected(self, key: int, node: Node) -> None:
        """Notice that a lock is gone; runs in the garbage collector."""
        entry = node.entry
        if entry is not None:
            self.lost(key, node, entry)
        if node.after or node.before:
            self.graph.dead.append(node)

    def lost(self, key: int, node: Node, entry: Entry) -> None:
        """Notice that a lock was collected while it was held.

        Nobody can wait for it any more. So it is only suspected, unless its holder had gone before.
        """
        holder: Holder = entry[HOLDER]
        node.is_dropped = not holder.is_done()
        if node.is_dropped and entry in holder.held:
            holder.held.remove(entry)
        for account in self._accounts:
            mine = account.entries.pop(key, None)
            if mine is None or node.is_signal:
                if mine is not None and account.listener.ledger.journal is not None:
                    account.listener.ledger.journal.ended(mine)
                continue
            if node.is_dropped:
                extra_of(mine).certainty = Certainty.SUSPECTED
            account.listener.ledger.pending.append(mine)


#: The desk of all locks that threads hold, and that of asyncio's.
THREADS, TASKS = Desk(), Desk()
