"""Endings: the ways in which a resource ends."""

from __future__ import annotations

EXPLICIT = "explicit"
WITH = "with"
OWNER = "owner"
EXIT = "exit"
FINALIZER = "finalizer"
SHUTDOWN = "shutdown"
NEVER = "never"
#: By a call, by the end of a ``with`` block, by its owner, by an exit hook, by a finalizer or the garbage collector,
#: while the interpreter shut down, or not at all.
ENDINGS = (EXPLICIT, WITH, OWNER, EXIT, FINALIZER, SHUTDOWN, NEVER)
