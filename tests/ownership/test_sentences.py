"""The sentence of a finding names the owner, how the duty went, and the mend; never a repr."""

from __future__ import annotations

import gc
import re
import threading

import pytest

from lifetrack.ownership.borrowing import borrow
from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.sharing import Shared
from lifetrack.ownership.transfers import transfer


def dropped_owner(make):
    owner = Owner("pool")
    return transfer(make(), to=owner)


def dropped_handle(make):
    Owned(make(), name="mine")


def open_owner(make):
    owner = Owner("pool")
    transfer(make(), to=owner)
    return owner


def shared_by_two(make):
    shared = Shared(make(), name="cache")
    return shared, shared.clone()


def thread_that_ended(make):
    thread = threading.Thread(target=int, name="writer")
    obj = transfer(make(), to=thread)
    thread.start()
    thread.join()
    return obj, thread


def moved_handle(make):
    first = Owned(make(), name="first")
    second = first.move()
    first.get()
    second.release()


def let_go(make):
    shared = Shared(make(), name="cache")
    other = shared.clone()
    shared.release()
    shared.get()
    other.release()


def foreign(make):
    owner = Owner("pool", exclusive=True)
    transfer(make(), to=owner).close()
    owner.close()


def lent(make):
    owner = Owner("pool")
    obj = transfer(make(), to=owner)
    with borrow(obj):
        owner.close()


SENTENCES = {
    dropped_owner: "LT104 was left behind: its owner, Owner 'pool', got it at HERE and went away without "
    "being closed: close the owner, best by a 'with' block",
    dropped_handle: "LT104 was left behind: its owner, Owned handle 'mine', got it at HERE and went away while "
    "holding it: release the handle, best by a 'with' block",
    open_owner: "LT101 was still live when the process ended; its last owner, Owner 'pool', got it at HERE: "
    "close the owner, best by a 'with' block",
    shared_by_two: "LT101 was still live when the process ended; its last owner, Shared handle 'cache', got it at "
    "HERE; 2 handles still share it: release every handle, best by a 'with' block",
    thread_that_ended: "LT104 was left behind: its owner, thread 'writer', got it at HERE and ended "
    "without releasing it: let the thread release it in a 'finally' clause",
    moved_handle: "LT203 was used through a handle whose duty had moved to Owned handle 'first' at HERE: "
    "use it through that one, or move it later",
    let_go: "LT203 was used through a handle that had let go of it: use one that still shares it, or let go later",
    foreign: "LT301 was released by somebody else than its owner, Owner 'pool': "
    "let the owner release it, or transfer it first",
    lent: "LT304 was still borrowed when its owner, Owner 'pool', ended: end the borrow first, or share the resource",
}


@pytest.mark.parametrize("story", SENTENCES, ids=lambda story: story.__name__)
def test_a_sentence_names_what_happened_and_the_mend(tracker, resource, story):
    """Each story is told in one sentence."""
    kept = story(resource)
    gc.collect()
    (finding,) = tracker.report().findings
    told = re.sub(re.escape(__file__) + r":\d+", "HERE", finding.message)
    subject = f"{finding.resource.type} acquired at HERE "
    assert told.startswith(subject)
    assert f"{finding.rule} {told.removeprefix(subject)}" == SENTENCES[story]
    del kept
