"""Suggesting: the source as it could be, so that a leak is released. No suggestion rather than a wrong one."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lifetrack.detect.fates import ATTRIBUTE, COLLECTED, CONSUMED, LOCAL, RETURNED, Fate, fate_of
from lifetrack.detect.forms import ACLOSING, ASYNC_FINALLY, CLOSING, FINALLY, Form, form_of
from lifetrack.detect.sources import Source, Spot, read
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.declarations import STRONG_RELEASES, WEAK_RELEASES, Declaration
from lifetrack.values.events import ACQUIRED
from lifetrack.values.findings import Finding
from lifetrack.values.stacks import Site
from lifetrack.values.suggestions import Suggestion

_RULES = frozenset({"LT101", "LT102", "LT103", "LT104"})
_OWNERS = frozenset({"process", "scope", "test", "fixture", "task", "thread"})
#: Functions that give a resource of another name than their own, by the beginning of the type's name.
_MAKERS = {
    "open": ("_io.",), "fdopen": ("_io.",), "create_connection": ("socket.",), "create_server": ("socket.",),
    "urlopen": ("http.client.",), "scandir": ("os.", "posix."),
}  # fmt: skip
#: How many functions may hand a resource out, one to the next.
_HANDS = 5
_WIDEST, _SHOWN = 100, 3


class _Wanted(NamedTuple):
    """What is looked for: a resource of this type, or what a function of this name gives."""

    type_name: str
    form: Form
    dropped: bool
    function: str = ""

    @property
    def name(self) -> str:
        """A name for a variable."""
        if self.type_name.startswith("_io."):
            return "file"
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.type_name.rpartition(".")[2]).lower().strip("_")
        return words if words.isidentifier() else "resource"


class Suggesting:
    """Makes suggestions; reads each file once."""

    def __init__(self, declarations: dict[str, Declaration]) -> None:
        self._declarations = declarations
        self._sources: dict[str, Source | None] = {}
        self._forms: dict[str, Form | None] = {}

    def suggestion(self, finding: Finding) -> Suggestion | None:
        """Say how to write the source of a finding so that the resource is released; None where that is not sure."""
        if finding.rule == "LT404" and finding.site is not None:
            return self._held(finding.site)
        if finding.rule not in _RULES or finding.owner.kind not in _OWNERS or finding.duty_site is not None:
            return None
        name, site = finding.resource.type, finding.site
        if site is None or name not in self._declarations or FILES[site.file] != USER:
            return None
        if name not in self._forms:
            self._forms[name] = form_of(name, self._declarations[name])
        form = self._forms[name]
        if form is None:
            return None
        dropped = finding.rule == "LT102" or finding.left_by is not None
        return self._at(_sites(finding, site), _Wanted(name, form, dropped))

    def _source(self, file: str) -> Source | None:
        if file not in self._sources:
            self._sources[file] = read(file)
        return self._sources[file]

    def _held(self, site: Site) -> Suggestion | None:
        """Suggest a block for a lock that is taken by a call of its own."""
        source = self._source(site.file) if FILES[site.file] == USER else None
        for spot in () if source is None else source.calls_at(site):
            function, statement = spot.call.func, spot.statement
            if isinstance(function, ast.Attribute) and function.attr == "acquire" and isinstance(statement, ast.Expr):
                is_awaited = isinstance(statement.value, ast.Await)
                lock = spot.source.text(function.value)
                code = f"{'async with' if is_awaited else 'with'} {lock}:\n    ..."
                return Suggestion(site, "hold it by a block, which releases it on every way out", code)
        return None

    def _at(self, sites: Sequence[Site], wanted: _Wanted) -> Suggestion | None:
        site = sites[0]
        source = self._source(site.file)
        spots = [] if source is None else [spot for spot in source.calls_at(site) if _is_wanted(spot, wanted)]
        if len(spots) != 1:
            return None
        fate = fate_of(spots[0]._replace(dropped=wanted.dropped))
        if fate is None:
            return None
        if fate.kind == RETURNED:
            return self._handed_out(sites, wanted)
        writer = _Writer(spots[0], wanted, fate, site)
        return writer.suggestion() if writer.fits() else None

    def _handed_out(self, sites: Sequence[Site], wanted: _Wanted) -> Suggestion:
        """Suggest it to the caller, who gets the resource from a function."""
        function = sites[0].function.rpartition(".")[2]
        if len(sites) > 1 and function.isidentifier():
            found = self._at(sites[1:], wanted._replace(function=function))
            if found is not None:
                return found
        release = f"{wanted.form.release}()" if wanted.form.release else "a 'with' block"
        return Suggestion(sites[0], f"{function}() hands it out, so whoever calls that has to release it by {release}")


def _sites(finding: Finding, site: Site) -> list[Site]:
    """Give the site and the user's frames above it."""
    stack = next((event.stack for event in finding.events if event.event == ACQUIRED), ())
    above = stack[stack.index(site) + 1 :] if site in stack else ()
    return [site, *(each for each in above if FILES[each.file] == USER)][: _HANDS + 1]


def _is_wanted(spot: Spot, wanted: _Wanted) -> bool:
    base, name = spot.source.name_of(spot.call.func)
    if wanted.function:
        return name == wanted.function
    parts = wanted.type_name.split(".")
    if name == parts[-1] or wanted.type_name.startswith(_MAKERS.get(name, ("\0",))):
        return True
    return base == parts[0] != "__main__" and name in {"open", "connect"}


class _Writer:
    """Writes one suggestion."""

    def __init__(self, spot: Spot, wanted: _Wanted, fate: Fate, site: Site) -> None:
        self._source, self._spot, self._fate, self._site = spot.source, spot, fate, site
        self._form = wanted.form
        value: ast.AST = spot.call
        if isinstance(spot.source.parents[value], ast.Await):
            value = spot.source.parents[value]
        self._value = value
        self._call = spot.source.text(value)
        self._name = fate.name if fate.kind == LOCAL and fate.name else wanted.name

    def fits(self) -> bool:
        """Whether the form can be used here: one for coroutines only in a coroutine."""
        return not self._form.is_async or isinstance(self._spot.scope, ast.AsyncFunctionDef)

    def suggestion(self) -> Suggestion | None:
        """Give the suggestion."""
        if self._fate.kind == ATTRIBUTE:
            return self._for_owner()
        if self._fate.kind == COLLECTED:
            return self._on_stack()
        if self._fate.kind == LOCAL:
            return self._as_block(self._rest(), f"put what uses '{self._name}' into a block that releases it")
        if self._fate.kind == CONSUMED:
            return self._as_block(self._statement_with(self._name), "give it a name, and a block that releases it")
        return None

    def _made(self, text: str, lines: Sequence[str]) -> Suggestion | None:
        if any(len(line) > _WIDEST for line in lines):
            return None
        return Suggestion(self._site, text, "\n".join(lines))

    # -- a block -------------------------------------------------------------------------------------------------

    def _as_block(self, body: list[str], text: str) -> Suggestion | None:
        form, name, call = self._form, self._name, self._call
        inner = textwrap.indent("\n".join(body), "    ").splitlines()
        if form.kind in {FINALLY, ASYNC_FINALLY}:
            release = f"{'await ' if form.is_async else ''}{name}.{form.release}()"
            return self._made(text, [f"{name} = {call}", "try:", *inner, "finally:", f"    {release}"])
        if form.kind in {CLOSING, ACLOSING}:
            call = f"contextlib.{form.kind}({call})"
        keyword = "async with" if form.is_async else "with"
        if not form.gives_itself:
            return self._made(text, [f"{name} = {call}", f"{keyword} {name}:", *inner])
        return self._made(text, [f"{keyword} {call} as {name}:", *inner])

    def _rest(self) -> list[str]:
        """Give what comes into the block: the following statements, if they are few and short."""
        block = self._source.suite_after(self._spot.statement)
        if self._fate.last is None:
            return ["..."]
        used = [each for each in block[: block.index(self._fate.last) + 1] if not self._is_release(each)]
        lines = [line for each in used for line in ast.unparse(each).splitlines()]
        if not lines:
            return ["..."]
        return lines if len(lines) <= _SHOWN else [*lines[:1], "..."]

    def _is_release(self, statement: ast.stmt) -> bool:
        value = statement.value if isinstance(statement, ast.Expr) else None
        value = value.value if isinstance(value, ast.Await) else value
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return False
        target = value.func.value
        return isinstance(target, ast.Name) and target.id == self._name and value.func.attr == self._form.release

    def _statement_with(self, name: str) -> list[str]:
        """Give the statement, or the head of a loop, with a name in place of the call."""
        statement = self._spot.statement
        if isinstance(statement, ast.Expr) and statement.value is self._value:
            return ["..."]
        if isinstance(statement, ast.For):
            return [f"for {ast.unparse(statement.target)} in {name}:", "    ..."]
        return ast.unparse(_replaced(statement, self._value, ast.Name(name))).splitlines()

    # -- several, and those of an object -------------------------------------------------------------------------

    def _on_stack(self) -> Suggestion | None:
        form, call = self._form, self._call
        stack = "contextlib.AsyncExitStack" if form.is_async else "contextlib.ExitStack"
        if form.kind in {FINALLY, ASYNC_FINALLY} or not form.gives_itself:
            return None
        if form.kind in {CLOSING, ACLOSING}:
            call = f"contextlib.{form.kind}({call})"
        entered = f"await stack.enter_async_context({call})" if form.is_async else f"stack.enter_context({call})"
        node = ast.parse(entered, mode="eval").body
        lines = ast.unparse(_replaced(self._spot.statement, self._value, node)).splitlines()
        for loop in self._loops():
            lines = [loop, *(f"    {line}" for line in lines)]
        keyword = "async with" if form.is_async else "with"
        lines = [f"{keyword} {stack}() as stack:", *(f"    {line}" for line in lines)]
        text = f"let a stack release all of '{self._fate.name}', and use them inside its block"
        return self._made(text, [*lines, "    ..."])

    def _loops(self) -> Iterator[str]:
        """Give the heads of the loops that the statement stands in, innermost first."""
        for loop in self._source.within(self._spot.statement, (ast.For, ast.AsyncFor, ast.While)):
            if isinstance(loop, ast.While):
                yield f"while {ast.unparse(loop.test)}:"
            elif isinstance(loop, ast.For | ast.AsyncFor):
                word = "async for" if isinstance(loop, ast.AsyncFor) else "for"
                yield f"{word} {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}:"

    def _for_owner(self) -> Suggestion | None:
        owner = self._source.parents[self._spot.scope]
        if not isinstance(owner, ast.ClassDef) or not self._form.release:
            return None
        attribute = f"self.{self._fate.name}"
        methods = {each.name: each for each in owner.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        known = (*STRONG_RELEASES, *WEAK_RELEASES, "__exit__", "__aexit__")
        name = next((each for each in known if each in methods), None)
        if name is None:
            name = "aclose" if self._form.is_async else "close"
            text = f"{owner.name} keeps it in {attribute}: give {owner.name} a {name}() that releases it"
            head = f"{'async ' if self._form.is_async else ''}def {name}(self):"
        elif self._form.is_async and isinstance(methods[name], ast.FunctionDef):
            return None
        elif _mentions(methods[name], self._fate.name):
            return Suggestion(self._site, f"{owner.name}.{name}() releases it: see that it is called on every way out")
        else:
            text = f"{owner.name} keeps it in {attribute}: release it in {owner.name}.{name}()"
            head = f"{ast.unparse(_bare(methods[name])).splitlines()[0]}"
        release = f"    {'await ' if self._form.is_async else ''}{attribute}.{self._form.release}()"
        return self._made(text, [head, *(["    ..."] if name in methods else []), release])


def _mentions(method: ast.AST, attribute: str) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == attribute for node in ast.walk(method))


def _bare(method: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
    """Give a method without decorators and body."""
    kind = ast.AsyncFunctionDef if isinstance(method, ast.AsyncFunctionDef) else ast.FunctionDef
    bare = kind(name=method.name, args=method.args, body=[ast.Pass()], decorator_list=[], returns=method.returns)
    return ast.fix_missing_locations(bare)


def _replaced(statement: ast.stmt, old: ast.AST, new: ast.expr) -> ast.AST:
    """Give a copy of a statement with one node replaced."""

    def copied(node: ast.AST) -> ast.AST:
        if node is old:
            return new
        fields: dict[str, object] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                fields[name] = [copied(each) if isinstance(each, ast.AST) else each for each in value]
            else:
                fields[name] = copied(value) if isinstance(value, ast.AST) else value
        return type(node)(**fields)

    made = copied(statement)
    for name in ("lineno", "col_offset"):
        setattr(made, name, getattr(statement, name, 0))
    return ast.fix_missing_locations(made)
