"""Fates: what a function does with what it has acquired, read from its source. What is not plain to see is unclear."""

from __future__ import annotations

import ast
from typing import NamedTuple

from lifetrack.detect.sources import Source, Spot

#: It stays in the block; is returned; kept in an attribute of ``self``; in a local container; consumed on the spot.
LOCAL, RETURNED, ATTRIBUTE, COLLECTED, CONSUMED = "local", "returned", "attribute", "collected", "consumed"
_ADDING = {"append", "add", "appendleft"}
#: Functions that have what they were given for the time of the call only.
_CONSUMERS = {
    "load", "safe_load", "loads", "parse", "list", "tuple", "set", "dict", "sorted", "sum", "len", "max", "min", "any",
    "all", "print", "str", "bytes", "int", "float", "dump", "safe_dump", "copyfileobj", "isinstance", "id", "type",
}  # fmt: skip
#: Methods that give a value, not something that goes on living on the object.
_ASKING = ("read", "recv", "get", "fetch", "load", "dump", "write", "send", "close", "is", "has", "count", "tell")
#: Attributes that are no methods.
_PLAIN_ATTRIBUTES = {"name", "pid", "mode", "closed", "path", "returncode", "encoding"}
#: Functions that keep what they were given beyond the call.
_KEEPERS = {
    "create_task", "ensure_future", "submit", "run_in_executor", "start_soon", "start_new_thread", "apply_async",
    "map_async", "call_later", "call_soon", "call_soon_threadsafe", "register", "connect", "subscribe", "transfer",
    "enter_context", "enter_async_context", "push", "callback", "push_async_exit", "setattr", "put", "put_nowait",
    "setdefault", "insert", "extend", "update", "partial", "track", "ref", "finalize", "set", "closing", "aclosing",
}  # fmt: skip


class Fate(NamedTuple):
    """What becomes of a resource, and the name or attribute under which it is known; empty for none."""

    kind: str
    name: str = ""
    #: The last statement of the block in which it is used.
    last: ast.stmt | None = None


def fate_of(spot: Spot) -> Fate | None:
    """Tell what becomes of what a call gives; None where that is unclear."""
    source, statement = spot.source, spot.statement
    value: ast.AST = spot.call
    above = source.parents[value]
    if isinstance(above, ast.Await):
        value, above = above, source.parents[above]
    target = _target(statement, value)
    if isinstance(target, ast.Name):
        return _fate_of_name(spot, target.id)
    if isinstance(target, ast.Attribute):
        return _fate_of_attribute(spot, target)
    if target is not None:
        return None
    if isinstance(statement, ast.Return) and above is statement:
        return Fate(RETURNED)
    if isinstance(above, ast.ListComp | ast.SetComp) and above.elt is value:
        container = _target(statement, above)
        return _in_container(spot, container.id) if isinstance(container, ast.Name) else None
    if isinstance(above, ast.Call) and (container_name := _adds(above)) and source.parents[above] is statement:
        return _in_container(spot, container_name)
    return Fate(CONSUMED) if _is_consumed(source, value, above, statement) else None


def _target(statement: ast.stmt, value: ast.AST) -> ast.expr | None:
    if isinstance(statement, ast.Assign) and statement.value is value and len(statement.targets) == 1:
        return statement.targets[0]
    if isinstance(statement, ast.AnnAssign) and statement.value is value:
        return statement.target
    return None


def _adds(call: ast.Call) -> str:
    """Give the name of the container that a call adds its one argument to."""
    function = call.func
    is_adding = isinstance(function, ast.Attribute) and function.attr in _ADDING and len(call.args) == 1
    return function.value.id if is_adding and isinstance(function, ast.Attribute) and isinstance(
        function.value, ast.Name) else ""  # fmt: skip


def _is_consumed(source: Source, value: ast.AST, above: ast.AST, statement: ast.stmt) -> bool:
    """Whether a statement is done with a nameless resource when it ends."""
    if any(True for _ in source.within(value, (ast.comprehension, ast.GeneratorExp, ast.ListComp, ast.With))):
        return False
    if isinstance(statement, ast.For) and statement.iter is value:
        return True
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr | ast.Return | ast.AugAssign):
        return False
    if isinstance(above, ast.Expr | ast.Yield):
        return True
    if isinstance(above, ast.Attribute):
        call = source.parents[above]
        return isinstance(call, ast.Call) and call.func is above and above.attr.startswith(_ASKING)
    return isinstance(above, ast.Call) and value in above.args and source.name_of(above.func)[1] in _CONSUMERS


# -- under a name ------------------------------------------------------------------------------------------------


def _names(scope: ast.AST, name: str) -> list[ast.Name]:
    return [node for node in ast.walk(scope) if isinstance(node, ast.Name) and node.id == name]


def _is_declared(scope: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Global | ast.Nonlocal) and name in node.names for node in ast.walk(scope))


def _fate_of_name(spot: Spot, name: str) -> Fate | None:
    """Tell what becomes of a resource that was given a name."""
    source, scope = spot.source, spot.scope
    uses = _names(scope, name)
    if _is_declared(scope, name) or sum(isinstance(use.ctx, ast.Store | ast.Del) for use in uses) != 1:
        return None
    block = source.suite_after(spot.statement)
    fates, last = set[Fate](), None
    for use in uses:
        if isinstance(use.ctx, ast.Store):
            continue
        inside = next((each for each in block if use in ast.walk(each)), None)
        if inside is None or source.scope_of(use) is not scope:
            return None
        last = inside if last is None or block.index(inside) > block.index(last) else last
        fate = _fate_of_use(spot, use)
        if fate is None:
            return None
        fates.add(fate)
    return _together(fates - {Fate(LOCAL)}, name, last)


def _together(others: set[Fate], name: str, last: ast.stmt | None) -> Fate | None:
    if not others:
        return Fate(LOCAL, name, last)
    only = next(iter(others))
    if len(others) > 1:
        return None
    return only._replace(name=only.name or name)


def _fate_of_use(spot: Spot, use: ast.Name) -> Fate | None:
    source = spot.source
    above = source.parents[use]
    if isinstance(above, ast.Return):
        return Fate(RETURNED)
    if isinstance(above, ast.Attribute):
        return _fate_of_method(source, above)
    if isinstance(above, ast.Assign) and above.value is use:
        (target, *more) = above.targets
        return _fate_of_attribute(spot, target) if isinstance(target, ast.Attribute) and not more else None
    if isinstance(above, ast.Call) and use in above.args:
        container = _adds(above)
        if container:
            return _in_container(spot, container)
        return _fate_of_argument(spot, above)
    if isinstance(above, ast.Yield | ast.Expr | ast.Compare | ast.If | ast.FormattedValue | ast.For | ast.withitem):
        return None if isinstance(above, ast.withitem) else Fate(LOCAL)
    return None


def _fate_of_method(source: Source, attribute: ast.Attribute) -> Fate | None:
    """Tell whether what an attribute or method gives may live on when the resource is released."""
    above = source.parents[attribute]
    if not isinstance(attribute.ctx, ast.Load):
        return Fate(LOCAL)
    is_call = isinstance(above, ast.Call) and above.func is attribute
    if not is_call and isinstance(above, ast.Call | ast.keyword):
        is_plain = attribute.attr in _PLAIN_ATTRIBUTES and isinstance(above, ast.Call)
        return Fate(LOCAL) if is_plain else None  # it may be a bound method that is handed on
    outer = source.parents[above] if is_call else above
    if isinstance(outer, ast.Await):
        outer = source.parents[outer]
    if isinstance(outer, ast.Return) and not attribute.attr.startswith(_ASKING):
        return None
    return Fate(LOCAL)


def _fate_of_argument(spot: Spot, call: ast.Call) -> Fate | None:
    """Tell whether a function may have kept what it was handed; a class does."""
    name = spot.source.name_of(call.func)[1]
    if name in _CONSUMERS:
        return Fate(LOCAL)
    if not name or name in _KEEPERS or name.lstrip("_")[:1].isupper():
        return None
    outer = spot.source.parents[call]
    if isinstance(outer, ast.Await):
        outer = spot.source.parents[outer]
    if isinstance(outer, ast.Expr):  # what is alive as a variable of the module need not be kept by anybody else
        return Fate(LOCAL) if spot.dropped or isinstance(spot.scope, ast.Module) else None
    is_bound = isinstance(outer, ast.Assign) and isinstance(outer.targets[0], ast.Name)
    return Fate(LOCAL) if is_bound and spot.dropped else None


def _fate_of_attribute(spot: Spot, target: ast.Attribute) -> Fate | None:
    """Tell whether this is an attribute of the object whose method the function is."""
    scope = spot.scope
    if isinstance(scope, ast.Module) or not isinstance(spot.source.parents.get(scope), ast.ClassDef):
        return None
    first = next(iter([*scope.args.posonlyargs, *scope.args.args]), None)
    is_own = first is not None and isinstance(target.value, ast.Name) and target.value.id == first.arg
    is_plain = not any(isinstance(each, ast.Name) for each in scope.decorator_list)  # no classmethod
    return Fate(ATTRIBUTE, target.attr) if is_own and is_plain else None


def _in_container(spot: Spot, container: str) -> Fate | None:
    """Tell whether a container stays where it was made."""
    uses = _names(spot.scope, container)
    if _is_declared(spot.scope, container) or not any(isinstance(use.ctx, ast.Store) for use in uses):
        return None
    for use in uses:
        above = spot.source.parents[use]
        if spot.source.scope_of(use) is not spot.scope:
            return None
        if isinstance(use.ctx, ast.Store):
            continue
        if isinstance(above, ast.Return | ast.Yield | ast.Assign | ast.Tuple | ast.List | ast.Dict | ast.keyword):
            return None
        if isinstance(above, ast.Call) and use in above.args and spot.source.name_of(above.func)[1] not in _CONSUMERS:
            return None
    return Fate(COLLECTED, container)
