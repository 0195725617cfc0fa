"""What no root leads to: reference cycles not collected yet, and what is held out of the collector's sight."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

from lifetrack.holders import roots
from lifetrack.holders.blocks import Blocks
from lifetrack.holders.describing import described, ends_blocks, is_end_of_block, verdict_of
from lifetrack.holders.looking import class_name, instance_dict, is_of
from lifetrack.holders.naming import Namer, judged
from lifetrack.holders.roots import Root
from lifetrack.holders.sieve import Passable
from lifetrack.ledger.territory import is_ours
from lifetrack.values import holders as verdicts
from lifetrack.values.holders import Holder

#: How many objects above one that is looked for are taken into account.
_MOST = 20_000


class _Object:
    """Stands for any object, to count the references that are ours."""


def by_block(blocks: Blocks, address: int, rest: tuple[str, ...] = ()) -> Holder | None:
    """Tell the ``with`` block that an object was acquired for, and is held by through the ``rest``; None for none."""
    label = blocks.label(address)
    return None if label is None else Holder(verdicts.RUNNING_FRAME, (label, *rest))


def explain_unreached(left: set[int], met: set[int], found: dict[int, tuple[Holder, ...]], blocks: Blocks) -> set[int]:
    """Tell who holds what is ``left``, not ``met`` from the roots; give what of it the collector does not know.

    All that the collector knows and the walk has not met is turned around: who refers to whom. From an object that is
    looked for this leads to those that are held by something invisible, or to none, which is a cycle.
    """
    passable = Passable()
    unmet = [each for each in gc.get_objects() if id(each) not in met and (passable[type(each)] or id(each) in left)]
    known = {id(each): each for each in unmet}
    known.pop(id(known), None)
    above = _turned(unmet, set(known))
    counts = _outside(unmet, above)
    for address in left & known.keys():
        if not passable[type(known[address])]:  # a stand-in of ours for what is no object
            found[address] = ()
            continue
        holder = _explain(address, known, above, counts, blocks)
        if holder is not None:
            found[address] = (holder,)
    return left - known.keys()


def _turned(unmet: list[Any], addresses: set[int]) -> dict[int, list[int]]:
    """Give for each address who refers to it, among those that were not met."""
    above: dict[int, list[int]] = {}
    for each in unmet:
        for address in map(id, gc.get_referents(each)):
            if address in addresses:
                above.setdefault(address, []).append(id(each))
    return above


def _outside(unmet: list[Any], above: dict[int, list[int]]) -> dict[int, int]:
    """Count for each object the references that none of those that were not met has."""
    unmet.append(_Object())
    counted = list(map(sys.getrefcount, unmet))
    ours = counted[-1]  # what holds an object that only this list has
    unmet.pop()
    return {
        id(each): count - ours - 1 - len(above.get(id(each), ()))  # one more is that of the table of addresses
        for each, count in zip(unmet, counted, strict=False)
    }


def _explain(
    address: int, known: dict[int, Any], above: dict[int, list[int]], outside: dict[int, int], blocks: Blocks
) -> Holder | None:
    came: dict[int, int] = {}
    waiting = deque([address])
    best: list[int] = []
    while waiting and len(came) < _MOST:
        each = waiting.popleft()
        for holder in above.get(each, ()):
            if holder in came or _is_ours(known[holder]):
                continue
            came[holder] = each
            if holder != address:
                waiting.append(holder)
                if outside.get(holder, 0) > 0:
                    best.append(holder)
    if best:
        return _held(min(best, key=lambda each: _rank(known[each])), address, came, known, blocks)
    if outside.get(address, 0) > 0 or not came:
        return None
    return _cycle(address, came, known, above)


def _is_ours(obj: Any) -> bool:
    """Whether it is a method that we have put on one object of the program's, to which it refers."""
    if not is_of(obj, MethodType) or not is_of(obj.__func__, FunctionType) or not is_ours(obj.__func__.__code__):
        return False
    attributes = instance_dict(obj.__self__)
    return attributes is not None and attributes.get(obj.__func__.__name__) is obj


def _rank(obj: Any) -> int:
    """Prefer, among what is held invisibly, what a reader knows."""
    return next((rank for rank, names in enumerate(_KNOWN) if class_name(obj) in names), len(_KNOWN))


_KNOWN = (("Context",), ("Task", "generator", "coroutine", "async_generator"), ("method", "function", "frame"))


def _held(head: int, address: int, came: dict[int, int], known: dict[int, Any], blocks: Blocks) -> Holder:
    way = [known[head]]
    at = head
    while at != address:
        at = came[at]
        way.append(known[at])
    obj = way[0]
    label, verdict = _invisible(obj)
    if verdict == verdicts.UNKNOWN and ends_blocks(obj) and (block := blocks.label(address)) is not None:
        label, verdict = block, verdicts.RUNNING_FRAME
    if verdict == verdicts.ATEXIT_HANDLER:  # of a list of handlers and arguments only the arguments tell anything
        way = way[-2:]
    told = Namer().tell(Root(way[0], label, verdict, named=False, copied=False), way)
    return judged(told) if verdict != verdicts.RUNNING_FRAME else Holder(verdict, told.path)


def _invisible(obj: Any) -> tuple[str, str]:
    """Recognise what holds an object by what it is: the end of a with block, the arguments of an exit function."""
    if is_end_of_block(obj):
        return "a with block of a running function", verdicts.RUNNING_FRAME
    if type(obj) in (tuple, list, dict):
        functions = roots.exit_functions()
        inner = [each[0] for each in obj if type(each) is tuple and each] if type(obj) is list else list(obj)[:1]
        if any(one is other for one in inner for other in functions):
            return _EXIT, verdicts.ATEXIT_HANDLER
        plain = [each for each in functions if is_of(each, FunctionType, MethodType)]
        if type(obj) is not list and any(_takes(each, len(obj)) for each in plain):
            return _EXIT, verdicts.ATEXIT_HANDLER
    return f"{described(obj)} (held out of sight)", verdict_of(obj) or verdicts.UNKNOWN


_EXIT = "atexit (arguments of an exit handler)"


def _takes(function: Any, number: int) -> bool:
    code = function.__code__
    given = number + is_of(function, MethodType)
    return bool(code.co_flags & 0x04) or code.co_argcount >= given


def _cycle(address: int, came: dict[int, int], known: dict[int, Any], above: dict[int, list[int]]) -> Holder:
    """Tell the cycle that an object is in, or the nearest one that holds it, and the way down from there."""
    if address in came:
        way = [known[address], *(known[each] for each in _down(came[address], address, came))]
    else:
        head = _in_cycle(came, above) or next(iter(came))
        owners = (each for each in above.get(head, ()) if each in came and _has(known[each], known[head]))
        way = [known[each] for each in _down(next(owners, head), address, came)]
    root = Root(way[0], f"{described(way[0])} (reference cycle)", verdicts.REFERENCE_CYCLE, named=False, copied=False)
    return Holder(verdicts.REFERENCE_CYCLE, Namer().tell(root, way).path)


def _has(obj: Any, attributes: Any) -> bool:
    """Whether a dictionary is that of an object's attributes."""
    return is_of(attributes, dict) and instance_dict(obj) is attributes


def _down(head: int, address: int, came: dict[int, int]) -> Iterator[int]:
    """Give the way from one of those above an object down to that."""
    at = head
    while at != address:
        yield at
        at = came[at]
    yield address


def _in_cycle(came: dict[int, int], above: dict[int, list[int]]) -> int | None:
    """Give the first of some objects, the nearest ones before the others, that refers to itself by way of others.

    What holds none of them is taken away, until there is none of that kind: what is left is in a cycle, or above one.
    """
    holds = dict.fromkeys(came, 0)
    for each in came:
        for holder in above.get(each, ()):
            if holder in holds:
                holds[holder] += 1
    idle = [each for each, number in holds.items() if not number]
    for each in idle:  # which grows meanwhile
        for holder in above.get(each, ()):
            if holder in holds:
                holds[holder] -= 1
                if not holds[holder]:
                    idle.append(holder)
    return next((each for each, number in holds.items() if number), None)
