"""Source files as trees: which call of which statement acquired a resource."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeAlias

from lifetrack.values.stacks import Site, source_lines

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
#: What opens a scope of names of its own.
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>"}
#: Files with more lines than these are not read.
_LONGEST = 20_000


class Spot(NamedTuple):
    """A call in its statement. ``scope`` is the function that it stands in, or the module."""

    source: Source
    call: ast.Call
    statement: ast.stmt
    scope: Function | ast.Module
    #: Whether it is known that nobody has kept what the call gave.
    dropped: bool = False


class Source:
    """One file, parsed. Only what somebody asks for is looked into: a class of tests may have thousands of lines."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self.tree = tree
        self._lines = lines
        #: What each node is a part of, as far as the file was looked into.
        self.parents: dict[ast.AST, ast.AST] = {}
        #: The statements, or the file, that were looked into as a whole.
        self._whole: set[ast.AST] = set()

    def _look_into(self, nodes: Iterable[ast.AST]) -> None:
        for top in nodes:
            if top not in self._whole:
                self._whole.add(top)
                for node in ast.walk(top):
                    self.parents.update(dict.fromkeys(ast.iter_child_nodes(node), node))

    def _around(self, line: int) -> Iterator[ast.stmt]:
        """Give the statements that a line is in: of the module, or of a class in place of that itself."""
        above: list[ast.Module | ast.ClassDef] = [self.tree]
        while above:
            block = above.pop()
            self.parents.update(dict.fromkeys(ast.iter_child_nodes(block), block))
            for statement in block.body:
                if not _first(statement) <= line <= _last(statement):
                    continue
                if isinstance(statement, ast.ClassDef):
                    above.append(statement)
                else:
                    self._look_into([statement])
                    yield statement

    @cached_property
    def _names(self) -> dict[str, str]:
        lines = [number for number, line in enumerate(self._lines, 1) if "import" in line]
        return dict(_imported(self.tree, lines))

    def text(self, node: ast.AST) -> str:
        """Give the source of a node in one line, as it was written where that is one line."""
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
        if first == last and 0 < first <= len(self._lines):
            start, end = getattr(node, "col_offset", None), getattr(node, "end_col_offset", None)
            return self._lines[first - 1].encode()[start:end].decode()  # columns are counted in bytes
        return ast.unparse(node)

    def name_of(self, function: ast.expr) -> tuple[str, str]:
        """Give what is called, as two names: that of the module or object before the dot, and its own."""
        if isinstance(function, ast.Name):
            name = self._names.get(function.id, function.id)
            return name.rpartition(".")[0].partition(".")[0], name.rpartition(".")[2]
        if isinstance(function, ast.Attribute):
            base = function.value
            while isinstance(base, ast.Attribute):
                base = base.value
            known = base.id if isinstance(base, ast.Name) else ""
            return self._names.get(known, known).partition(".")[0], function.attr
        return "", ""

    def scope_of(self, node: ast.AST) -> ast.AST:
        """Give the innermost function, class or lambda that a node stands in; else the module."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, _SCOPES):
            above = self.parents.get(above)
        return self.tree if above is None else above

    def statement_of(self, node: ast.AST) -> ast.AST:
        """Give the innermost statement that a node is part of."""
        while not isinstance(node, ast.stmt) and node in self.parents:
            node = self.parents[node]
        return node

    def suite_after(self, statement: ast.stmt) -> list[ast.stmt]:
        """Give the statements that follow one in its block."""
        above = self.parents.get(statement)
        for _, value in () if above is None else ast.iter_fields(above):
            if isinstance(value, list) and statement in value:
                return [each for each in value[value.index(statement) + 1 :] if isinstance(each, ast.stmt)]
        return []

    def within(self, node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
        """Give what a node stands in, of these kinds and in the same scope of names; innermost first."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, _SCOPES):
            if isinstance(above, kinds):
                yield above
            above = self.parents.get(above)

    def calls_at(self, site: Site) -> Iterator[Spot]:
        """Give the calls on the line of a site that its function makes itself."""
        wanted = site.function.rpartition(".")[2]
        while wanted in _COMPREHENSIONS:  # a function of its own, up to Python 3.11
            wanted = site.function.rpartition(f".<locals>.{wanted}")[0].rpartition(".")[2] or "<module>"
        for node in (node for statement in self._around(site.line) for node in ast.walk(statement)):
            if not isinstance(node, ast.Call) or not node.lineno <= site.line <= _last(node):
                continue
            scope, statement = self.scope_of(node), self.statement_of(node)
            if scope is self.tree:
                self._look_into([self.tree])  # what has a name here may be used anywhere in it
            named = getattr(scope, "name", "<module>" if isinstance(scope, ast.Module) else "")
            if named == wanted and isinstance(statement, ast.stmt) and isinstance(scope, Function | ast.Module):
                yield Spot(self, node, statement, scope)


def _first(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _last(node: ast.expr | ast.stmt) -> int:
    return node.end_lineno or node.lineno


def read(file: str) -> Source | None:
    """Read and parse a file, unless it was among the last ones; None where it is not at hand or no Python of today."""
    lines = source_lines(file)
    known = _last_read.get(file)
    if known is None or known[0] is not lines:
        if len(_last_read) >= _KEPT:
            _last_read.clear()
        known = _last_read[file] = lines, _parsed(lines)
    return known[1]


#: The files that were read last, with the lines that they had then; and how many at most.
_last_read: dict[str, tuple[list[str], Source | None]] = {}
_KEPT = 4


def _parsed(lines: list[str]) -> Source | None:
    try:
        return Source(ast.parse("".join(lines)), lines) if 0 < len(lines) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imported(tree: ast.Module, lines: list[int]) -> Iterator[tuple[str, str]]:
    """Give the local names of what a file imports, with their full names; ``lines`` are those that may do so."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif not isinstance(node, ast.expr):
            waiting.extend(each for each in ast.iter_child_nodes(node) if _has_any(each, lines))


def _has_any(node: ast.AST, lines: list[int]) -> bool:
    """Whether a node has any of these lines, which are in order; one that stands in none itself may."""
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    if first is None or last is None:
        return True
    found = bisect_left(lines, first)
    return found < len(lines) and lines[found] <= last
