"""A zoo of ways to hold an object: each has its verdict, and the names that its author gave."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import ctypes
import enum
import functools
import gc
import io
import logging
import os
import queue
import signal
import sys
import threading
import types
import weakref
from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

import lifetrack
from lifetrack.holders.explain import explain
from lifetrack.values.holders import ADVICE, Holder

HERE = f"{__name__} (module)"


class Backend:
    """What is held; it has a method that can be a callback, and room for anything."""

    def on_event(self, *_: object) -> None:
        """Do nothing."""

    def __enter__(self) -> int:
        return 1

    def __exit__(self, *_: object) -> None:
        return None


REGISTRY: dict[Any, Any] = {}
CALLBACKS: list[Any] = []
CURRENT: Any = None


class Pool:
    """An object with its own list, and a class with something shared."""

    shared: Any = None

    def __init__(self) -> None:
        self._sessions: list[Any] = [1, 2, 3]
        self.slotted = Slotted()


class Slotted:
    """Has no dictionary."""

    __slots__ = ("conn",)


class Owner:
    """May be a key that is held weakly."""


POOL, OWNER = Pool(), Owner()
LOCAL = threading.local()
VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("current_backend")
Pair = namedtuple("Pair", "left right")


@dataclass
class Config:
    """Has a field."""

    backends: list[Any] = field(default_factory=list)


class Color(enum.Enum):
    """Its members can carry attributes."""

    RED = 1


@functools.cache
def unbounded(*_: Any) -> Any:
    """Keep arguments and results."""
    return Backend()


@functools.lru_cache(maxsize=8)
def bounded(*_: Any, **__: Any) -> Any:
    """Keep arguments and results, of the last eight."""
    return 0


class Way:
    """One way to hold: what makes the hold and gives the address, what undoes it, and what is to be told."""

    def __init__(self, hold: Callable[[Any], Any], verdict: str, *path: str, undo: Callable[[], object]) -> None:
        self.hold = hold
        self.verdict = verdict
        self.path = path
        self.undo = undo


WAYS: dict[str, Way] = {}


def way(verdict: str, *path: str, undo: Callable[[], object] = lambda: None) -> Callable[[Any], Any]:
    """Put a function into the zoo: it is handed the object and holds it."""

    def put(hold: Callable[[Any], Any]) -> Callable[[Any], Any]:
        WAYS[hold.__name__] = Way(hold, verdict, *path, undo=undo)
        return hold

    return put


@way("module-global", HERE, "CURRENT", undo=lambda: globals().update(CURRENT=None))
def a_global(obj: Any) -> None:
    """Hold it by a variable of a module."""
    globals()["CURRENT"] = obj


@way("module-global", HERE, "REGISTRY (dict)", "['openssl']", undo=REGISTRY.clear)
def a_dictionary(obj: Any) -> None:
    """Hold it by a dictionary."""
    REGISTRY["openssl"] = obj


@way("module-global", HERE, "REGISTRY (dict)", "[7] (tuple)", "[1]", undo=REGISTRY.clear)
def a_tuple_under_a_number(obj: Any) -> None:
    """Hold it by a tuple in a dictionary."""
    REGISTRY[7] = (0, obj)


@way("module-global", HERE, f"POOL ({__name__}.Pool)", "_sessions (list)", "[3]", undo=lambda: POOL._sessions.pop())
def a_list_of_an_object(obj: Any) -> None:
    """Hold it by a list that an object has."""
    POOL._sessions.append(obj)


@way(
    "module-global", HERE, f"POOL ({__name__}.Pool)", f"slotted ({__name__}.Slotted)", "conn",
    undo=lambda: delattr(POOL.slotted, "conn"),
)  # fmt: skip
def a_slot(obj: Any) -> None:
    """Hold it by a slot."""
    POOL.slotted.conn = obj


@way("module-global", HERE, "REGISTRY (dict)", f"['pair'] ({__name__}.Pair)", "right", undo=REGISTRY.clear)
def a_named_tuple(obj: Any) -> None:
    """Hold it by a field of a named tuple."""
    REGISTRY["pair"] = Pair(1, obj)


@way("module-global", HERE, "REGISTRY (dict)", "['d'] (collections.deque)", "[1]", undo=REGISTRY.clear)
def a_deque(obj: Any) -> None:
    """Hold it by a deque."""
    REGISTRY["d"] = deque([1, obj])


@way("module-global", HERE, "REGISTRY (dict)", "['s'] (set)", "(a member)", undo=REGISTRY.clear)
def a_set(obj: Any) -> None:
    """Hold it by a set."""
    REGISTRY["s"] = {obj}


@way("module-global", HERE, "REGISTRY (dict)", "(a key)", undo=REGISTRY.clear)
def a_key(obj: Any) -> None:
    """Hold it as a key."""
    REGISTRY[obj] = 1


@way("module-global", HERE, "REGISTRY (dict)", "[...]", undo=REGISTRY.clear)
def under_a_token(obj: Any) -> None:
    """Hold it under a key that looks like a secret, which is not shown."""
    REGISTRY["sk-9fA8b7C6d5E4f3"] = obj


@way("module-global", HERE, "REGISTRY (dict)", "['m'] (collections.defaultdict)", "['x'] (list)", "[0]",
     undo=REGISTRY.clear)  # fmt: skip
def a_defaultdict(obj: Any) -> None:
    """Hold it by a dictionary of lists."""
    REGISTRY["m"] = defaultdict(list, x=[obj])


@way("module-global", HERE, "REGISTRY (dict)", "['o'] (collections.OrderedDict)", "['x']", undo=REGISTRY.clear)
def an_ordered_dictionary(obj: Any) -> None:
    """Hold it by an ordered dictionary."""
    REGISTRY["o"] = OrderedDict(x=obj)


@way("module-global", HERE, "REGISTRY (dict)", "['u'] (collections.UserDict)", "data (dict)", "['x']",
     undo=REGISTRY.clear)  # fmt: skip
def a_user_dictionary(obj: Any) -> None:
    """Hold it by a mapping written in Python."""
    REGISTRY["u"] = UserDict(x=obj)


@way("module-global", HERE, "REGISTRY (dict)", "['c'] (collections.ChainMap)", "maps (list)", "[0] (dict)", "['x']",
     undo=REGISTRY.clear)  # fmt: skip
def a_chain_of_mappings(obj: Any) -> None:
    """Hold it by one of several mappings."""
    REGISTRY["c"] = ChainMap({"x": obj})


@way("module-global", HERE, "REGISTRY (dict)", "['q'] (queue.Queue)", "queue (collections.deque)", "[0]",
     undo=REGISTRY.clear)  # fmt: skip
def a_queue(obj: Any) -> None:
    """Hold it by a queue that nobody reads."""
    REGISTRY["q"] = queue.Queue()
    REGISTRY["q"].put(obj)


@way("module-global", HERE, "REGISTRY (dict)", f"['cfg'] ({__name__}.Config)", "backends (list)", "[0]",
     undo=REGISTRY.clear)  # fmt: skip
def a_dataclass(obj: Any) -> None:
    """Hold it by a field of a data class."""
    REGISTRY["cfg"] = Config([obj])


@way("module-global", HERE, "REGISTRY (dict)", "['p'] (functools.partial)", "args (tuple)", "[0]", undo=REGISTRY.clear)
def a_partial(obj: Any) -> None:
    """Hold it as an argument of a partial function."""
    REGISTRY["p"] = functools.partial(print, obj)


@way("module-global", undo=REGISTRY.clear)
def a_future(obj: Any) -> None:
    """Hold it as the result of a future that is kept."""
    REGISTRY["f"] = Future()
    REGISTRY["f"].set_result(obj)


@way("module-global", HERE, "REGISTRY (dict)", "['n'] (types.SimpleNamespace)", "backend", undo=REGISTRY.clear)
def a_simple_namespace(obj: Any) -> None:
    """Hold it as an attribute of an object that is nothing but attributes."""
    REGISTRY["n"] = types.SimpleNamespace(backend=obj)


_LOOP = types.SimpleNamespace(get_debug=lambda: False, call_soon=lambda *_, **__: None)


@way("module-global", HERE, "REGISTRY (dict)", "['f'] (_asyncio.Future)", "its result", undo=REGISTRY.clear)
def a_result_of_a_loop(obj: Any) -> None:
    """Hold it as the result of a future of asyncio."""
    REGISTRY["f"] = asyncio.Future(loop=_LOOP)  # type: ignore[arg-type]
    REGISTRY["f"].set_result(obj)


@way("bound-method-callback", HERE, "REGISTRY (dict)", "['f'] (_asyncio.Future)",
     "its callback (method Backend.on_event)", "__self__", undo=REGISTRY.clear)  # fmt: skip
def a_callback_of_a_future(obj: Any) -> None:
    """Hold it by what is to be called when a future of asyncio is done."""
    REGISTRY["f"] = asyncio.Future(loop=_LOOP)  # type: ignore[arg-type]
    REGISTRY["f"].add_done_callback(obj.on_event)


@way("closure-cell", HERE, "REGISTRY (dict)", "['f'] (_asyncio.Future)", undo=REGISTRY.clear)
def the_second_callback_of_a_future(obj: Any) -> None:
    """Hold it by another one of several callbacks."""
    REGISTRY["f"] = asyncio.Future(loop=_LOOP)  # type: ignore[arg-type]
    REGISTRY["f"].add_done_callback(print)
    REGISTRY["f"].add_done_callback(lambda _: obj)


@way("traceback", HERE, "REGISTRY (dict)", "['f'] (_asyncio.Future)", "its exception (ValueError)",
     undo=REGISTRY.clear)  # fmt: skip
def an_exception_of_a_future(obj: Any) -> None:
    """Hold it by the exception that a future of asyncio ended with."""
    REGISTRY["f"] = asyncio.Future(loop=_LOOP)  # type: ignore[arg-type]
    REGISTRY["f"].set_exception(ValueError(obj))
    REGISTRY["f"]._log_traceback = False


@way("class-attribute", HERE, "REGISTRY (dict)", f"['plugin'] ({__name__}.a_class_of_an_object.<locals>.Local)",
     "(its class) (class)", "backend", undo=REGISTRY.clear)  # fmt: skip
def a_class_of_an_object(obj: Any) -> None:
    """Hold it by a class that only its object knows."""

    class Local:
        backend = obj

    REGISTRY["plugin"] = Local()


@way("class-attribute", HERE, "Pool (class)", "shared", undo=lambda: setattr(Pool, "shared", None))
def a_class(obj: Any) -> None:
    """Hold it by an attribute of a class."""
    Pool.shared = obj


@way("class-attribute", HERE, "Pool (class)", "shared (list)", "[0]", undo=lambda: setattr(Pool, "shared", None))
def a_list_of_a_class(obj: Any) -> None:
    """Hold it by a list that a class has."""
    Pool.shared = [obj]


@way("class-attribute", undo=lambda: delattr(Color.RED, "backend"))
def an_enumeration(obj: Any) -> None:
    """Hold it by a member of an enumeration."""
    Color.RED.backend = obj  # type: ignore[attr-defined]


@way("closure-cell", HERE, "CALLBACKS (list)", "[0] (function a_closure.<locals>.handle)", "closure variable obj",
     undo=CALLBACKS.clear)  # fmt: skip
def a_closure(obj: Any) -> None:
    """Hold it by a variable of an outer function."""

    def handle() -> Any:
        return obj

    CALLBACKS.append(handle)


@way("default-argument", HERE, "CALLBACKS (list)", "[0] (function a_default.<locals>.handle)", "default of backend",
     undo=CALLBACKS.clear)  # fmt: skip
def a_default(obj: Any) -> None:
    """Hold it as a default."""

    def handle(event: Any, backend: Any = obj) -> Any:
        return event, backend

    CALLBACKS.append(handle)


@way("default-argument", HERE, "CALLBACKS (list)", "[0] (function a_keyword_default.<locals>.handle)",
     "default of backend", undo=CALLBACKS.clear)  # fmt: skip
def a_keyword_default(obj: Any) -> None:
    """Hold it as a default of an argument by keyword."""

    def handle(*, event: Any = 1, backend: Any = obj) -> Any:
        return event, backend

    CALLBACKS.append(handle)


@way("lru-cache", HERE, "unbounded (functools._lru_cache_wrapper)", "a cached argument", undo=unbounded.cache_clear)
def an_argument_of_a_cache(obj: Any) -> None:
    """Hold it as what a cached function was called with."""
    unbounded(1, obj)


@way("lru-cache", HERE, "bounded (functools._lru_cache_wrapper)", "a cached argument", undo=bounded.cache_clear)
def an_argument_of_a_bounded_cache(obj: Any) -> None:
    """Hold it as what a function with a bounded cache was called with, by keyword."""
    bounded(1, backend=obj)


@way("lru-cache", HERE, "bounded (functools._lru_cache_wrapper)", "a cached argument", undo=bounded.cache_clear)
def the_only_argument_of_a_cache(obj: Any) -> None:
    """Hold it as the one argument, which is the key itself."""
    bounded(obj)


@way("bound-method-callback", HERE, "CALLBACKS (list)", "[0] (method Backend.on_event)", "__self__",
     undo=CALLBACKS.clear)  # fmt: skip
def a_bound_method(obj: Any) -> None:
    """Hold it by its own method."""
    CALLBACKS.append(obj.on_event)


@way("bound-method-callback", undo=CALLBACKS.clear)
def a_partial_of_a_bound_method(obj: Any) -> None:
    """Hold it by its own method in a partial function."""
    CALLBACKS.append(functools.partial(obj.on_event, 1))


@way("bound-method-callback", undo=lambda: CALLBACKS.pop().detach())
def its_own_finalizer(obj: Any) -> None:
    """Hold it by the function that is to run when something else is collected."""
    CALLBACKS.append(weakref.finalize(OWNER, obj.on_event))


@way("atexit-handler", undo=lambda: CALLBACKS.pop().detach())
def an_argument_of_a_finalizer(obj: Any) -> None:
    """Hold it as an argument of a finalizer."""
    CALLBACKS.append(weakref.finalize(OWNER, print, obj))


@way("signal-handler", "signal (module)", "SIGUSR2 (method Backend.on_event)", "__self__",
     undo=lambda: signal.signal(signal.SIGUSR2, signal.SIG_DFL))  # fmt: skip
def a_signal_handler(obj: Any) -> None:
    """Hold it by a handler of a signal."""
    signal.signal(signal.SIGUSR2, obj.on_event)


def _at_exit(obj: Any) -> None:
    """Do nothing."""


@way("atexit-handler", undo=lambda: atexit.unregister(_at_exit))
def an_argument_of_an_exit_handler(obj: Any) -> None:
    """Hold it as an argument of a function that runs at exit."""
    atexit.register(_at_exit, obj)


@way("atexit-handler", "atexit (exit handlers)", "method Backend.on_event", "__self__",
     undo=lambda: atexit.unregister(CALLBACKS.pop()()))  # fmt: skip
def an_exit_handler(obj: Any) -> None:
    """Hold it by a method that runs at exit."""
    atexit.register(obj.on_event)
    CALLBACKS.append(weakref.WeakMethod(obj.on_event))


@way("thread-local", HERE, "LOCAL (_thread._local)", "conn", undo=lambda: delattr(LOCAL, "conn"))
def a_thread_local(obj: Any) -> None:
    """Hold it by a variable of this thread's."""
    LOCAL.conn = obj


@way("contextvar", undo=lambda: VARIABLE.set(None))
def a_context_variable(obj: Any) -> None:
    """Hold it by a context variable."""
    VARIABLE.set(obj)


@way("contextvar", HERE, "REGISTRY (dict)", "['ctx'] (_contextvars.Context)", "variable current_backend",
     undo=REGISTRY.clear)  # fmt: skip
def a_context_that_is_kept(obj: Any) -> None:
    """Hold it by a copy of the context."""
    REGISTRY["ctx"] = contextvars.copy_context()
    REGISTRY["ctx"].run(VARIABLE.set, obj)


@way("suspended-generator", undo=REGISTRY.clear)
def a_generator(obj: Any) -> None:
    """Hold it by a variable of a generator that was begun."""

    def rows() -> Iterator[int]:
        conn = obj.__class__ and obj
        yield 1
        print(conn)

    REGISTRY["g"] = rows()
    next(REGISTRY["g"])
    rows.__closure__[0].cell_contents = None  # type: ignore[index]


@way("suspended-generator", undo=REGISTRY.clear)
def a_with_block_of_a_generator(obj: Any) -> None:
    """Hold it by a with block in a generator."""

    def rows(box: list[Any]) -> Iterator[int]:
        with box.pop():
            yield 1

    REGISTRY["g"] = rows([obj])
    next(REGISTRY["g"])


@way("suspended-coroutine", undo=lambda: REGISTRY.pop("c").close())
def a_coroutine(obj: Any) -> None:
    """Hold it by a variable of a coroutine that waits."""

    class Waits:
        def __await__(self) -> Iterator[int]:
            yield 1

    async def work(conn: Any) -> None:
        await Waits()
        print(conn)

    REGISTRY["c"] = work(obj)
    REGISTRY["c"].send(None)


@way("traceback", HERE, "REGISTRY (dict)", "['err'] (ValueError)", undo=REGISTRY.clear)
def an_exception(obj: Any) -> None:
    """Hold it by a variable of the function that raised what is kept."""

    def fail(conn: Any) -> None:
        raise ValueError("no")

    try:
        fail(obj)
    except ValueError as error:
        REGISTRY["err"] = error
        error.__traceback__ = error.__traceback__.tb_next  # type: ignore[union-attr]


@way("traceback", undo=lambda: delattr(sys, "last_value"))
def the_last_exception(obj: Any) -> None:
    """Hold it by what the interpreter keeps of the exception that it printed last."""

    def fail(conn: Any) -> None:
        raise ValueError("no")

    try:
        fail(obj)
    except ValueError as error:
        sys.last_value = error.with_traceback(error.__traceback__.tb_next)  # type: ignore[union-attr]


@way("traceback", undo=REGISTRY.clear)
def an_argument_of_an_exception(obj: Any) -> None:
    """Hold it as an argument of an exception that is kept."""
    REGISTRY["err"] = LookupError(obj)


class Handler(logging.Handler):
    """Has a connection."""

    conn: Any = None


@way("logging-handler", "logging (module)", "loggers (dict)", "['zoo.db'] (logging.Logger)", "handlers (list)",
     f"[0] ({__name__}.Handler)", "conn", undo=lambda: logging.getLogger("zoo.db").handlers.clear())  # fmt: skip
def a_logging_handler(obj: Any) -> None:
    """Hold it by a handler of a logger."""
    handler = Handler()
    handler.conn = obj
    logging.getLogger("zoo.db").addHandler(handler)


@way("weak-key-container", HERE, "REGISTRY (dict)", "['w'] (weakref.WeakKeyDictionary)", "data (dict)", "[...]",
     undo=REGISTRY.clear)  # fmt: skip
def a_weak_key_dictionary(obj: Any) -> None:
    """Hold it as the value of a key that lives."""
    REGISTRY["w"] = weakref.WeakKeyDictionary({OWNER: obj})


@way("reference-cycle")
def a_cycle(obj: Any) -> None:
    """Hold it by itself."""
    obj.me = [obj]


@way("reference-cycle")
def a_cycle_beside_it(obj: Any) -> None:
    """Hold it by something that holds itself."""
    other = Backend()
    other.me, other.it = other, obj  # type: ignore[attr-defined]


@way("unknown", undo=lambda: ctypes.pythonapi.Py_DecRef(ctypes.py_object(CALLBACKS.pop()())))
def a_c_extension(obj: Any) -> None:
    """Hold it by a reference that only C code knows."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(obj))
    CALLBACKS.append(weakref.ref(obj))


@way("module-global", "plugin_of_the_zoo (module)", "ACTIVE", undo=CALLBACKS.clear)
def a_module_that_was_taken_out(obj: Any) -> None:
    """Hold it by a module that is in ``sys.modules`` no more, and of which a function is kept."""
    module = types.ModuleType("plugin_of_the_zoo")
    exec("def run(): return ACTIVE", module.__dict__)
    module.ACTIVE = obj  # type: ignore[attr-defined]
    CALLBACKS.append(module.run)


@way("module-global", undo=REGISTRY.clear)
def an_exit_stack(obj: Any) -> None:
    """Hold it by a stack of with blocks that is never closed."""
    REGISTRY["stack"] = ExitStack()
    REGISTRY["stack"].push(lambda *_: None)
    REGISTRY["stack"].obj = obj


@way("suspended-generator", undo=REGISTRY.clear)
def a_context_manager(obj: Any) -> None:
    """Hold it by a context manager that was entered and not left."""

    @contextmanager
    def lent(conn: Any) -> Iterator[int]:
        yield 1

    REGISTRY["cm"] = lent(obj)
    REGISTRY["cm"].__enter__()
    REGISTRY["cm"].args = ()


def held(hold: Callable[[Any], Any]) -> int:
    """Make an object, hold it, and give its address; no variable has it any more."""
    obj = Backend()
    hold(obj)
    return id(obj)


@pytest.mark.parametrize("name", WAYS)
def test_each_way_to_hold_an_object_has_its_verdict_and_name(name: str) -> None:
    """The only holder of an object is told, by the names of the source, with a verdict that has advice."""
    each = WAYS[name]
    gc.disable()  # a cycle is to be found, not collected
    try:
        address = held(each.hold)
        holder = explain({address}).holders[address][0]
    finally:
        gc.enable()
        each.undo()
    assert holder.verdict == each.verdict, str(holder)
    assert not each.path or holder.path[: len(each.path)] == each.path
    assert ADVICE[holder.verdict]


def test_advice_fits_all_that_a_verdict_is_told_of() -> None:
    """A filter of a logger is no handler, and a frame that is kept has no exception: the advice has words for both."""
    assert "removeFilter()" in ADVICE["logging-handler"]
    assert "removeFilter()" in Holder("logging-handler", ("app",), released=True).advice
    assert "frame" in ADVICE["traceback"]


def test_the_zoo_is_large() -> None:
    """It has many more ways than the promised 25, with nearly all verdicts."""
    assert len(WAYS) >= 40
    assert len({each.verdict for each in WAYS.values()}) >= 15


def test_a_running_function_is_told_with_its_variable() -> None:
    """Variables of running functions are seen, though the collector does not see them."""
    mine = Backend()
    (holder,) = lifetrack.why_alive(mine)
    assert holder.verdict == "running-frame"
    assert holder.path[0].startswith(
        "test_a_running_function_is_told_with_its_variable() (running function, test_zoo.py:"
    )
    assert holder.path[1:] == ("mine",)


def test_other_threads_are_searched() -> None:
    """A variable of a function, of a ``threading.local`` and of a context are found in another thread."""
    addresses: list[int] = []
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        mine, LOCAL.other = Backend(), Backend()
        VARIABLE.set(Backend())
        addresses.extend((id(mine), id(LOCAL.other), id(VARIABLE.get())))
        begun.set()
        done.wait(10)

    thread = threading.Thread(target=work, name="worker of the zoo")
    thread.start()
    assert begun.wait(10)
    found = explain(addresses).holders
    done.set()
    thread.join()
    frame, local, variable = (found[address][0] for address in addresses)
    assert (frame.verdict, frame.path[1:]) == ("running-frame", ("mine",))
    assert "thread worker of the zoo" in frame.path[0]
    assert str(local) == f"{__name__}.LOCAL.other (thread-local)"
    assert (variable.verdict, variable.path[-1]) == ("contextvar", "variable current_backend")


def test_tasks_and_asynchronous_generators() -> None:
    """A task that waits and an asynchronous generator that was begun are told as such, not as what they hang on."""
    addresses: list[int] = []

    async def work() -> None:
        conn = Backend()
        addresses.append(id(conn))
        await asyncio.sleep(60)

    async def rows() -> Any:
        conn = Backend()
        addresses.append(id(conn))
        yield 1

    async def main() -> dict[int, tuple[Holder, ...]]:
        task, generator = asyncio.ensure_future(work()), rows()
        await asyncio.sleep(0)
        await generator.__anext__()
        found = explain(addresses).holders
        task.cancel()
        await generator.aclose()
        return found

    found = asyncio.run(main())
    assert [found[address][0].verdict for address in addresses] == ["pending-task", "suspended-generator"]
    assert [found[address][0].path[-1] for address in addresses] == ["conn", "conn"]


def test_a_loop_of_a_running_function_holds_its_generator() -> None:
    """A generator that only a ``for`` loop has is found, where the collector knows no holder of it."""
    addresses: list[int] = []

    def rows() -> Iterator[int]:
        conn = Backend()
        addresses.append(id(conn))
        yield 1

    for _ in rows():
        holder = explain(addresses).holders[addresses[0]][0]
        assert (holder.verdict, holder.path[-1]) == ("suspended-generator", "conn")


def test_the_file_that_a_program_has_is_told_not_its_layers() -> None:
    """The path to the innermost layer of a file ends with what ``open`` gave."""
    REGISTRY["log"] = open(os.devnull, encoding="utf-8")
    address = id(REGISTRY["log"].buffer.raw)
    (holder,) = explain({address}).holders[address]
    with REGISTRY.pop("log"):
        assert str(holder) == f"{__name__}.REGISTRY['log'] (module-global)"
    assert issubclass(io.TextIOWrapper, io.TextIOBase)


def test_what_the_collector_does_not_track_is_found() -> None:
    """An object without a place for references, in a dictionary that the collector leaves alone."""

    class Plain:
        __slots__ = ()

    REGISTRY["plain"] = {"x": Plain()}
    address = id(REGISTRY["plain"]["x"])
    (holder,) = explain({address}).holders[address]
    REGISTRY.clear()
    assert str(holder) == f"{__name__}.REGISTRY['plain']['x'] (module-global)"


def test_a_frozen_heap_is_seen() -> None:
    """``gc.freeze`` hides holders from the collector, not from a walk from the roots."""
    address = held(lambda obj: REGISTRY.update(frozen=[obj]))
    gc.freeze()
    (holder,) = explain({address}).holders[address]
    REGISTRY.clear()
    assert str(holder) == f"{__name__}.REGISTRY['frozen'][0] (module-global)"
