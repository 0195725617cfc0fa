"""Random sequences of all operations, against a model that was written without looking inside.

Every step runs on a line of its own, so that each finding must name the right acquisition and the right misuse. Set
``MACHINE_EXAMPLES`` to try that many other sequences than the ones of every run.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import linecache
import os
import sys
import threading
import weakref
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from lifetrack.ownership.borrowing import borrow
from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.sharing import Shared, Weak
from lifetrack.ownership.transfers import owner_of, transfer
from lifetrack.tracker import Tracker
from tests.ownership import model as m

FILE = "<machine>"
# Each line has a text of its own, or else a report would group what happens on different ones.
linecache.cache[FILE] = (1, None, [f"step {number}\n" for number in range(1, 5000)], FILE)
picks = st.integers(0, 50)
wheres = st.sampled_from(["here", "here", "here", "thread", "task"])
kinds = st.sampled_from(["Plain", "Plain", "Sub", "Again", "Bound", "Coro", "Single"])
flags = st.booleans()


#: Events whose place is not compared: that of the error, and the end of a borrow, which level sites does not keep.
UNPLACED = {"release-failed", "returned"}


class Broken(Exception):
    """What a release that fails raises."""


@functools.lru_cache(4096)
def program(line, source, is_async=False):
    """Compile a step to stand on a line of its own."""
    head = "async def act(e): return await " if is_async else "def act(e): return "
    namespace = {}
    exec(compile("\n" * (line - 1) + head + source, FILE, "exec"), namespace)
    return namespace["act"]


def outcome(error):
    if isinstance(error, BaseExceptionGroup):
        return [outcome(each) for each in error.exceptions]
    return type(error).__name__


def attempt(act, e):
    """Run a step; give its result and what it raised, without keeping anything alive."""
    try:
        return act(e), None
    except Exception as error:
        return None, outcome(error)


async def attempt_async(act, e):
    try:
        result = act(e)
        return (await result if asyncio.iscoroutine(result) else result), None
    except Exception as error:
        return None, outcome(error)


class Plugin:
    """An object that owns things, and is none itself."""


class Foreign:
    """A class that is not declared; its objects are tracked one by one."""

    def __init__(self):
        self.failures = self.closes = 0

    def close(self):
        if self.failures:
            self.failures -= 1
            raise Broken
        self.closes += 1

    def use(self):
        return 1


def declared(tracker):  # noqa: C901 - several small classes
    """Make the classes of one run, declared with its tracker."""

    class Base:
        def __init__(self):
            self.failures = self.closes = 0

        def use(self):
            return 1

        def child(self, make):
            return make()

        order = []

        def _close(self):
            if self.failures:
                self.failures -= 1
                raise Broken
            self.closes += 1
            self.order.append(id(self))

    @tracker.tracked(release="close", children=("child",))
    class Plain(Base):
        def close(self):
            self._close()

    class Sub(Plain):
        def __init__(self):
            super().__init__()
            self.more = 1

        def close(self):
            super().close()
            self.more = 0

    @tracker.tracked(idempotent=True, children=("child",))
    class Again(Base):
        def close(self):
            self._close()

    @tracker.tracked(thread_bound=True)
    class Bound(Base):
        def use(self):
            return 1

        def close(self):
            self._close()

    @tracker.tracked(children=("child",))
    class Coro(Base):
        async def aclose(self):
            await asyncio.sleep(0)
            self._close()

    return {cls.__name__: cls for cls in (Plain, Sub, Again, Bound, Coro)}


class Machine(RuleBasedStateMachine):
    """Does the same to lifetrack and to the model, and compares."""

    def __init__(self, level, policy):
        super().__init__()
        self.tracker = Tracker()
        self.classes = declared(self.tracker)
        self.tracker.start(level, policy=policy, report=False)
        self.loop = asyncio.new_event_loop()
        self.model = m.Model(raising=policy == "raise")
        self.current = self.model.process
        self.step = 0
        self.real = {}
        self.blocks = []
        self.weak = []
        self.waiting = []
        self.stormed = False
        self.main = object()

    # -- running a step in both worlds --------------------------------------------------------------------------------

    def where(self, kind):
        self.step += 1
        return m.Where(self.step, self.current, object() if kind == "thread" else self.main)

    def do(self, kind, source, e, *, is_async=False):
        """Run a step in lifetrack's world."""
        act = program(self.step, source, is_async)
        if is_async or kind == "task":
            return self.loop.run_until_complete(attempt_async(act, e))
        if kind == "thread":
            box = []
            worker = threading.Thread(target=lambda: box.append(attempt(act, e)))
            worker.start()
            worker.join()
            return box.pop()
        return attempt(act, e)

    def both(self, kind, source, operation, e=None, *, is_async=False):
        """Run a step in both worlds and compare what comes out; give the model's and the real result."""
        where = self.where(kind)
        expected, result = None, None
        try:
            result = operation(where)
        except m.Refused as error:
            expected = error.outcome
        real, raised = self.do(kind, source, SimpleNamespace() if e is None else e, is_async=is_async)
        assert raised == expected, (source, raised, expected)
        return result, real

    def some(self, index, *types):
        """Pick one of those that the program has a variable for."""
        found = [item for item in self.real if isinstance(item, types)]
        return found[index % len(found)] if found else None

    def has(self, *types):
        return any(isinstance(item, types) for item in self.real)

    def settle(self):
        """Let the model collect; look at once where an owner went, which is judged when somebody looks."""
        if self.model.collect():
            self.look()

    # -- acquire, use, release ----------------------------------------------------------------------------------------

    @rule(kind=kinds, where=wheres)
    def acquire(self, kind, where):
        e = SimpleNamespace(cls=self.classes.get(kind), track=self.tracker.track, foreign=Foreign())
        source = "e.track(e.foreign)" if kind == "Single" else "e.cls()"
        thing, real = self.both(where, source, lambda w: self.model.acquire(kind, w), e)
        self.real[thing] = real

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, kind=kinds, where=wheres)
    def make_child(self, i, kind, where):
        parent = self.some(i, m.Thing)
        if parent.kind in {"Single", "Bound"} or kind == "Single":
            return
        make = functools.partial(program(self.step + 1, "e.cls()"), SimpleNamespace(cls=self.classes[kind]))

        def operation(w):
            self.model.use(parent, w)
            return self.model.acquire(kind, w, parent)

        e = SimpleNamespace(parent=self.real[parent], make=make)
        thing, real = self.both(where, "e.parent.child(e.make)", operation, e)
        if thing is not None:
            self.real[thing] = real

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks)
    def track_child(self, i):
        parent = self.some(i, m.Thing)
        e = SimpleNamespace(track=self.tracker.track, foreign=Foreign(), parent=self.real[parent])
        source = "e.track(e.foreign, parent=e.parent)"
        thing, real = self.both("here", source, lambda w: self.model.acquire("Single", w, parent), e)
        self.real[thing] = real

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, where=wheres)
    def use(self, i, where):
        thing = self.some(i, m.Thing)
        e = SimpleNamespace(obj=self.real[thing])
        self.both(where, "e.obj.use()", lambda w: self.model.use(thing, w), e)

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, where=wheres)
    def release(self, i, where):
        thing = self.some(i, m.Thing)
        is_async = thing.kind == "Coro"
        if is_async and where == "thread":
            where = "task"
        e = SimpleNamespace(obj=self.real[thing])
        source = "e.obj.aclose()" if is_async else "e.obj.close()"
        self.both(where, source, lambda w: self.model.release(thing, w, awaited=True), e, is_async=is_async)
        self.settle()

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, times=st.integers(1, 2))
    def let_fail(self, i, times):
        thing = self.some(i, m.Thing)
        thing.failures = self.real[thing].failures = times

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, tangled=flags, where=st.sampled_from(["here", "thread"]))
    def drop(self, i, tangled, where):
        """Drop the program's variable; where the object refers to itself, the collector has to come."""
        thing = self.some(i, m.Thing)
        box = _Collecting([self.real.pop(thing)])
        thing.var = False
        if tangled and thing.kind not in {"Bound", "Single"}:
            self.model.collect()
            if thing.collected:
                box[0].itself = box[0]
                self.both(where, "e.collect()", lambda w: None, box)
        self.both(where, "e.clear()", lambda w: None, box)
        self.settle()

    @precondition(lambda self: not self.stormed)
    @rule(kind=st.sampled_from(["Plain", "Single", "Bound"]), released=flags)
    def storm(self, kind, released):
        """The same mistake very often, at one place."""
        self.stormed = True
        # No function of the test's own may stand between the step and what it makes.
        e = SimpleNamespace(cls=self.classes.get(kind, Foreign), track=self.tracker.track)
        if not released:

            def operation(w):
                for _ in range(110):
                    self.model.acquire(kind, w).var = False
                self.model.collect()

            self.both("here", "[None for _ in range(110) if not e.track(e.cls())]", operation, e)
        elif not self.model.raising:
            thing, real = self.both("here", "e.track(e.cls())", lambda w: self.model.acquire(kind, w), e)
            self.both("here", "e.close()", lambda w: self.model.release(thing, w), real)
            self.real[thing] = real
            operation = lambda w: [self.model.use(thing, w) for _ in range(110)]  # noqa: E731
            self.both("here", "[e.use() for _ in range(110)]", operation, real)
        self.settle()

    # -- transfers ----------------------------------------------------------------------------------------------------

    def target(self, i, kind):
        """Pick where to transfer to: the model's and the real one."""
        if kind == "scope":
            scopes = [(place, block) for place, block in self.blocks if place.kind == "scope"]
            return scopes[i % len(scopes)] if scopes else (None, None)
        types = {"owner": m.Owner, "thing": m.Thing, "other": m.Other}
        to = self.some(i, types[kind])
        if kind == "thing" and to is not None:
            return self.object_place(to), self.real[to]
        return to, self.real.get(to)

    def object_place(self, thing):
        """Give the place of a thing that owns things."""
        if not hasattr(thing, "as_owner"):
            kind = thing.kind if thing.kind != "Single" else "Foreign"
            thing.as_owner = m.Place(kind, "object", None, thing=thing)
            thing.as_owner.real = weakref.ref(self.real[thing])
        return thing.as_owner

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, j=picks, kind=st.sampled_from(["owner", "owner", "scope", "thing", "other"]), where=wheres)
    def transfer_thing(self, i, j, kind, where):
        thing = self.some(i, m.Thing)
        to, real = self.target(j, kind)
        if to is None or (kind == "thing" and to.thing is thing and thing.state == "released"):
            return
        e = SimpleNamespace(transfer=transfer, obj=self.real[thing], to=real)
        self.both(where, "e.transfer(e.obj, to=e.to)", lambda w: self.model.transfer(thing, to, w), e)
        self.settle()

    @precondition(lambda self: self.has(m.Owner))
    @rule(i=picks, j=picks, kind=st.sampled_from(["owner", "owner", "scope", "thing", "other"]), where=wheres)
    def transfer_owner(self, i, j, kind, where):
        owner = self.some(i, m.Owner)
        to, real = self.target(j, kind)
        if to is None:
            return
        e = SimpleNamespace(transfer=transfer, obj=self.real[owner], to=real)
        self.both(where, "e.transfer(e.obj, to=e.to)", lambda w: self.model.transfer_owner(owner, to, w), e)
        self.settle()

    @precondition(lambda self: self.has(m.Owned, m.Shared))
    @rule(i=picks, j=picks, kind=st.sampled_from(["owner", "scope", "thing", "other"]))
    def transfer_handle(self, i, j, kind):
        handle = self.some(i, m.Owned, m.Shared)
        to, real = self.target(j, kind)
        if to is None:
            return

        def operation(w):
            if isinstance(handle, m.Shared):
                if handle.group.thing is None or not handle.group.sharers:
                    return
                raise m.Refused("OwnershipError")
            self.model.transfer(self.model.get(handle, w), to, w)

        if isinstance(handle, m.Shared) and not (handle.group.thing and handle.group.sharers):
            return  # an empty handle has nothing to transfer
        e = SimpleNamespace(transfer=transfer, obj=self.real[handle], to=real)
        self.both("here", "e.transfer(e.obj, to=e.to)", operation, e)
        self.settle()

    # -- owners -------------------------------------------------------------------------------------------------------

    @rule(i=picks, nested=flags, exclusive=flags, where=wheres)
    def make_owner(self, i, nested, exclusive, where):
        parent = self.some(i, m.Owner) if nested else None
        name = f"owner {self.step + 1}"
        e = SimpleNamespace(Owner=Owner, name=name, parent=self.real.get(parent), exclusive=exclusive)
        owner, real = self.both(
            where,
            "e.Owner(e.name, parent=e.parent, exclusive=e.exclusive)",
            lambda w: self.model.make_owner(name, w, parent, exclusive=exclusive),
            e,
        )
        if owner is not None:
            self.real[owner] = real
            owner.place.real = weakref.ref(real)

    @precondition(lambda self: self.has(m.Owner))
    @rule(i=picks, awaited=flags, where=wheres)
    def close_owner(self, i, awaited, where):
        owner = self.some(i, m.Owner)
        where = "task" if awaited else where
        e = SimpleNamespace(owner=self.real[owner])
        source = "e.owner.aclose()" if awaited else "e.owner.close()"
        done, before = self.classes["Plain"].order, len(self.model.order)
        done.clear()
        self.both(where, source, lambda w: self.model.close(owner, w, awaited=awaited), e, is_async=awaited)
        # What the program has no variable for is not known by its address.
        known = {id(real): thing for thing, real in self.real.items()}
        assert [known[key] for key in done if key in known] == [
            thing for thing in self.model.order[before:] if thing in self.real and thing.kind != "Single"
        ]
        self.settle()

    @precondition(lambda self: self.has(m.Owner) and self.has(m.Thing))
    @rule(i=picks, j=picks)
    def release_by_owner(self, i, j):
        owner, thing = self.some(i, m.Owner), self.some(j, m.Thing)
        awaited = thing.kind == "Coro"

        def operation(w):
            if thing not in owner.held:
                raise m.Refused("OwnershipError")
            self.model.release_owned(owner, thing, w, awaited=awaited)

        e = SimpleNamespace(owner=self.real[owner], obj=self.real[thing])
        source = "e.owner.arelease(e.obj)" if awaited else "e.owner.release(e.obj)"
        self.both("here", source, operation, e, is_async=awaited)
        self.settle()

    @precondition(lambda self: self.has(m.Owner, m.Owned, m.Shared, m.Other))
    @rule(i=picks)
    def drop_holder(self, i):
        """An owner, a handle or an object that owns goes without a word."""
        holder = self.some(i, m.Owner, m.Owned, m.Shared, m.Other)
        if holder in self.waiting:
            return
        self.real.pop(holder)
        holder.var = False
        self.settle()

    @precondition(lambda self: sum(isinstance(item, m.Other) for item in self.real) < 4)
    @rule(kind=st.sampled_from(["object", "task", "thread"]))
    def make_other(self, kind):
        name = f"{kind} {self.step}"
        if kind == "object":
            name, real = "Plugin", Plugin()
        elif kind == "task":
            real = self.loop.create_task(asyncio.sleep(1000), name=name)
        else:
            event = threading.Event()
            real = threading.Thread(target=event.wait, name=name, daemon=True)
            real.event = event
            real.start()
        other = m.Other(name, kind, self.model.process)
        other.place.real = weakref.ref(real)
        self.model.others.append(other)
        self.real[other] = real
        if kind != "object":
            self.waiting.append(other)

    @precondition(lambda self: self.waiting)
    @rule(i=picks)
    def end_other(self, i):
        self.end_one(self.waiting[i % len(self.waiting)])

    def end_one(self, other):
        self.waiting.remove(other)
        real = self.real[other]
        if other.place.kind == "task":
            real.cancel()
            self.loop.run_until_complete(asyncio.wait([real]))
        else:
            real.event.set()
            real.join()
        other.place.ended = True

    # -- handles ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, handle=flags, where=wheres)
    def make_owned(self, i, handle, where):
        source = self.some(i, m.Owned) if handle else None
        source = source or self.some(i, m.Thing)
        name = f"owned {self.step + 1}"
        e = SimpleNamespace(Owned=Owned, obj=self.real[source], name=name)
        made, real = self.both(
            where, "e.Owned(e.obj, name=e.name)" if not (coro := self._coro(source)) else
            "e.Owned(e.obj, name=e.name, release='aclose')",
            lambda w: self.model.make_owned(name, source, w), e,
        )  # fmt: skip
        assert coro in (True, False)
        self.adopt(made, real)

    def _coro(self, source):
        return isinstance(source, m.Thing) and source.kind == "Coro"

    def adopt(self, made, real):
        if made is not None:
            self.real[made] = real
            if isinstance(made, m.Owned):
                made.place.real = weakref.ref(real)
        del real
        self.settle()

    @precondition(lambda self: self.has(m.Owned))
    @rule(i=picks, where=wheres)
    def move(self, i, where):
        handle = self.some(i, m.Owned)

        def operation(w):
            return self.model.make_owned(handle.place.name, handle, w)

        self.adopt(*self.both(where, "e.h.move()", operation, SimpleNamespace(h=self.real[handle])))

    @precondition(lambda self: self.has(m.Owned, m.Shared))
    @rule(i=picks, where=wheres, through=flags)
    def get(self, i, where, through):
        """Reach through a handle, and use what it gives."""
        handle = self.some(i, m.Owned, m.Shared)

        def operation(w):
            self.model.use(self.model.get(handle, w), w)

        source = "e.h.use()" if through else "e.h.get().use()"
        self.both(where, source, operation, SimpleNamespace(h=self.real[handle]))

    @precondition(lambda self: self.has(m.Owned, m.Shared))
    @rule(i=picks, awaited=flags, where=wheres)
    def release_handle(self, i, awaited, where):
        handle = self.some(i, m.Owned, m.Shared)
        where = "task" if awaited else where
        source = "e.h.arelease()" if awaited else "e.h.release()"
        self.both(
            where, source, lambda w: self.model.release_handle(handle, w, awaited=awaited),
            SimpleNamespace(h=self.real[handle]), is_async=awaited,
        )  # fmt: skip
        self.settle()

    @precondition(lambda self: self.has(m.Owned))
    @rule(i=picks, j=picks, empty=flags)
    def reset(self, i, j, empty):
        handle = self.some(i, m.Owned)
        thing = None if empty else self.some(j, m.Thing)
        e = SimpleNamespace(h=self.real[handle], obj=None if thing is None else self.real[thing])
        self.both("here", "e.h.reset(e.obj)", lambda w: self.model.reset(handle, thing, w), e)
        self.settle()

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, of=st.sampled_from([m.Thing, m.Thing, m.Owned, m.Shared]), where=wheres)
    def share(self, i, of, where):
        source = self.some(i, of) or self.some(i, m.Thing)
        if isinstance(source, m.Shared) and (source not in source.group.sharers or source.group.thing is None):
            return
        name = f"shared {self.step + 1}"
        e = SimpleNamespace(Shared=Shared, obj=self.real[source], name=name)
        operation = lambda w: self.model.make_shared(name, source, w)  # noqa: E731
        made, real = self.both(where, "e.Shared(e.obj, name=e.name)", operation, e)
        self.adopt(made, real)

    @precondition(lambda self: self.has(m.Shared))
    @rule(i=picks, where=wheres)
    def clone(self, i, where):
        handle = self.some(i, m.Shared)
        e = SimpleNamespace(h=self.real[handle])
        self.adopt(*self.both(where, "e.h.clone()", lambda w: self.model.clone(handle, w), e))

    @precondition(lambda self: self.has(m.Shared) and len(self.weak) < 5)
    @rule(i=picks)
    def make_weak(self, i):
        handle = self.some(i, m.Shared)
        self.weak.append((handle.group, Weak(self.real[handle])))

    # -- borrows and scopes -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.has(m.Thing, m.Owned, m.Shared))
    @rule(i=picks, handle=flags, where=wheres)
    def borrow(self, i, handle, where):
        source = (self.some(i, m.Owned, m.Shared) if handle else None) or self.some(i, m.Thing)
        if source is None:
            return

        def operation(w):
            return self.model.borrow(source if isinstance(source, m.Thing) else self.model.get(source, w), w)

        e = SimpleNamespace(borrow=borrow, obj=self.real[source], kept=[])
        made, _ = self.both(where, "e.kept.append(e.borrow(e.obj)) or e.kept[-1].__enter__()", operation, e)
        if made is not None:
            self.real[made] = e.kept.pop()
        del _
        self.settle()

    @precondition(lambda self: self.has(m.Borrow))
    @rule(i=picks, where=wheres)
    def give_back(self, i, where):
        lent = self.some(i, m.Borrow)
        e = SimpleNamespace(b=self.real.pop(lent))
        self.both(where, "e.b.__exit__(None, None, None)", lambda w: self.model.give_back(lent, w), e)
        del e
        self.settle()

    @rule(count=st.integers(2, 4), nested=flags, failing=st.integers(0, 4), child=flags, awaited=flags)
    def fill_and_close(self, count, nested, failing, child, awaited):
        """An owner of several, also of another owner, of a child of one of them, and of one whose release fails."""
        self.make_owner(0, False, False, "here")
        owner = list(self.real)[-1]
        for number in range(count):
            self.acquire("Plain", "here")
            self.transfer_last(owner)
            if number == failing:
                thing = list(self.real)[-1]
                thing.failures = self.real[thing].failures = 1
        if child:
            self.make_child(list(map(id, self.things())).index(id(list(self.real)[-1])), "Sub", "here")
            if isinstance(list(self.real)[-1], m.Thing):
                self.transfer_last(owner)
        if nested:
            self.make_owner(0, False, False, "here")
            self.transfer_last(owner)
        owners = [item for item in self.real if isinstance(item, m.Owner)]
        self.close_owner(owners.index(owner), awaited, "here")

    def things(self):
        return [item for item in self.real if isinstance(item, m.Thing)]

    def transfer_last(self, owner):
        item = list(self.real)[-1]
        e = SimpleNamespace(transfer=transfer, obj=self.real[item], to=self.real[owner])
        operation = self.model.transfer_owner if isinstance(item, m.Owner) else self.model.transfer
        self.both("here", "e.transfer(e.obj, to=e.to)", lambda w: operation(item, owner, w), e)

    @rule(allow=flags, released=flags, where=wheres)
    def hand_to_a_scope(self, allow, released, where):
        """What is older than a scope comes to it, and is leaked there or not."""
        if allow:
            self.enter(True, False)
        self.acquire("Plain", where)
        thing = list(self.real)[-1]
        if allow:
            self.leave(-1)
        self.enter(False, False)
        place, block = self.blocks[-1]
        e = SimpleNamespace(transfer=transfer, obj=self.real[thing], to=block)
        self.both(where, "e.transfer(e.obj, to=e.to)", lambda w: self.model.transfer(thing, place, w), e)
        if released:
            self.both(where, "e.close()", lambda w: self.model.release(thing, w), e.obj)
        self.leave(-1)

    @precondition(lambda self: self.has(m.Thing))
    @rule(i=picks, order=st.permutations(["lend", "lend", "back", "release", "use"]), where=wheres, kind=kinds)
    def lend_a_new_one(self, i, order, where, kind):
        """A borrow, its end and a release close to each other, as random steps rarely are."""
        if kind in {"Coro", "Single"}:
            return
        thing, real = self.both("here", "e()", lambda w: self.model.acquire(kind, w), self.classes[kind])
        self.real[thing] = real
        lent = []
        for word in order:
            if word == "lend":
                e = SimpleNamespace(lent=lent, borrow=borrow, obj=real)
                source = "e.lent.append(e.borrow(e.obj)) or e.lent[-1].__enter__()"
                made, _ = self.both("here", source, lambda w: self.model.borrow(thing, w), e)
                if made is not None:
                    self.real[made] = lent.pop()
            elif word == "back" and self.has(m.Borrow):
                self.give_back(-1, where)
            elif word == "release":
                self.both(where, "e.close()", lambda w: self.model.release(thing, w), real)
            elif word == "use":
                self.both(where, "e.use()", lambda w: self.model.use(thing, w), real)
        del real
        lent.clear()
        self.settle()

    @precondition(lambda self: len(self.blocks) < 4)
    @rule(allow=flags, exclusive=flags)
    def enter(self, allow, exclusive):
        where = self.where("here")
        name = f"block {where.step}"
        block = self.tracker.allow(name) if allow else self.tracker.scope(name, exclusive=exclusive)
        place = m.Place(name, "allow" if allow else "scope", self.current, exclusive=exclusive and not allow)
        place.real = lambda: block
        assert self.do("here", "e.__enter__()", block)[1] is None
        self.blocks.append((place, block))
        self.current = place

    @precondition(lambda self: self.blocks)
    @rule(i=st.sampled_from([-1, -1, -1, 0, 1]))
    def leave(self, i):
        place, block = self.blocks.pop(i % len(self.blocks))

        def operation(w):
            place.ended = True
            if self.current is place:
                self.current = next(item for item in place.lineage() if not item.ended)
            if place.kind == "scope":
                self.model.end_scope(place)

        self.both("here", "e.__exit__(None, None, None)", operation, block)

    @precondition(lambda self: self.has(m.Thing, m.Owner, m.Owned, m.Shared))
    @rule(i=picks, j=picks, of=st.sampled_from([m.Thing, m.Thing, m.Owner, m.Owned, m.Shared]))
    def keep(self, i, j, of):
        item = self.some(i, of)
        place, block = self.target(j, "scope")
        if item is None or block is None:
            return
        operation = lambda w: self.model.keep(item, place.parent.owner(), w)  # noqa: E731
        self.both("here", "e.block.keep(e.item)", operation, SimpleNamespace(block=block, item=self.real[item]))

    @rule(kind=st.sampled_from(["Plain", "Sub", "Bound"]), where=wheres, released=flags)
    def block_elsewhere(self, kind, where, released):
        """A scope that begins and ends in a thread or a task."""
        step = self.step + 1
        inner = m.Place(f"inner {step}", "scope", self.current)

        def operation(w):
            thing = self.model.acquire(kind, m.Where(w.step, inner, w.thread))
            if released:
                self.model.release(thing, w)
            thing.var = False
            self.model.others.append(thing)  # the step keeps it until the scope has ended
            try:
                self.model.end_scope(inner)
            finally:
                self.model.others.remove(thing)
                self.model.collect()

        e = SimpleNamespace(scope=self.tracker.scope(inner.name), cls=self.classes[kind], kept=[], release=released)
        source = (
            "(e.scope.__enter__(), e.kept.append(e.cls()), e.release and e.kept[0].close(), "
            "e.scope.__exit__(None, None, None))"
        )
        self.both(where, source, operation, e)
        del e
        self.settle()

    # -- comparing ----------------------------------------------------------------------------------------------------

    @invariant()
    def owners_are_right(self):
        """Without a look: who owns what, how many share, what is lent still lives."""
        for item, real in self.real.items():
            if isinstance(item, m.Thing):
                place = item.place.owner()
                owner = None if place.real is None or place.kind == "Shared" else place.real()
                found = owner_of(real)
                if owner is not None:
                    assert found is owner, (found, owner)
                else:
                    name = found.name.rpartition(".")[2], found.kind
                    assert name == (place.name, place.kind), (name, place.name, place.kind)
                assert real.closes == item.closes, (item.number, item.kind, real.closes, item.closes)
            elif isinstance(item, m.Owner):
                assert real.closed == item.closing
                assert [id(obj) for obj in real.owned] == [id(self.real.get(obj, obj)) for obj in item.held] or any(
                    obj not in self.real for obj in item.held
                )
                assert len(real.owned) == len(item.held)
            elif isinstance(item, m.Owned):
                assert bool(real) == (item.thing is not None), repr(real)
            elif isinstance(item, m.Shared):
                assert bool(real) == (item in item.group.sharers), repr(real)
                assert real.use_count == len(item.group.sharers) + (item.group.lost is not None)
        for group, real in self.weak:
            locked = real.lock()
            assert (locked is not None) == (group.thing is not None and bool(group.sharers))

    @rule()
    def look(self):
        """Compare every finding, every total, every live resource and every history."""
        report = self.tracker.report()
        expected = self.model.findings()
        leaked = [found for found in expected if found.rule.startswith("LT1")]
        real = Counter()
        for finding in report.findings:
            tell(real, finding, None)
        told = [self.told(leaked, found) for found in expected]
        told_once = Counter(told)
        assert real == told_once, f"not told: {told_once - real}; told in vain: {real - told_once}"
        things = self.model.things
        live = self.model.live()
        released = sum(thing.state == "released" for thing in things)
        totals = report.totals
        assert (totals.acquired, totals.released, totals.live) == (len(things), released, len(live)), (totals, released)
        # Those that are told with another one, and those that are allowed, do not count.
        count = sum(not found.allowed and not key[-1] for found, key in zip(expected, told, strict=True))
        assert totals.findings == count, totals
        states = {"live": "live", "half": "half-released"}
        assert Counter((each.site.line, each.state) for each in self.tracker.snapshot().live) == Counter(
            (thing.number, states[thing.state]) for thing in live
        )
        for thing, obj in self.real.items():
            if isinstance(thing, m.Thing):
                self.compare_history(thing, obj)

    def told(self, leaked, found):
        thing, place = found.thing, found.place
        if thing is None:
            return found.rule, "object", None, found.step, "process", "process", None, None
        owner = place.owner()
        above = self.model.above(found, leaked) if found.rule.startswith("LT1") else None
        kind = "Foreign" if thing.kind == "Single" else thing.kind
        allowed = None if owner.is_owner else found.allowed
        return found.rule, kind, thing.number, found.step, owner.name, owner.kind, allowed, above

    def compare_history(self, thing, obj):
        if len(thing.events) > 12:
            return
        # Who shares it now is told too, and compared by use_count.
        found = [
            (event.event, None if event.event in UNPLACED else event.stack[0].line)
            for event in self.tracker.history(obj)
            if event.event != "shared"
        ]
        events = [(word, None if word in UNPLACED else line) for word, line in thing.events]
        assert Counter(found) == Counter(events), (found, thing.events)

    def teardown(self):
        try:
            if sys.exc_info()[0] is None:
                self.look()
        finally:
            for other in list(self.waiting):
                self.end_one(other)
            self.loop.close()
            self.real.clear()
            self.tracker.stop()


def tell(found, finding, above):
    """Note a finding and those below it."""
    site = finding.site
    assert site is None or site.file == FILE, site
    line = None if site is None else site.line
    misuse = finding.misuse
    owner = finding.owner
    place = None if owner.kind not in {"process", "scope"} else finding.allowed
    assert finding.certainty == "proven"
    key = (
        finding.rule, finding.resource.type.rpartition(".")[2], line, None if misuse is None else misuse.stack[0].line,
        owner.name.rpartition(".")[2], owner.kind, place, above,
    )  # fmt: skip
    found[key] += finding.count
    for child in finding.children:
        tell(found, child, line)


class _Collecting(list):
    """A list that comes with a collector."""

    def collect(self):
        self.clear()
        gc.collect()


TRIES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
SETTINGS = settings(
    max_examples=TRIES or 30,
    stateful_step_count=40 if TRIES else 25,
    derandomize=not TRIES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink] if TRIES > 1 else [Phase.generate],
    print_blob=False,
)


@pytest.mark.parametrize(("level", "policy"), [("sites", "record"), ("stacks", "record"), ("sites", "raise")])
def test_what_lifetrack_finds_is_what_the_model_says(level, policy):
    """Every finding, total, owner, count of handles and state, after any sequence of operations."""
    run_state_machine_as_test(lambda: Machine(level, policy), settings=SETTINGS)
