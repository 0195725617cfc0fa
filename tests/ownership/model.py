"""A model of ownership, to compare lifetrack with: what the rules say, written down without looking inside.

It keeps things, owners, handles, scopes and borrows as plain objects, and says of each operation what it finds, what
it raises, and what it changes. Steps are numbered; a number is the line on which lifetrack sees the step happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Refused(Exception):
    """What an operation is expected to raise: the name of an exception, or of all that a group holds."""

    def __init__(self, outcome: Any) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Place:
    """Who may own: the process, a scope, an allowance, an owner, a handle, an object."""

    def __init__(self, name: str, kind: str, parent: Place | None, *, exclusive: bool = False, thing: Any = None):
        self.name, self.kind, self.parent = name, kind, parent
        self.exclusive, self.ended, self.thing = exclusive, False, thing
        self.is_owner = kind not in {"process", "scope", "allow"}
        #: What owner_of() gives; None for a name.
        self.real: Any = None

    def gone(self) -> bool:
        return self.ended or (self.thing is not None and not self.thing.is_open)

    def lineage(self) -> Iterator[Place]:
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent if place.thing is None else place.thing.place

    def owner(self) -> Place:
        return next(place for place in self.lineage() if place.kind != "allow")

    def reason(self) -> str | None:
        return next((place.name for place in self.lineage() if place.kind == "allow"), None)


class Thing:
    """A resource."""

    def __init__(self, number: int, kind: str, place: Place, thread: object) -> None:
        self.number, self.kind, self.place, self.thread = number, kind, place, thread
        self.origin: Place | None = None
        self.state = "live"
        self.collected = self.reported = False
        self.var = True
        self.holder: Any = None
        self.parent: Thing | None = None
        self.children: list[Thing] = []
        self.lent: list[Borrow] = []
        self.failures = self.closes = 0
        self.events = [("acquired", number)]

    @property
    def is_open(self) -> bool:
        return self.state != "released" and not self.collected

    @property
    def is_orphan(self) -> bool:
        return self.place.gone() and (self.place.is_owner or self.origin is not None)

    def reaches(self) -> list[Any]:
        return []


class Owner:
    def __init__(self, name: str, place: Place, *, exclusive: bool) -> None:
        self.place = Place(name, "Owner", place, exclusive=exclusive)
        self.held: list[Any] = []
        self.closing = False
        self.holder: Any = None
        self.var = True

    def let_go(self, item: Any, moved: bool) -> None:
        if item in self.held:
            self.held.remove(item)

    def reaches(self) -> list[Any]:
        return list(self.held)


class Owned:
    def __init__(self, name: str, place: Place) -> None:
        self.place = Place(name, "Owned", place, exclusive=True)
        self.thing: Thing | None = None
        self.last: Thing | None = None
        self.moved = False
        self.var = True

    def let_go(self, item: Any, moved: bool) -> None:
        if self.thing is item:
            self.last, self.thing, self.moved = item, None, moved

    def reaches(self) -> list[Any]:
        return [self.thing] if self.thing else []


class Group:
    def __init__(self, name: str, place: Place, thing: Thing) -> None:
        self.place = Place(name, "Shared", place, exclusive=True)
        self.thing: Thing | None = thing
        self.last = thing
        self.sharers: dict[Shared, int] = {}
        #: The step of the handle that went last and did not release; it stays in the story.
        self.lost: int | None = None

    def let_go(self, item: Any, moved: bool) -> None:
        self.thing = None


class Shared:
    def __init__(self, group: Group) -> None:
        self.group = group
        self.var = True

    def reaches(self) -> list[Any]:
        return [self.group.thing] if self.group.thing else []


class Borrow:
    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.var = True

    def reaches(self) -> list[Any]:
        return [self.thing]


class Other:
    """An object, a task or a thread that owns something."""

    def __init__(self, name: str, kind: str, process: Place) -> None:
        self.place = Place(name, kind, process)
        self.var = True

    def reaches(self) -> list[Any]:
        return []


class Found:
    """A finding: what is known when it is made."""

    def __init__(self, rule: str, thing: Thing | None, step: int | None, *, raised: bool) -> None:
        self.rule, self.thing, self.step, self.raised = rule, thing, step, raised
        self.place = None if thing is None else thing.place
        self.allowed = None
        if thing is not None:
            self.allowed = thing.place.reason() or (thing.origin or thing.place).reason()


class Where:
    """Where a step runs: its place, its thread, and its line."""

    def __init__(self, step: int, place: Place, thread: object) -> None:
        self.step, self.place, self.thread = step, place, thread


class Model:
    """All that is known, and what every operation does."""

    def __init__(self, *, raising: bool) -> None:
        self.raising = raising
        self.process = Place("process", "process", None)
        self.things: list[Thing] = []
        self.others: list[Any] = []
        self.found: list[Found] = []
        #: What was released, in order.
        self.order: list[Thing] = []

    # -- findings ------------------------------------------------------------------------------------------------

    def misuse(self, rule: str, thing: Thing | None, where: Where, error: str) -> None:
        self.found.append(Found(rule, thing, where.step, raised=self.raising))
        if self.raising:
            raise Refused(error)

    def leak(self, thing: Thing, otherwise: str) -> Found:
        # what a scope leaves open is its own leak, also where it was handed over
        is_left = thing.is_orphan and (otherwise != "LT103" or thing.place.is_owner)
        rule = "LT105" if thing.state == "half" else "LT104" if is_left else otherwise
        return Found(rule, thing, None, raised=False)

    def file(self, thing: Thing, otherwise: str) -> Found:
        found = self.leak(thing, otherwise)
        thing.reported = True
        self.found.append(found)
        return found

    def live(self) -> list[Thing]:
        return [thing for thing in self.things if thing.is_open]

    def findings(self) -> list[Found]:
        return self.found + [self.leak(thing, "LT101") for thing in self.live() if not thing.reported]

    def above(self, found: Found, leaks: list[Found]) -> int | None:
        """Give the number of the nearest leaked thing that a leak is told with; of a circle the first is on top."""
        chain = [leaks.index(found)]
        while (upper := self._nearest(leaks[chain[-1]], leaks)) is not None and upper not in chain:
            chain.append(upper)
        if upper is not None and upper == chain[0] == min(chain):
            return None
        above = self._nearest(found, leaks)
        return None if above is None else leaks[above].thing.number

    def _nearest(self, found: Found, leaks: list[Found]) -> int | None:
        known = {leak.thing: number for number, leak in enumerate(leaks)}
        thing, place = found.thing, found.place
        seen = {thing}
        while True:
            upper = thing.parent or place.owner().thing
            if upper is None or upper in seen:
                return None
            if upper in known:
                # what is allowed does not hide what is not
                return known[upper] if leaks[known[upper]].allowed == found.allowed else None
            seen.add(upper)
            thing, place = upper, upper.place

    # -- acquire, use, release -------------------------------------------------------------------------------------

    def acquire(self, kind: str, where: Where, parent: Thing | None = None) -> Thing:
        thing = Thing(where.step, kind, where.place, where.thread)
        self.things.append(thing)
        if parent is not None and parent.is_open:
            thing.parent = parent
            parent.children.append(thing)
        return thing

    def elsewhere(self, thing: Thing, where: Where) -> bool:
        return thing.kind == "Bound" and where.thread is not thing.thread

    def use(self, thing: Thing, where: Where) -> None:
        if thing.state == "released":
            self.misuse("LT201", thing, where, "UseAfterReleaseError")
            return
        above = thing.parent
        while above is not None:
            if above.state == "released":
                self.misuse("LT305", thing, where, "UseAfterReleaseError")
                break
            above = above.parent
        if self.elsewhere(thing, where):
            self.misuse("LT401", thing, where, "OwnershipError")

    def release(self, thing: Thing, where: Where, *, acting: Place | None = None, awaited: bool = False) -> None:
        if thing.kind == "Coro" and not awaited:
            raise Refused("DeclarationError")
        if thing.state == "released":
            if thing.kind != "Again":
                self.misuse("LT202", thing, where, "DoubleReleaseError")
            self.run_release(thing)
            return
        if self.elsewhere(thing, where):
            self.misuse("LT401", thing, where, "OwnershipError")
        if acting is None or acting not in thing.place.lineage():
            if thing.lent:
                self.misuse("LT302", thing, where, "OwnershipError")
            owner = thing.place.owner()
            if owner.exclusive and not owner.gone() and owner not in where.place.lineage():
                self.misuse("LT301", thing, where, "OwnershipError")
        try:
            self.run_release(thing)
        except Refused:
            thing.state = "half"
            thing.events.append(("release-failed", None))
            raise
        thing.state = "released"
        thing.events.append(("released", where.step))
        self.let_go(thing, moved=False)
        if any(child.is_open for child in thing.children):
            self.misuse("LT303", thing, where, "OwnershipError")

    def run_release(self, thing: Thing) -> None:
        if thing.failures:
            thing.failures -= 1
            raise Refused("Broken")
        thing.closes += 1
        self.order.append(thing)

    # -- holding and moving ----------------------------------------------------------------------------------------

    def let_go(self, item: Any, *, moved: bool) -> None:
        holder, item.holder = item.holder, None
        if holder is not None:
            holder.let_go(item, moved)

    def hold(self, item: Any, holder: Any) -> None:
        if item.holder is not None and item.holder is not holder:
            item.holder.let_go(item, moved=True)
        item.holder = holder

    def hand_over(self, thing: Thing, place: Place, where: Where) -> None:
        if thing.state == "released":
            self.misuse("LT201", thing, where, "UseAfterReleaseError")
            return
        thing.origin = thing.origin or thing.place
        thing.place = place
        thing.events.append(("transferred", where.step))

    def check_shared(self, thing: Any) -> None:
        if isinstance(thing.holder, Group):
            raise Refused("OwnershipError")

    def transfer(self, thing: Thing, to: Any, where: Where) -> None:
        self.check_shared(thing)
        place = to if isinstance(to, Place) else to.place
        if isinstance(to, Owner) and to.closing:
            raise Refused("OwnershipError")
        if place.kind == "scope" and place.ended:
            raise Refused("ConfigurationError")
        if any(item.thing is thing for item in place.lineage()):
            raise Refused("OwnershipError")
        if thing.state == "released" and self.raising:
            self.hand_over(thing, place, where)
        self._receive(thing, to)
        self.hand_over(thing, place, where)

    def _receive(self, item: Any, to: Any) -> None:
        if isinstance(to, Owner):
            self.hold(item, to)
            to.let_go(item, moved=True)
            to.held.append(item)
        else:
            self.let_go(item, moved=True)

    def transfer_owner(self, owner: Owner, to: Any, where: Where) -> None:
        place = to if isinstance(to, Place) else to.place
        if isinstance(to, Owner) and to.closing:
            raise Refused("OwnershipError")
        if place.kind == "scope" and place.ended:
            raise Refused("ConfigurationError")
        if owner.place in place.lineage():
            raise Refused("OwnershipError")
        self._receive(owner, to)
        owner.place.parent = place

    def keep(self, item: Any, place: Place, where: Where) -> None:
        """Hand something out of a scope; a handle or an owner with what it holds."""
        if isinstance(item, Thing):
            self.hand_over(item, place, where)
        else:
            (item.group if isinstance(item, Shared) else item).place.parent = place

    # -- owners ------------------------------------------------------------------------------------------------------

    def make_owner(self, name: str, where: Where, parent: Owner | None, *, exclusive: bool) -> Owner:
        if parent is not None and parent.closing:
            raise Refused("OwnershipError")
        made = Owner(name, where.place, exclusive=exclusive)
        if parent is not None:
            self._receive(made, parent)
            made.place.parent = parent.place
        self.others.append(made)
        return made

    def release_owned(self, owner: Owner, item: Any, where: Where, *, awaited: bool) -> None:
        item.holder = None
        owner.held.remove(item)
        if isinstance(item, Owner):
            if not item.closing:
                self.close(item, where, awaited=awaited)
            return
        if item.state == "released":
            return
        if item.lent:
            self.misuse("LT304", item, where, "OwnershipError")
        self.release(item, where, acting=owner.place, awaited=awaited)

    def close(self, owner: Owner, where: Where, *, awaited: bool) -> None:
        owner.closing = True
        errors = []
        while owner.held:
            item = owner.held[-1]
            while isinstance(item, Thing):
                inner = [child for child in item.children if child.is_open and child in owner.held]
                if not inner:
                    break
                item = inner[-1]
            try:
                self.release_owned(owner, item, where, awaited=awaited)
            except Refused as error:
                errors.append(error.outcome)
        owner.place.ended = True
        if errors:
            raise Refused(errors)

    # -- handles -----------------------------------------------------------------------------------------------------

    def is_alive(self, thing: Thing | None) -> bool:
        return thing is not None and not thing.collected

    def emptied(self, handle: Owned | Shared, where: Where) -> Thing:
        """Use an empty handle: it still gives what it held, where that lives."""
        if isinstance(handle, Owned):
            last, gone = handle.last, not handle.moved
        else:
            last, gone = handle.group.thing or handle.group.last, handle.group.thing is None
        known = last if self.is_alive(last) else None
        rule, error = ("LT201", "UseAfterReleaseError") if gone else ("LT203", "UseAfterMoveError")
        self.misuse(rule, known, where, error)
        if known is None:
            raise Refused(error)
        return known

    def get(self, handle: Owned | Shared, where: Where) -> Thing:
        if isinstance(handle, Owned):
            return handle.thing or self.emptied(handle, where)
        group = handle.group
        return group.thing if handle in group.sharers and group.thing else self.emptied(handle, where)

    def take(self, handle: Owned, thing: Thing, where: Where) -> None:
        self.check_shared(thing)
        if thing.state == "released" and self.raising:
            self.hand_over(thing, handle.place, where)
        self.hold(thing, handle)
        handle.thing, handle.moved = thing, False
        self.hand_over(thing, handle.place, where)

    def make_owned(self, name: str, source: Any, where: Where) -> Owned:
        thing = self.get(source, where) if isinstance(source, Owned) else source
        made = Owned(name, where.place)
        self.take(made, thing, where)
        self.others.append(made)
        return made

    def release_handle(self, handle: Owned | Shared, where: Where, *, awaited: bool) -> None:
        if isinstance(handle, Shared):
            self._release_shared(handle, where, awaited=awaited)
            return
        thing = handle.thing
        if thing is None:
            self._empty_release(handle.last, where, moved=handle.moved)
            return
        self._owners_release(thing, handle, where, awaited=awaited)
        thing.holder = None
        handle.let_go(thing, moved=False)

    def _owners_release(self, thing: Thing, holder: Any, where: Where, *, awaited: bool) -> None:
        if thing.kind == "Coro" and not awaited:
            raise Refused("DeclarationError")
        if thing.state == "released":  # that it was taken in at all is the mistake, and was told
            self.run_release(thing)
            return
        if thing.lent:
            self.misuse("LT302", thing, where, "OwnershipError")
        self.release(thing, where, acting=holder.place, awaited=awaited)

    def _empty_release(self, last: Thing | None, where: Where, *, moved: bool) -> None:
        known = last if self.is_alive(last) else None
        if moved:
            self.misuse("LT203", known, where, "UseAfterMoveError")
        elif known is None or known.kind != "Again":
            self.misuse("LT202", known, where, "DoubleReleaseError")

    def reset(self, handle: Owned, thing: Thing | None, where: Where) -> None:
        if handle.thing is not None:
            self.release_handle(handle, where, awaited=False)
        if thing is not None:
            self.take(handle, thing, where)

    def make_shared(self, name: str, source: Any, where: Where) -> Shared:
        if isinstance(source, Shared):
            group = source.group
        else:
            thing = self.get(source, where) if isinstance(source, Owned) else source
            if isinstance(thing.holder, Group):
                group = thing.holder
            else:
                if thing.state == "released" and self.raising:
                    self.hand_over(thing, thing.place, where)
                group = Group(name, where.place, thing)
                self.hold(thing, group)
                self.hand_over(thing, group.place, where)
        return self._join(group, where)

    def _join(self, group: Group, where: Where) -> Shared:
        made = Shared(group)
        group.sharers[made] = where.step
        self.others.append(made)
        return made

    def clone(self, handle: Shared, where: Where) -> Shared:
        if handle not in handle.group.sharers or handle.group.thing is None:
            self.emptied(handle, where)
        return self._join(handle.group, where)

    def _release_shared(self, handle: Shared, where: Where, *, awaited: bool) -> None:
        group = handle.group
        if handle not in group.sharers:
            self._empty_release(group.thing or group.last, where, moved=False)
            return
        step = group.sharers.pop(handle)
        if group.sharers or group.thing is None:
            return
        thing = group.thing
        try:
            self._owners_release(thing, group, where, awaited=awaited)
        except Refused:
            if group.thing is not None:
                group.sharers[handle] = step
            raise
        thing.holder = None
        group.let_go(thing, moved=False)

    # -- borrows and scopes --------------------------------------------------------------------------------------------

    def borrow(self, thing: Thing, where: Where) -> Borrow:
        made = Borrow(thing)
        if thing.state == "released":
            self.misuse("LT201", thing, where, "UseAfterReleaseError")
        else:
            thing.lent.append(made)
            thing.events.append(("borrowed", where.step))
        self.others.append(made)
        return made

    def give_back(self, borrow: Borrow, where: Where) -> None:
        borrow.var = False
        if borrow in borrow.thing.lent:
            borrow.thing.lent.remove(borrow)
            borrow.thing.events.append(("returned", where.step))

    def belongs(self, thing: Thing, scope: Place, place: Place | None = None) -> bool:
        return scope in (place or thing.place).lineage() or (
            thing.is_orphan and thing.origin is not None and scope in thing.origin.lineage()
        )

    def end_scope(self, scope: Place) -> None:
        scope.ended = True
        leaked = [thing for thing in self.live() if not thing.reported and self.belongs(thing, scope)]
        raising = [self.file(thing, "LT103") for thing in leaked]
        raising += [
            found
            for found in self.found
            if found.rule == "LT102" and not found.raised and self.belongs(found.thing, scope, found.place)
        ]
        if not self.raising:
            return
        told = [found for found in raising if found.allowed is None]
        if told:
            for found in raising:
                found.raised = True
            raise Refused("LeakError")

    # -- the collector -------------------------------------------------------------------------------------------------

    def collect(self) -> bool:
        """Let go of all that nothing leads to; tell whether an owner went."""
        reached: set[Any] = set()
        stack = [item for item in (*self.things, *self.others) if item.var]
        while stack:
            item = stack.pop()
            if item not in reached:
                reached.add(item)
                stack += item.reaches()
        gone = [item for item in self.others if item not in reached]
        self.others = [item for item in self.others if item in reached]
        ended: list[Place] = []
        for item in gone:
            ended += self._finalize(item)
        dead = [thing for thing in self.things if not thing.collected and thing not in reached]
        due = [thing for thing in dead if thing.is_open]
        for thing in dead:
            thing.collected = True
        for thing in due:
            if not thing.reported:
                self.file(thing, "LT102")
        for thing in self.live():
            if thing.place in ended and not thing.reported:
                self.file(thing, "LT104")
        return bool(gone)

    def _finalize(self, item: Any) -> list[Place]:
        place = item.place if isinstance(item, (Owner, Owned)) else None
        if isinstance(item, Owner):
            place.ended, unclosed = True, bool(item.held) and not item.closing
            for held in item.held:
                held.holder = None
        elif isinstance(item, Owned):
            place.ended, unclosed = True, item.thing is not None
            if item.thing is not None:
                item.thing.holder = None
        elif isinstance(item, Shared):
            group, place = item.group, item.group.place
            step = group.sharers.pop(item, None)
            unclosed = step is not None and not group.sharers and group.thing is not None
            if unclosed:
                group.thing.holder, group.lost, place.ended = None, step, True
                group.last, group.thing = group.thing, None
        else:
            if isinstance(item, Other):
                item.place.ended = True
            return []
        return [place] if unclosed else []
