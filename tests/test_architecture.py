"""The house's own rules, read from its source: who may import whom, and how large a room may get."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "lifetrack"
ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / PACKAGE).rglob("*.py"))

#: The layers, lowest first. A layer may import itself and every lower one; layers of one row do not know each other.
LAYERS = (
    ("values",),  # immutable data and its validation
    ("ledger",),  # the one mutable truth
    ("guards",),  # what stands in front of a released object, and what judges a release
    ("ownership",),  # scopes, owners, transfers, borrows, handles
    ("instrument",),  # decorators that report events
    ("holders",),  # who holds what is still alive
    ("detect", "watchers", "witness"),  # questions to the ledger and the system; classes that are not ours
    ("reports",),  # findings as text and data
    (
        "earlier",
        "instruments",
        "judgement",
        "registry",
        "switches",
        "visibility",
        "watching",
    ),  # what a finding leads to; what is declared, and instruments it; switches; rows of third parties
    ("journal",),  # every event in a file that outlives the process
    ("children",),  # processes that are followed
    ("preloading", "start_heap"),  # what a finding needs, loaded ahead; what the collector need not look at
    ("account", "company"),  # the parts of one tracker from start to stop
    ("service",),  # limits, growth, metrics and events of a program that goes on; loaded where it is asked for
    ("declaring",),  # what a tracker is told of a program; it outlasts start and stop
    ("serving",),  # the way to the service
    ("journaling",),  # the way to the journal
    ("drawing",),  # pictures by objgraph; loaded by whoever asks for one
    ("tracker",),  # all of the above, switched on together
    ("api", "environment", "secrets"),  # the default tracker: as functions; by a variable; a class of its own
    ("backends",),  # collections of plugins, tracked by the default tracker
    ("configuration", "doctor", "unittests"),  # settings that people write down; the self-test; tests of unittest
    ("cli", "pytest_plugin", "startup", "testing"),  # the ways in; `startup` is that of followed children
    ("__init__", "__main__"),  # the façade and the command: names only
)
RANKS = {layer: rank for rank, row in enumerate(LAYERS) for layer in row}
#: Layers that may import less than their place allows: a report is made of values, not of a running tracker.
NARROWER = {"reports": {"values", "reports"}}

#: Third-party packages, and the layers that may use them. Whoever is not `wrapt` is an extra.
THIRD_PARTY = {
    "wrapt": {"guards", "instrument", "watchers"},
    "psutil": {"witness"},
    "rich": {"reports"},
    "jinja2": {"reports"},
    "markupsafe": {"reports"},
    "pytest": {"pytest_plugin"},
    "objgraph": {"drawing"},
    "pluggy": {"backends"},
    "stevedore": {"backends"},
    "opentelemetry": {"service"},
    "prometheus_client": {"service"},
    "sitecustomize": {"startup"},  # whoever else customises this Python
}

MODULE_LINES, FUNCTION_LINES = 350, 50
LONG_MODULES = {
    "lifetrack/values/rules.py": "one table of data, read by looking up a row",
}


class Import(NamedTuple):
    """One import that runs: the module it names, its line, and whether it runs when the importing module is loaded."""

    target: str
    line: int
    at_load: bool


class Module(NamedTuple):
    """One source file, parsed."""

    path: Path
    name: str
    tree: ast.Module

    @property
    def where(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def layer(self) -> str:
        return layer_of(self.name)


def layer_of(name: str) -> str:
    """The layer of a module of ours: the name after the package's, `__init__` for the package itself."""
    return name.removeprefix(PACKAGE).removeprefix(".").partition(".")[0] or "__init__"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read(path: Path) -> Module:
    return Module(path, name_of(path), ast.parse(path.read_text(encoding="utf-8"), str(path)))


NAMES = {name_of(path) for path in SOURCES}


@pytest.fixture(scope="module")
def modules() -> Iterator[list[Module]]:
    """All modules, parsed; for the time of these tests alone, as the trees are most of what there would be in memory.

    Other tests would pay for that with each collection of garbage.
    """
    found = [read(path) for path in SOURCES]
    yield found
    found.clear()


def running_nodes(node: ast.AST, at_load: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Walk what runs, so not the body of `if TYPE_CHECKING:`; with each node, whether it runs on loading."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for other in child.orelse:
                yield other, at_load
                yield from running_nodes(other, at_load)
            continue
        yield child, at_load
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from running_nodes(child, at_load and not inside)


def imports(module: Module, names: set[str]) -> Iterator[Import]:
    """The imports of a module that run: statements, and `import_module("...")` with a constant name."""
    for node, at_load in running_nodes(module.tree):
        match node:
            case ast.Import():
                yield from (Import(alias.name, node.lineno, at_load) for alias in node.names)
            case ast.ImportFrom():
                base = absolute(module, node)
                for alias in node.names:
                    submodule = f"{base}.{alias.name}"
                    yield Import(submodule if submodule in names else base, node.lineno, at_load)
            case ast.Call(func=function, args=[ast.Constant(value=str(target)), *_]) if ast.unparse(function).split(
                "."
            )[-1] in {"import_module", "__import__"}:
                yield Import(target, node.lineno, at_load)


def absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    kept = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def is_ours(target: str) -> bool:
    return target == PACKAGE or target.startswith(PACKAGE + ".")


def refused_import(module: Module, target: str) -> str | None:
    """Why this module may not import that module of ours, or None."""
    if target == PACKAGE and module.layer not in LAYERS[-1]:
        return "imports the façade: name the concrete module"
    mine, theirs = module.layer, layer_of(target)
    for layer in (mine, theirs):
        if layer not in RANKS:
            return f"imports {target}, but {layer} has no place in LAYERS"
    if mine == theirs:
        return None
    if RANKS[theirs] >= RANKS[mine] or theirs not in NARROWER.get(mine, RANKS):
        return f"imports {target}: {mine} may not know {theirs}"
    return None


def sample(code: str, name: str = "lifetrack.ledger.sample") -> Module:
    """A module that exists only for a test of these tests."""
    return Module(ROOT / (name.replace(".", "/") + ".py"), name, ast.parse(code))


def test_there_is_something_to_read() -> None:
    """The package is found, so that no rule here passes for want of files."""
    assert "lifetrack.values.rules" in NAMES


def test_every_module_has_a_layer(modules: list[Module]) -> None:
    """A new package is given its place in the table before it is used."""
    homeless = [f"{each.where}: add {each.layer!r} to LAYERS" for each in modules if each.layer not in RANKS]
    assert homeless == []


def test_imports_point_downwards(modules: list[Module]) -> None:
    """No module imports a higher layer, its neighbour or the façade, not even inside a function."""
    wrong = [
        f"{module.where}:{found.line} {why}"
        for module in modules
        for found in imports(module, NAMES)
        if is_ours(found.target) and (why := refused_import(module, found.target))
    ]
    assert wrong == []


def test_no_import_circles(modules: list[Module]) -> None:
    """The modules can be put in one order in which each comes after all that it imports."""
    graph = {
        module.name: {found.target for found in imports(module, NAMES) if found.target in NAMES} - {module.name}
        for module in modules
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("import circle: " + " -> ".join(error.args[1]))


def refused_package(module: Module, found: Import) -> str | None:
    """Why this module may not import a package of others like this, or None."""
    package = found.target.split(".")[0]
    if is_ours(package) or package in sys.stdlib_module_names:
        return None
    if module.layer not in THIRD_PARTY.get(package, set()):
        return f"{module.layer} may not use {package}"
    if found.at_load and package != "wrapt" and module.layer != "pytest_plugin":
        return f"{package} is an extra: import it in the function that needs it"
    return None


def test_third_party_packages_stay_in_their_layer(modules: list[Module]) -> None:
    """Only the layers of the table use a package that is not the standard library's, and extras load on first use."""
    wrong = [
        f"{module.where}:{found.line} {why}"
        for module in modules
        for found in imports(module, NAMES)
        if (why := refused_package(module, found))
    ]
    assert wrong == []


def test_no_check_is_an_assert(modules: list[Module]) -> None:
    """Behaviour never depends on `assert`, which `python -O` takes out."""
    found = [
        f"{module.where}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_rooms_stay_small(modules: list[Module]) -> None:
    """No module outgrows what a reader holds in mind."""
    lines = {module.where: len(module.path.read_text(encoding="utf-8").splitlines()) for module in modules}
    assert {where for where, number in lines.items() if number > MODULE_LINES} <= LONG_MODULES.keys()


def test_functions_stay_small(modules: list[Module]) -> None:
    """Nor does a function."""
    long = [
        f"{module.where}:{node.lineno} {node.name}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


def postpones_annotations(module: Module) -> bool:
    """Whether it begins with the import that does so; one without code has no annotations."""
    code = [node for node in module.tree.body if not isinstance(node, ast.Expr)]
    match code[:1]:
        case []:
            return True
        case [ast.ImportFrom(module="__future__", names=names)]:
            return "annotations" in [alias.name for alias in names]
    return False


def test_annotations_cost_nothing_at_run_time(modules: list[Module]) -> None:
    """Every module with code in it postpones its annotations."""
    assert [module.where for module in modules if not postpones_annotations(module)] == []


def test_every_test_says_what_it_holds() -> None:
    """Each test begins with a sentence, so that a failure tells what no longer holds."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("importer", "code", "word"),
    [
        ("lifetrack.ledger.a", "from lifetrack.tracker import Tracker", "tracker"),
        ("lifetrack.ledger.a", "def f():\n    import lifetrack.cli.main", "cli"),
        ("lifetrack.ledger.a", "def f():\n    import_module('lifetrack.guards.b')", "guards"),
        ("lifetrack.tracker.a", "from lifetrack import start", "façade"),
        ("lifetrack.cli.a", "def f():\n    import lifetrack", "façade"),
        ("lifetrack.detect.a", "from lifetrack.watchers import b", "watchers"),
        ("lifetrack.reports.a", "from lifetrack.ledger import b", "ledger"),
        ("lifetrack.ledger.a", "from ..guards import b", "guards"),
        ("lifetrack.ledger.a", "if TYPE_CHECKING:\n    pass\nelse:\n    import lifetrack.guards", "guards"),
        ("lifetrack.ledger.a", "import lifetrack.novelty", "novelty"),
    ],
)
def test_a_wrong_import_is_seen(importer: str, code: str, word: str) -> None:
    """Each way of importing what may not be imported is refused by the rule that the other tests use."""
    (found,) = imports(sample(code, importer), NAMES)
    assert word in (refused_import(sample(code, importer), found.target) or "")


@pytest.mark.parametrize(
    ("importer", "code"),
    [
        ("lifetrack.ledger.a", "from lifetrack.values import rules"),
        ("lifetrack.ledger.a", "from .b import c"),
        ("lifetrack.reports.a", "from lifetrack.values.findings import Finding"),
        ("lifetrack.ledger.a", "if TYPE_CHECKING:\n    from lifetrack.tracker import Tracker"),
    ],
)
def test_a_right_import_passes(importer: str, code: str) -> None:
    """Lower layers, one's own, and imports for the type checker alone are let through."""
    module = sample(code, importer)
    assert [refused_import(module, found.target) for found in imports(module, NAMES)] in ([], [None])
