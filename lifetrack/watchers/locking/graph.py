"""In which orders locks were taken: a graph with an edge from each lock to those that were taken while it was held.

A circle in it is an inversion, unless a lock that was held on two of its edges keeps these from happening at the same
time. Like the ledger, the graph is changed by single atomic operations only: nobody waits in here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from lifetrack.ledger.capture import Trace
from lifetrack.ledger.entries import MOMENT, OFFSET, TRACE, Entry
from lifetrack.ledger.holds import NODE
from lifetrack.ledger.moment import Moment
from lifetrack.values.stacks import RawFrame

#: Where and when a lock was taken.
Taken: TypeAlias = tuple[Trace | None, Moment | None]

#: How many known ways to take further locks are remembered for one lock, before they are forgotten and looked up again.
_REMEMBERED = 256
#: How many sets of held locks are kept for one edge.
_VARIANTS = 8
#: A longer circle is not looked for.
_LONGEST = 8
#: How many edges one search for a circle looks at.
_EFFORT = 5000


class Node:
    """What is known of one lock. It outlives the lock, and keeps nothing of the program's alive."""

    __slots__ = (
        "after", "before", "depth", "entry", "epoch", "group", "holds", "is_dropped", "is_signal", "proven", "seen",
        "site", "type_name",
    )  # fmt: skip

    def __init__(self, type_name: str, site: RawFrame | None) -> None:
        self.type_name = type_name
        #: Where the lock was made.
        self.site = site
        #: The entry of the hold, while it is held.
        self.entry: Entry | None = None
        #: How often its holder has taken it again.
        self.depth = 0
        #: The holds of a semaphore.
        self.holds: list[tuple[object, Entry]] = []
        #: Another thread than its holder released it, or waited for that: nobody owns it then.
        self.is_signal = False
        self.is_dropped = False
        #: Whether being held for ever is a mistake for sure.
        self.proven = True
        #: The locks among which the program itself answers for the order.
        self.group: str | None = None
        self.epoch = 0
        self.after: dict[Node, list[Edge]] = {}
        self.before: set[Node] = set()
        self.seen: set[object] = set()


class Edge:
    """One lock was taken while another one was held, and these were held altogether."""

    __slots__ = ("first", "held", "inner", "outer", "second")

    def __init__(self, outer: Node, inner: Node, held: frozenset[Node], first: Taken, second: Taken) -> None:
        self.outer = outer
        self.inner = inner
        self.held = held
        self.first = first
        self.second = second


def taken(hold: Entry) -> Taken:
    """Give where and when a hold began."""
    trace = hold[TRACE]
    if trace is None or isinstance(trace, tuple):
        return trace, hold[MOMENT]
    return (trace, hold[OFFSET], None), hold[MOMENT]


def _copied(edges: dict[Node, list[Edge]]) -> list[tuple[Node, list[Edge]]]:
    while True:
        try:
            return list(edges.items())
        except RuntimeError:  # a collection during the copy took a lock out
            continue


class Graph:
    """The edges among all locks since watching began."""

    def __init__(self) -> None:
        self.epoch = 1
        #: Locks that were collected; their edges go at the next occasion.
        self.dead: deque[Node] = deque()
        self._reported: set[frozenset[Node]] = set()

    def forget_all(self) -> None:
        """Begin anew."""
        self.epoch += 1
        self.dead.clear()
        self._reported = set()

    def is_known(self, held: list[Entry], node: Node) -> bool:
        """Whether ``node`` was taken before while exactly these were held."""
        last: Node = held[-1][NODE]
        if last.epoch != self.epoch:
            return False
        return (node if len(held) == 1 else (node, *[hold[NODE] for hold in held])) in last.seen

    def _renew(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            if node.epoch != self.epoch:
                node.after, node.before, node.seen = {}, set(), set()
                node.epoch = self.epoch

    def _bury(self) -> None:
        while True:
            try:
                node = self.dead.popleft()
            except IndexError:
                return
            for outer in list(node.before):
                outer.after.pop(node, None)
            for inner, _ in _copied(node.after):
                inner.before.discard(node)

    def add(self, held: list[Entry], node: Node, here: Taken) -> list[list[Edge]]:
        """Note that ``node`` is about to be taken; give the circles that are new, each with its new edge last."""
        holds = held.copy()
        outers = [hold[NODE] for hold in holds]
        self._renew([*outers, node])
        self._bury()
        everything = frozenset(outers)
        circles = []
        for hold in holds:
            edge = Edge(hold[NODE], node, everything, taken(hold), here)
            if not edge.outer.is_signal and self._is_news(edge):
                circle = _circle(edge)
                if circle and self._is_worth_telling(circle):
                    circles.append(circle)
        last = outers[-1]
        if len(last.seen) >= _REMEMBERED:
            last.seen.clear()
        last.seen.add(node if len(outers) == 1 else (node, *outers))
        return circles

    def _is_news(self, edge: Edge) -> bool:
        known = edge.outer.after.get(edge.inner, [])
        if len(known) >= _VARIANTS or any(each.held <= edge.held for each in known):
            return False
        edge.outer.after[edge.inner] = [*(each for each in known if not edge.held <= each.held), edge]
        edge.inner.before.add(edge.outer)
        return True

    def _is_worth_telling(self, circle: list[Edge]) -> bool:
        nodes = frozenset(edge.outer for edge in circle)
        groups = {node.group for node in nodes}
        if nodes in self._reported or (len(groups) == 1 and groups != {None}):
            return False
        self._reported.add(nodes)
        return True

    def take_back(self, circle: list[Edge]) -> None:
        """Forget the last edge of a circle: the lock was not taken after all."""
        edge = circle[-1]
        edge.outer.after.pop(edge.inner, None)
        for node in edge.held:
            node.seen.clear()
        self._reported.discard(frozenset(each.outer for each in circle))

    def forget(self, node: Node) -> None:
        """Forget the order of a lock that turned out to have no owner."""
        if node.epoch == self.epoch:
            self.dead.append(node)


def _circle(edge: Edge) -> list[Edge]:
    """Find a way back from the inner lock of a new edge to its outer one; empty if there is none."""
    if not _reaches(edge.inner, edge.outer):
        return []
    effort = [_EFFORT]
    way = _way(edge.inner, edge.outer, edge.held, [edge.outer, edge.inner], effort)
    return [*way, edge] if way else []


def _reaches(start: Node, goal: Node) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        for node, _ in _copied(waiting.pop().after):
            if node is goal:
                return True
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return False


def _way(start: Node, goal: Node, held: frozenset[Node], passed: list[Node], effort: list[int]) -> list[Edge]:
    """Find a way on which no lock is held twice: two edges that need the same lock cannot happen at once."""
    for node, edges in _copied(start.after):
        if node.is_signal or (node is not goal and node in passed):
            continue
        for edge in edges:
            effort[0] -= 1
            if effort[0] < 0:
                return []
            if not held.isdisjoint(edge.held):
                continue
            if node is goal:
                return [edge]
            if len(passed) < _LONGEST:
                rest = _way(node, goal, held | edge.held, [*passed, node], effort)
                if rest:
                    return [edge, *rest]
    return []
