"""What is timed: small classes, and the loops over them.

Every case has classes and loops of its own, compiled anew from source: the interpreter specialises each instruction
for the classes it sees, so code shared between a plain and a tracked class would slow both and hide the difference.
"""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Callable
from sys import _getframe
from typing import Any, TypeAlias

#: Times a number of rounds; gives seconds.
Loop: TypeAlias = Callable[[int], float]

_CLASS = """
class Resource:
    def __init__(self):
        self.value = 1
    def method(self):
        pass
    def close(self):
        pass
    def __enter__(self):
        return self
    def __exit__(self, *exc_info):
        self.close()
"""
_ARGUMENTS = """
class Resource:
    def __init__(self, name, size=3, *, mode="r"):
        self.name = name
        self.size = size
        self.mode = mode
    def close(self):
        pass
"""
_SUPER = """
class Sub(Resource):
    def __init__(self):
        super().__init__()
        self.more = 2
"""
_OVERRIDING = """
class Sub(Resource):
    def __init__(self):
        super().__init__()
        self.more = 2
    def close(self):
        super().close()
        self.more = 0
"""
_BARE = """
class Sub(Resource):
    pass
"""
#: Name: source of the class to decorate, source of the class to use if it is another, how to make one.
CLASSES = {
    "class": (_CLASS, "", "Resource()"),
    "class with arguments": (_ARGUMENTS, "", 'Resource("a", 4, mode="w")'),
    "subclass, inherits all": (_CLASS, _BARE, "Sub()"),
    "subclass, __init__ calls super()": (_CLASS, _SUPER, "Sub()"),
    "subclass, __init__ and close call super()": (_CLASS, _OVERRIDING, "Sub()"),
}

_LOOP = """
def loop(rounds):
    each = range(rounds)
    {before}
    began = clock()
    for _ in each:
        {body}
    return clock() - began
"""
_ONE = """
def one():
    {body}
"""
_TWO = """
def two():
    one()
"""
_DEEP = """
def deep(frames):
    if frames:
        deep(frames - 1)
    else:
        {body}
"""


def made(name: str, decorate: Callable[[type], type] | None) -> dict[str, Any]:
    """Give a namespace with the class of a case, decorated before it is subclassed."""
    base, subclass, _ = CLASSES[name]
    namespace: dict[str, Any] = {"__name__": "workloads"}
    exec(compile(base, "workload", "exec"), namespace)
    if decorate is not None:
        namespace["Resource"] = decorate(namespace["Resource"])
    exec(compile(subclass, "workload", "exec"), namespace)
    return namespace


def _compiled(source: str, namespace: dict[str, Any], clock: Callable[[], float], **more: Any) -> Any:
    namespace = {**namespace, "clock": clock, **more}
    exec(compile(source, "workload", "exec"), namespace)
    return namespace


def using(name: str, statement: str, decorate: Callable[[type], type] | None, clock: Callable[[], float]) -> Loop:
    """Time a use of one live object, ten times a round."""
    before = f"resource = {CLASSES[name][2]}"
    body = "; ".join([statement] * 10)
    namespace = _compiled(_LOOP.format(before=before, body=body), made(name, decorate), clock)
    found: Loop = namespace["loop"]
    return found


def cycle(
    name: str, decorate: Callable[[type], type] | None, clock: Callable[[], float], callers: str = "loop"
) -> Loop:
    """Time create and close, called by the loop itself or through functions that are called anew each time."""
    new = CLASSES[name][2]
    bodies = {"with": f"with {new} as resource: resource.method()"}
    body = bodies.get(callers, f"resource = {new}; resource.close()")
    return _called(body, made(name, decorate), clock, callers)


def _called(body: str, namespace: dict[str, Any], clock: Callable[[], float], callers: str, **more: Any) -> Loop:
    if callers == "deep":
        source = _DEEP.format(body=body) + _LOOP.format(before="", body="deep(16)")
    elif callers in ("one", "two"):
        source = _ONE.format(body=body) + _TWO + _LOOP.format(before="", body=f"{callers}()")
    else:
        source = _LOOP.format(before="", body=body)
    found: Loop = _compiled(source, namespace, clock, **more)["loop"]
    return found


def finalized(name: str, clock: Callable[[], float], callers: str = "loop") -> Loop:
    """Time create and close with the standard library's finalizer, made and detached."""
    new, finalize = CLASSES[name][2], "end = finalize(resource, print)"
    body = f"resource = {new}; {finalize}; resource.close(); end.detach()"
    if callers == "with":
        body = f"with {new} as resource: {finalize}; resource.method(); end.detach()"
    return _called(body, made(name, None), clock, callers, finalize=weakref.finalize)


def call_of(body: str, clock: Callable[[], float], callers: str = "loop", **names: Any) -> Loop:
    """Time a statement that uses ``names``."""
    return _called(body, {}, clock, callers, **names)


def captures(capture: Callable[[Any], object], clock: Callable[[], float], callers: str) -> Loop:
    """Time a capture of the stack."""
    return call_of("capture(getframe(0))", clock, callers, capture=capture, getframe=_getframe)


def extracts(frames: int, clock: Callable[[], float]) -> Loop:
    """Time the standard library's capture."""
    return call_of(f"extract(limit={frames})", clock, "two", extract=traceback.extract_stack)


def at_depth(depth: int, function: Callable[[], Any]) -> Any:
    """Call a function under so many frames of user code."""
    return at_depth(depth - 1, function) if depth else function()
