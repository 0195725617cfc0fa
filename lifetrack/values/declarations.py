"""Declarations: how resources of a type are acquired and released, and what guards them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetrack.values.making import dataclass

INIT = "__init__"
#: What a guard covers after the release: nothing, public methods, or properties and attributes too.
GUARDS = ("none", "methods", "all")
#: What a pool lends is due before the pool is closed, is given back by that, or may go on after it.
LOANS = DUE_BEFORE_POOL, ENDS_WITH_POOL, OUTLIVES_POOL = (
    "due before the pool",
    "ends with the pool",
    "outlives the pool",
)
#: The usual names of release methods, surest first. Weaker names count only where no strong one is there.
STRONG_RELEASES = (
    "close", "aclose", "shutdown", "ashutdown", "cleanup", "acleanup", "clean_up", "dispose", "adispose", "release",
    "arelease", "teardown", "tear_down", "destroy", "free", "unload", "uninitialize", "deinit",
)  # fmt: skip
WEAK_RELEASES = (
    "disconnect", "adisconnect", "terminate", "stop", "astop", "quit", "finish", "deactivate", "unregister",
)  # fmt: skip
CONTEXT_RELEASES = ("__exit__", "__aexit__")


@dataclass(frozen=True, slots=True)
class Declaration:
    """How resources of one type live.

    ``released_when`` decides, where given, whether the object counts as released: after a release method returned, and
    whenever somebody asks. ``grace`` is how many seconds a resource may outlive its scope. ``hint`` is the usual mend.
    ``thread_bound`` resources may be used and released in their own thread only. ``children`` names the methods that
    make resources which depend on this one. A ``fork_safe`` resource may be used and released in a forked child too.
    With ``owns``, what the acquire method acquires is owned by the object.
    """

    release: tuple[str, ...]
    acquire: str = INIT
    idempotent: bool = False
    secret: bool = False
    thread_bound: bool = False
    children: tuple[str, ...] = ()
    grace: float = 0.0
    label: str | None = None
    guard: str = "methods"
    after_release: tuple[str, ...] = ()
    #: The release methods were recognised by name, not declared: a second one of another name is no double release.
    recognised: bool = False
    released_when: Callable[[Any], bool] | None = None
    #: The constructor cleans up after itself when it raises.
    safe_constructor: bool = False
    #: A class that is not its user's: tracked without any visible change.
    watched: bool = False
    #: Ends with the process by design, so that being live then is no leak.
    ends_with_process: Callable[[Any], bool] | None = None
    #: Whether the interpreter, which is exiting, has ended what nobody released, so that ``released_when`` tells only
    #: whether a release that returns has done so.
    ended_at_exit: Callable[[], bool] | None = None
    #: Has nothing to release at this moment, though it may have later, so that being open now is no leak.
    idle_when: Callable[[Any], bool] | None = None
    hint: str | None = None
    #: The rule under which being open at the end is reported, where it is another than that of leaks.
    leak_rule: str | None = None
    #: What a leak of it comes to, in words of its own: ``was never wiped``.
    fate: str | None = None
    fork_safe: bool = False
    owns: bool = False
    #: For how many seconds it may be held before that is LT108, and how many may be live at once; None: no limit.
    limit: float | None = None
    max_live: int | None = None
    #: Has nothing of its own to give back: it is due only while something that it keeps or uses is open.
    hollow: bool = False
    #: A stretch of use of what a pool keeps, and what the end of the pool means for it: one of :data:`LOANS`. That the
    #: pool lasts as long as the process is no excuse for it.
    lent: str = ""
