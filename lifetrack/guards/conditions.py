"""Conditions on a live resource: lent, owned by somebody else, bound to a thread, inherited over fork, an orphan."""

from __future__ import annotations

from types import FrameType

from lifetrack.guards.authority import is_acting_for
from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import (
    EXTRA,
    INHERITED,
    KIND,
    MOMENT,
    OFFSET,
    OPEN_STATES,
    RELEASE_MOMENT,
    RELEASE_OFFSET,
    RELEASE_TRACE,
    STATE,
    TRACE,
    Entry,
    Extra,
    Note,
    place_of,
)
from lifetrack.ledger.moment import this_thread
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import owner_words, subject_of
from lifetrack.values.events import CHILD_ACQUIRED, OWNER_ENDED, PARENT_ACQUIRED, PARENT_RELEASED, RELEASED, USED

#: How many children a finding tells of.
_SHOWN = 8


def judge_live_release(engine: Engine, entry: Entry, frame: FrameType) -> None:
    """File what is wrong with a release that is about to begin; under the policy ``raise`` it does not begin."""
    if entry[STATE] == INHERITED:
        _judge_fork(engine, entry, RELEASED, frame)
        return
    extra: Extra | None = entry[EXTRA]
    if extra is None:
        return
    if extra.thread is not None:
        judge_thread(engine, entry, RELEASED, frame)
    if extra.lent:
        engine.violation("LT302", entry, RELEASED, frame)
    place = place_of(entry)
    if not is_acting_for(place) and is_foreign(engine, place):
        engine.violation("LT301", entry, RELEASED, frame)


def is_foreign(engine: Engine, place: Place) -> bool:
    """Whether a release by the running code is somebody else's business: the owner has said that only it may."""
    owner = place.owner()
    return owner.exclusive and not owner.is_gone() and owner not in engine.ledger.place.get().lineage()


def judge_end_of_owner(engine: Engine, entry: Entry, place: Place, frame: FrameType, *, may_raise: bool = True) -> None:
    """File a borrow that is still open when the owner ends. The borrow ends with it, unless the finding is raised."""
    extra: Extra | None = entry[EXTRA]
    if extra is not None and extra.lent and entry[STATE] in OPEN_STATES:
        words = {"owner": owner_words(place)}
        engine.violation("LT304", entry, OWNER_ENDED, frame, words=words, may_raise=may_raise)
        extra.lent.clear()


def judge_thread(engine: Engine, entry: Entry, event: str, frame: FrameType) -> None:
    """File a use or release in another thread than the one that the resource is bound to."""
    bound = entry[EXTRA].thread
    here = this_thread()
    if here is not bound:
        words = {"bound": bound.name, "here": here.name, "event": event, "event_now": event.removesuffix("d")}
        engine.violation("LT401", entry, event, frame, words=words)


def _judge_fork(engine: Engine, entry: Entry, event: str, frame: FrameType) -> None:
    declaration = entry[KIND].declaration
    if not declaration.fork_safe and not declaration.watched:
        engine.violation("LT402", entry, event, frame, words={"event": event})


def judge_inherited_use(engine: Engine, entry: Entry, frame: FrameType) -> None:
    """File a use of what a forked child has inherited."""
    _judge_fork(engine, entry, USED, frame)


def open_children(entry: Entry) -> list[Entry]:
    """Give the children of a resource whose duty is open."""
    extra: Extra | None = entry[EXTRA]
    if extra is None or extra.children is None:
        return []
    # A child that is collected is a leak of its own, whether or not that was taken in yet.
    return [
        child
        for child, reference in extra.children.copy().values()
        if child[STATE] in OPEN_STATES and (reference is None or reference() is not None)
    ]


def judge_order(engine: Engine, entry: Entry, frame: FrameType, children: list[Entry] | None = None) -> None:
    """File a release, just completed, that has left children open: all, or those named."""
    children = open_children(entry) if children is None else children
    if not children:
        return
    names = sorted({subject_of(child) for child in children})
    count = "its child" if len(children) == 1 else f"its {len(children)} children"
    words = {"children": f"{count} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"}
    context: list[Note] = [_acquisition(CHILD_ACQUIRED, child) for child in children[:_SHOWN]]
    engine.violation("LT303", entry, RELEASED, frame, context=context, words=words)


def _acquisition(word: str, entry: Entry) -> Note:
    trace, offset, moment = entry[TRACE], entry[OFFSET], entry[MOMENT]
    whole = trace if trace is None or isinstance(trace, tuple) else (trace, offset, None)
    return word, whole, moment, subject_of(entry)


def _release(entry: Entry) -> Note:
    trace, offset, moment = entry[RELEASE_TRACE], entry[RELEASE_OFFSET], entry[RELEASE_MOMENT]
    whole = trace if trace is None or isinstance(trace, tuple) else (trace, offset, None)
    return PARENT_RELEASED, whole, moment, subject_of(entry)


def judge_orphaned_use(engine: Engine, entry: Entry, frame: FrameType) -> None:
    """File a use of a child whose parent, or parent's parent, was released; every link has its stacks."""
    context: list[Note] = []
    first = ""
    parent = entry[EXTRA].parent
    while parent is not None:
        context.append(_acquisition(PARENT_ACQUIRED, parent))
        if parent[STATE] not in OPEN_STATES:
            first = first or subject_of(parent)
            context.append(_release(parent))
        parent = None if parent[EXTRA] is None else parent[EXTRA].parent
    engine.violation("LT305", entry, USED, frame, context=context, words={"parent": first})
