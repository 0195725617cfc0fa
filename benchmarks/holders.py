"""Explain 100 leaks on a heap of a million tracked objects, against one chain of references found by objgraph.

Run it:  python benchmarks/holders.py [OBJECTS]

Prints the pause in seconds of CPU, and its ratio to that of one `objgraph.find_backref_chain` for one of the leaks in
the same process, the collector being off for both; the target is 1.5. The leaks stand in several kinds of containers,
at several depths, and spread one by one over the objects of a long list, which is in the order of memory and then
shuffled. Needs `objgraph`, which is an extra.
"""

from __future__ import annotations

import ctypes
import gc
import random
import sys
import time

import objgraph

from lifetrack.holders.explain import explain

TARGET, LEAKS, TURNS = 1.5, 100, 5


class Node:
    """One of very many objects."""

    def __init__(self, number):
        self.number = number
        self.children = []


class Leak:
    """What is looked for."""


class Pool:
    """Has leaks in a list."""

    def __init__(self, leaks):
        self._sessions = leaks


REGISTRY = {}
HEAP = []


def fill(objects):
    """Make a heap of a tree of nodes, each of which is two tracked objects."""
    HEAP.append(Node(0))
    row = HEAP
    made = 2
    while made < objects:
        row = [child for node in row for child in node.children] if row is not HEAP or HEAP[0].children else HEAP
        for node in row:
            for _ in range(8):
                node.children.append(Node(made))
                made += 2
            if made >= objects:
                break


def node_at(path):
    node = HEAP[0]
    for step in path:
        node = node.children[step]
    return node


def places():
    """Give the places where the leaks are put: in a registry, in an object of an application, deep in the heap."""
    REGISTRY["pools"] = {"main": Pool([])}
    return {
        "registry": [REGISTRY.setdefault("plugins", [])],
        "pool": [REGISTRY["pools"]["main"]._sessions],
        "deep": [node_at((0, 1, 2, number % 8)).children for number in range(8)],
    }


def spread(objects, shuffled):
    """Make the heap one long list of nodes, every so-and-so-many of which has a leak; give the leaks' addresses."""
    HEAP[:] = [Node(number) for number in range(objects // 2)]
    if shuffled:
        random.Random(1).shuffle(HEAP)
    chosen = HEAP[:: len(HEAP) // LEAKS][:LEAKS]
    for node in chosen:
        node.children.append(Leak())
    return [id(node.children[0]) for node in chosen]


def chain_to(address):
    """Find a chain to an object that nothing here has otherwise, so that nothing but the heap leads to it."""
    objgraph.find_backref_chain(ctypes.cast(address, ctypes.py_object).value, objgraph.is_proper_module)


def fastest(work):
    times = []
    for _ in range(TURNS):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def main():
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    gc.disable()
    fill(objects)
    worst = 0.0
    print(f"{'leaks in':<10}{'objects':>10}{'100 explained, s':>18}{'one chain, s':>14}{'ratio':>8}")
    for name, containers in places().items():
        for number in range(LEAKS):
            containers[number % len(containers)].append(Leak())
        addresses = [id(each) for container in containers for each in container if type(each) is Leak]
        one = next(each for each in reversed(containers[0]) if type(each) is Leak)
        gc.collect()
        ours = fastest(lambda addresses=addresses: explain(addresses))
        theirs = fastest(lambda one=one: objgraph.find_backref_chain(one, objgraph.is_proper_module))
        worst = max(worst, ours / theirs)
        print(f"{name:<10}{len(gc.get_objects()):>10}{ours:>18.3f}{theirs:>14.3f}{ours / theirs:>8.2f}")
        del one
        for container in containers:
            container[:] = [each for each in container if type(each) is not Leak]
    for name in ("spread", "shuffled"):
        addresses = spread(objects, name == "shuffled")
        gc.collect()
        ours = fastest(lambda addresses=addresses: explain(addresses))
        theirs = fastest(lambda addresses=addresses: chain_to(addresses[LEAKS // 2]))
        worst = max(worst, ours / theirs)
        print(f"{name:<10}{len(gc.get_objects()):>10}{ours:>18.3f}{theirs:>14.3f}{ours / theirs:>8.2f}")
    print(f"target {TARGET}: {'over' if worst > TARGET else 'kept'}")
    return 1 if worst > TARGET else 0


if __name__ == "__main__":
    sys.exit(main())
