"""Programs with other classes in the modules of the standard library before anything is watched, as gevent's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import RunPython

PATCHED = """
import select, socket, sys
genuine = socket.socket

class Green:
    def __init__(self): self.closed = False
    def close(self): self.closed = True

socket.socket = socket.SocketType = Green
for name in ("epoll", "kqueue"):
    if hasattr(select, name): delattr(select, name)

import lifetrack
before = vars(socket).copy(), vars(select).copy(), vars(genuine).copy(), vars(Green).copy()
lifetrack.start(level="stacks", watch="stdlib", report=False)
green = socket.socket()
left = genuine()
import os; file = open(os.devnull)
print(*(found.resource.type for found in lifetrack.find_leaks()))
left.close(), file.close(), green.close()
lifetrack.stop()
print(before == (vars(socket), vars(select), vars(genuine), vars(Green)), green.closed)
"""


def test_classes_of_others_in_place_of_those_of_the_standard_library(run_python: RunPython) -> None:
    """They are left alone; the real ones are watched all the same, and everything else."""
    done = run_python(PATCHED)
    assert (done.stdout, done.stderr) == ("socket.socket _io.TextIOWrapper\nTrue True\n", "")


CHANGED = """
import logging, os, socket
logging.basicConfig(format="%(message)s")
del socket.socket.detach
before = vars(socket.socket).copy()

import lifetrack
lifetrack.start(level="stacks", watch="stdlib", report=False)
file = open(os.devnull)
print(before == vars(socket.socket), *(found.resource.type for found in lifetrack.find_leaks()))
file.close()
lifetrack.stop()
"""


def test_class_that_cannot_be_watched(run_python: RunPython) -> None:
    """One line says so, and it is as it was; everything else is watched."""
    done = run_python(CHANGED)
    assert done.stdout == "True _io.TextIOWrapper\n", done.stderr
    assert done.stderr == "socket.socket cannot be watched: KeyError: 'detach'\n"
