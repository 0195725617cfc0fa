"""Naming: a way of references, object by object, becomes the elements that a reader knows from the source."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import (
    CellType,
    FrameType,
    FunctionType,
    ModuleType,
    TracebackType,
)
from typing import Any, TypeAlias

from lifetrack.holders.describing import CONTEXT, LOCAL, LRU, described, is_end_of_block, verdict_of
from lifetrack.holders.looking import (
    Finder,
    class_name,
    computed,
    frame_of,
    instance_dict,
    is_a,
    is_of,
    is_suspendable,
    local_name,
    name_in,
    shown_name,
)
from lifetrack.holders.roots import FINALIZER, Root
from lifetrack.ledger.entries import type_name
from lifetrack.values import holders as verdicts
from lifetrack.values.holders import Holder

#: Verdicts that decide wherever on a path they stand; of the others the one nearest to the object does.
_DECISIVE = (verdicts.SIGNAL_HANDLER, verdicts.ATEXIT_HANDLER, verdicts.TRACEBACK)
_INSIDE = "(inside)"
_HAMT = frozenset({"hamt", "hamt_bitmap_node", "hamt_array_node", "hamt_collision_node"})
#: What stands above the file that a program has: the layers that ``open`` makes.
_LAYERS = frozenset({"_io.TextIOWrapper", "_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom"})


class Step:
    """One element of a path: its name, for how many objects of the way it stands, and the verdict it speaks for."""

    # No named tuple: making one runs code from text, by which the interpreter forgets that Ctrl-C ended the program.
    __slots__ = ("length", "name", "verdict")

    def __init__(self, name: str, length: int = 1, verdict: str | None = None) -> None:
        self.name = name
        self.length = length
        self.verdict = verdict


class Told:
    """A way that was told: the elements of its path, and the verdicts that they speak for, from the root on."""

    __slots__ = ("path", "verdicts")

    def __init__(self, path: tuple[str, ...], verdicts: tuple[str, ...]) -> None:
        self.path = path
        self.verdicts = verdicts


def judged(told: Told, always: str | None = None) -> Holder:
    """Give the verdict on a way that was told; ``always`` decides where it is given."""
    verdict = always or next((each for each in told.verdicts if each in _DECISIVE), told.verdicts[-1])
    return Holder(verdicts.ATEXIT_HANDLER if verdict == FINALIZER else verdict, told.path)


class Namer:
    """Tells ways. It keeps what it has looked up in long containers, so it is made for one walk and dropped."""

    def __init__(self) -> None:
        self._find = Finder()

    def expect(self, way: list[Any], guesses: Callable[[int], int]) -> None:
        """Hear of a way that is to be told; see ``Finder.expect``."""
        self._find.expect(way, guesses)

    def tell(self, root: Root, way: list[Any]) -> Told:
        """Tell a way from the carrier of a root to an object, which is the last of it."""
        while len(way) > 2 and type_name(type(way[-2])) in _LAYERS:
            way.pop()  # the program has the file, not its innermost layer
        path, found = [root.label], [root.verdict]
        at, last = 0, len(way) - 1
        named = root.named and is_of(way[0], dict)
        while at < last:
            if at and (verdict := verdict_of(way[at], found[-1])) is not None:
                found.append(verdict)
            module = _namespace(way, at, last)
            if module is not None:
                path, found, named = [f"{module} (module)"], [verdicts.MODULE_GLOBAL], True
                at += 1
                continue
            if not at and type(way[0]) is list and root.copied and not root.named:  # a list of ours
                at += 1
                if type_name(type(way[at])) != CONTEXT and root.verdict != verdicts.ANOTHER_LEAK:
                    path.append(described(way[at]) if at < last else "itself")
                continue
            step = self._named(way, at) if named else self._step(way, at, last)
            named = False
            at = min(at + step.length, last)
            if step.verdict is not None:
                found.append(step.verdict)
            path.append(step.name if at == last else f"{step.name} ({described(way[at])})")
        return Told(tuple(path), tuple(found))

    def _named(self, way: list[Any], at: int) -> Step:
        return Step(name_in(way[at], way[at + 1]) or _INSIDE)

    def _step(self, way: list[Any], at: int, last: int) -> Step:
        holder, held = way[at], way[at + 1]
        if is_of(held, TracebackType) and not is_of(holder, FrameType):
            return _through_traceback(way, at, last)
        for classes, tell in _TELLERS:
            if is_of(holder, *classes):
                return tell(self._find, way, at, last)
        return self._other(way, at, last)

    def _other(self, way: list[Any], at: int, last: int) -> Step:
        holder = way[at]
        if is_suspendable(holder):
            is_block = at + 1 < last and is_end_of_block(way[at + 1])
            return Step("its with block", 2) if is_block else Step(_local_of(holder, way[at + 1]))
        for name, tell in _BY_NAME:
            if is_a(holder, name):
                step = tell(self._find, way, at, last)
                if step is not None:
                    return step
        return _attribute(self._find, way, at, last)


def _namespace(way: list[Any], at: int, last: int) -> str | None:
    """Give the name of a module that is not in ``sys.modules`` any more, where a function leads to its namespace."""
    holder, held = way[at], way[at + 1]
    if at + 1 == last or not is_of(held, dict):
        return None
    is_globals = is_of(holder, FunctionType) and holder.__globals__ is held
    is_module = is_of(holder, ModuleType)
    if not is_globals and not is_module:
        return None
    name = dict.get(held, "__name__")
    return name if type(name) is str and name.replace(".", "").isidentifier() else "a namespace"


# -- the tellers, by what holds ----------------------------------------------------------------------------------


def _through_traceback(way: list[Any], at: int, last: int) -> Step:
    """Go over a chain of tracebacks to the frame, and of that to the variable."""
    end = at + 1
    while end < last and is_of(way[end], TracebackType):
        end += 1
    return Step("traceback", end - at, verdicts.TRACEBACK)


def _mapping(find: Finder, way: list[Any], at: int, last: int) -> Step:
    name = find.key(way[at], way[at + 1])
    return Step(name) if name is not None else _attribute(find, way, at, last)


def _sequence(find: Finder, way: list[Any], at: int, last: int) -> Step:
    name = find.index(way[at], way[at + 1])
    return Step(name) if name is not None else _attribute(find, way, at, last)


def _set(find: Finder, way: list[Any], at: int, _last: int) -> Step:
    name = find.attribute(way[at], way[at + 1]) if type(way[at]) not in (set, frozenset) else None
    return Step(name or "(a member)")


def _class(_: Finder, way: list[Any], at: int, last: int) -> Step:
    holder, held = way[at], way[at + 1]
    names = type.__dict__["__dict__"].__get__(holder)
    if type(held) is dict and at + 1 < last and (name := name_in(dict(names), way[at + 2])) is not None:
        return Step(name, 2, verdicts.CLASS_ATTRIBUTE)
    name = name_in(dict(names), held)
    return Step(name, 1, verdicts.CLASS_ATTRIBUTE) if name is not None else Step("(its class)")


def _function(find: Finder, way: list[Any], at: int, last: int) -> Step:
    holder, held = way[at], way[at + 1]
    if at + 1 < last:
        inner = way[at + 2]
        if held is holder.__closure__ and is_of(inner, CellType):
            name = dict(zip(map(id, held), holder.__code__.co_freevars, strict=False)).get(id(inner), "variable")
            return Step(f"closure variable {name}", min(3, last - at), verdicts.CLOSURE_CELL)
        if held is holder.__defaults__:
            return Step(f"default of {_default_name(holder, inner)}", 2, verdicts.DEFAULT_ARGUMENT)
        if held is holder.__kwdefaults__:
            return Step(f"default of {name_in(held, inner) or 'an argument'}", 2, verdicts.DEFAULT_ARGUMENT)
    return _attribute(find, way, at, last)


def _default_name(function: FunctionType, held: object) -> str:
    defaults = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount][-len(defaults) :]
    return next((name for name, value in zip(names, defaults, strict=False) if value is held), "an argument")


def _cell(_find: Finder, _way: list[Any], _at: int, _last: int) -> Step:
    return Step("cell_contents", 1, verdicts.CLOSURE_CELL)


def _frame(_: Finder, way: list[Any], at: int, last: int) -> Step:
    name = local_name(way[at], way[at + 1])
    if name is None and is_of(way[at + 1], dict) and at + 1 < last:
        name = name_in(way[at + 1], way[at + 2])
        return Step(name or _INSIDE, 2)
    return Step(name or ("its caller" if is_of(way[at + 1], FrameType) else "(a temporary value)"))


def _local_of(holder: Any, held: Any) -> str:
    name = local_name(frame_of(holder), held)
    return name or ("what it waits for" if is_suspendable(held) else "(a temporary value)")


def _lru(_: Finder, way: list[Any], at: int, last: int) -> Step | None:
    """Tell what a cache keeps: its keys are made of the arguments, its values are the results."""
    holder, held = way[at], way[at + 1]
    if held is getattr(holder, "__wrapped__", None) or held is instance_dict(holder):
        return None
    end = at + 1
    if type(held) is dict and end < last:
        if any(value is way[end + 1] for value in held.values()):
            return Step("a cached result", 2)
        end += 1
    while end < last and (type(way[end]) is tuple or is_a(way[end], "functools._HashedSeq")):
        end += 1
        return Step("a cached argument", end - at)
    return Step("a cached result" if type(held) is not dict else "a cached argument", end - at)


def _thread_local(_: Finder, way: list[Any], at: int, last: int) -> Step | None:
    """Go over the dictionaries of a ``threading.local``: that of the threads, and that of one thread."""
    end = at + 1
    while end < last and type(way[end]) is dict and end < at + 3:
        end += 1
    names = way[end - 1]
    name = name_in(names, way[end]) if end > at + 1 else None
    return None if name is None else Step(name, end - at)


def _context(_: Finder, way: list[Any], at: int, last: int) -> Step | None:
    end = at + 1
    while end < last and class_name(way[end]) in _HAMT:
        end += 1
    held = way[end]
    name = next((shown_name(var.name) for var, value in way[at].items() if value is held), None)
    return Step(f"variable {name}" if name else "a variable", end - at)


def _context_variable(_: Finder, way: list[Any], at: int, _last: int) -> Step | None:
    return Step(f"default of {shown_name(way[at].name) or 'the variable'}")


def _future(_: Finder, way: list[Any], at: int, _last: int) -> Step | None:
    """Tell what a future or task written in C has, which shows it by attributes that are computed."""
    held = way[at + 1]
    for name, word in _OF_FUTURES.items():
        if computed(way[at], name) is held:
            return Step(word)
    callbacks = computed(way[at], "_callbacks") or ()
    if type(held) is list and callbacks:
        return Step("its callbacks")
    return Step("its callback") if any(each is held for each, *_ in callbacks) else None


_OF_FUTURES = {"_result": "its result", "_exception": "its exception", "_fut_waiter": "what it waits for"}


def _attribute(find: Finder, way: list[Any], at: int, last: int) -> Step:
    holder, held = way[at], way[at + 1]
    if type(held) is dict and at + 1 < last and instance_dict(holder) is held:
        return Step(name_in(held, way[at + 2]) or _INSIDE, 2)
    name = find.attribute(holder, held)
    if name is None and is_suspendable(held):
        name = "its coroutine"
    return Step(name or ("(its class)" if held is type(holder) else _INSIDE))


_Teller: TypeAlias = Callable[[Finder, list[Any], int, int], Step]
_TELLERS: tuple[tuple[tuple[Any, ...], _Teller], ...] = (
    ((dict,), _mapping),
    ((list, tuple, deque), _sequence),
    ((set, frozenset), _set),
    ((type,), _class),
    ((FunctionType,), _function),
    ((CellType,), _cell),
    ((FrameType,), _frame),
)
_BY_NAME: tuple[tuple[str, Callable[[Finder, list[Any], int, int], Step | None]], ...] = (
    (LRU, _lru),
    (LOCAL, _thread_local),
    (CONTEXT, _context),
    ("_asyncio.Future", _future),
    ("_contextvars.ContextVar", _context_variable),
)
