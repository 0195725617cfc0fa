"""The heap of the start: what was loaded by the time tracking began is left out of the collector's rounds.

A full collection looks at every container of the process, and test suites ask for many of them. With lifetrack there
are some thousand more containers, all of which live as long as the process. They are put aside by ``gc.freeze()``, with
what was loaded before, because no smaller part can be. Whoever asks the collector what there is finds all of it: the
functions that would tell of this put everything back first, once and for all.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.values.collector import Aside, aside, has_frozen

#: What may be loaded besides the standard library for the heap to be nobody's: ours, and what installers leave in the
#: environments that they make.
_NOBODYS = frozenset({"__main__", "lifetrack", "_distutils_hack", "_virtualenv"})
#: The functions of ``gc`` whose answers or doings are others while something is frozen; and the one that those call who
#: are going to count what the collector does.
_TELLING = ("get_objects", "get_referrers", "get_freeze_count", "freeze", "unfreeze", "set_debug", "disable")


def put_aside() -> bool:
    """Leave out what there is now, until :func:`give_back`, the exit, or the first who asks the collector about it.

    Not at the exit either where nothing was loaded but the interpreter's own and ours: its end concerns nobody.
    Does nothing where this was done already, or somebody has frozen objects; whether it has done it.
    """
    if has_frozen():
        return False
    patches = Patches()
    freeze, unfreeze = gc.freeze, gc.unfreeze
    for name in _TELLING:
        patches.put(gc, name, _giving_back(getattr(gc, name)))

    def restore() -> None:
        patches.undo()
        unfreeze()

    is_nobodys = {name.partition(".")[0] for name in sys.modules} <= sys.stdlib_module_names | _NOBODYS
    aside.append(Aside(restore, is_nobodys))
    if not is_nobodys:
        atexit.register(give_back)
    freeze()
    return True


def give_back() -> None:
    """Let the collector look at everything again; does nothing the second time."""
    try:
        heap = aside.pop()
    except IndexError:
        return
    heap.restore()
    atexit.unregister(give_back)


def _giving_back(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def ask(*args: Any, **kwargs: Any) -> Any:
        if aside:
            give_back()
            if _takes_garbage(function, sys._getframe(1)):
                gc.collect()
        return function(*args, **kwargs)

    return ask


def _takes_garbage(function: Callable[..., Any], caller: FrameType) -> bool:
    """Whether the garbage of the start is to go before somebody looks: a collection would have taken it long ago.

    Where the program has switched the collector off it says itself when it collects, and had all back by then. What
    the collector saves to be looked at is never what was there before. Questions of ours change nothing.
    """
    if str(caller.f_globals.get("__name__")).startswith("lifetrack."):
        return False
    return function.__name__ == "set_debug" or (gc.isenabled() and function.__name__ != "disable")
