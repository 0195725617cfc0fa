"""The hooks, the options, the marker and the fixture. Everything else is imported only when it is switched on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.pytest_plugin.fixture import TestResources

#: What a table of ours begins with.
_TABLE = b"tool.lifetrack"
_LEVELS = ("off", "counts", "sites", "stacks", "full")
_MARKER = (
    "lifetrack(allow=None, level=None, fail_on=None, policy=None, watch=None, third_party=None): accept the leaks of "
    "this test, class or module for a reason, or set for it what the options set for the run."
)
#: Whether this run has put the heap of the start aside; there is none before it is known who gives it back.
_PUT_ASIDE = pytest.StashKey[bool]()
#: The two names that the plugin goes by: that of its entry point, and that of its module.
_ENTRY_POINT, _MODULE = "lifetrack", "lifetrack.pytest_plugin"
#: Options with a value: name, metavar, help.
_OPTIONS = (
    ("watch", "LIST", "what to watch besides declared classes, comma separated (default: stdlib; empty: nothing)"),
    ("policy", "POLICY", "what a misuse does: raise (default), warn, record, or LT202=record,*=raise"),
    ("fail_on", "CERTAINTY", "fail tests from this certainty on: proven (default), suspected, hint or never"),
    ("third_party", "show|fail", "findings in installed packages: show them apart (default), or fail tests too"),
    ("own", "LIST", "import names of installed packages that count as your own code, comma separated"),
    ("journal", "FILE", "keep every event in this file as it happens, for 'lifetrack show' after a crash"),
    ("journal_size", "SIZE", "the most bytes of one journal, such as 64M (default: 16M)"),
    ("baseline", "FILE", "known findings: none fails until it grows or expires (default: lifetrack-baseline.toml)"),
)
_SWITCHES = (
    ("update_baseline", "write what is found to the baseline as known, and fail nothing"),
    ("witness", "ask the operating system, too, what each test and fixture leaves open (needs psutil)"),
)


_FLAG = "--lifetrack"


def _spell_out(config: pytest.Config, args: list[str]) -> list[str]:
    """In ``--lifetrack tests/`` the word is a path, not a level: say so in ``args``, and give such paths."""
    paths = []
    for index, (flag, word) in enumerate(itertools.pairwise(args)):
        if flag == _FLAG and word.strip().lower() not in _LEVELS and os.path.exists(word.partition("::")[0]):
            args[index] = f"{_FLAG}=stacks"
            config.add_cleanup(partial(_spell_as_before, args, args[index]))
            paths.append(word)
    return paths


def _spell_as_before(args: list[str], spelled: str) -> None:
    """Give whoever calls pytest.main() their own list back; pytest may have put more into it meanwhile."""
    for index, word in enumerate(args):
        if word is spelled:
            args[index] = _FLAG


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, Any, Any]:
    """Mend the arguments before pytest parses them for good, and what it has parsed for a first look."""
    known = early_config.known_args_namespace.file_or_dir
    known.extend(path for path in _spell_out(early_config, args) if path not in known)
    _give_back_last(early_config)
    if _is_on(_level(early_config, early_config.known_args_namespace.lifetrack)):
        _note_exit_hooks(early_config)
    return (yield)


def _note_exit_hooks(config: pytest.Config) -> None:
    """Note what conftest.py and all that it imports will run at exit."""
    from lifetrack.pytest_plugin.importing import import_past_rewriting

    import_past_rewriting(config)
    from lifetrack.pytest_plugin.exits import exit_hooks_of

    exit_hooks_of(config).start()
    config.add_cleanup(exit_hooks_of(config).stop)


def _give_back_last(config: pytest.Config) -> None:
    """Have the collector look at everything again after pytest's own collections at its end, which come in between."""
    if _PUT_ASIDE not in config.stash:
        config.stash[_PUT_ASIDE] = False
        config.add_cleanup(partial(_give_back, config))


def _give_back(config: pytest.Config) -> None:
    if config.stash[_PUT_ASIDE]:
        from lifetrack.start_heap import give_back

        give_back()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the options and their ini names."""
    _go_by_both_names(pluginmanager)
    group = parser.getgroup("lifetrack", "lifetrack: leaks and misuse of resources")
    group.addoption(
        "--lifetrack",
        dest="lifetrack",
        nargs="?",
        const="stacks",
        default=None,
        metavar="LEVEL",
        help="find leaked and misused resources: off, counts, sites, stacks (the default of the bare flag) or full",
    )
    group.addoption(
        "--lifetrack-report",
        dest="lifetrack_report",
        action="append",
        default=None,
        metavar="FILE",
        help="write a report too, .json or .txt; repeatable",
    )
    parser.addini("lifetrack", "level of lifetrack: off (default), counts, sites, stacks or full", default=None)
    parser.addini("lifetrack_report", "files for the report of lifetrack", type="paths", default=None)
    for name, metavar, text in _OPTIONS:
        group.addoption(_flag(name), dest=f"lifetrack_{name}", default=None, metavar=metavar, help=text)
        parser.addini(f"lifetrack_{name}", text, default=None)
    for name, text in _SWITCHES:
        group.addoption(_flag(name), dest=f"lifetrack_{name}", action="store_true", default=None, help=text)
        parser.addini(f"lifetrack_{name}", text, type="bool", default=None)


def _flag(name: str) -> str:
    return f"--lifetrack-{name.replace('_', '-')}"


def _go_by_both_names(manager: pytest.PytestPluginManager) -> None:
    """Hold the other name with something empty: entry point, ``-p`` and conftest.py may all ask for the plugin."""
    for name in (_ENTRY_POINT, _MODULE):
        if not manager.hasplugin(name):
            manager.register(_Namesake(), name)


class _Namesake:
    """Nothing but a name."""

    def __dir__(self) -> list[str]:
        return []


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; switch on where asked to. Runs last, so that what other plugins open here is not met."""
    config.addinivalue_line("markers", _MARKER)
    level = _level(config, config.getoption("lifetrack"))
    if level is None or not _is_on(level):
        if config.getoption("lifetrack_update_baseline"):
            raise pytest.UsageError("lifetrack: --lifetrack-update-baseline: nothing is tracked: add --lifetrack")
        return
    _give_back_last(config)
    from lifetrack.values.collector import without_collector

    with without_collector():
        from lifetrack.pytest_plugin.importing import import_past_rewriting

        import_past_rewriting(config)
        from lifetrack.pytest_plugin.plugin import switch_on

        switch_on(config, level)
    from lifetrack.start_heap import put_aside

    config.stash[_PUT_ASIDE] = put_aside()


def _is_on(level: str | None) -> bool:
    return level is not None and level.strip().lower() not in {"", "off"}


def _level(config: pytest.Config, level: object) -> str | None:
    """Give the level that somebody asked for: on the command line; else in the environment, ini or pyproject.toml."""
    for ask in (_level_of_environment, _level_of_ini, _level_of_table):
        level = ask(config) if level is None else level
    return level if level is None or isinstance(level, str) else f"of type {type(level).__name__}"


def _level_of_environment(_: pytest.Config) -> str | None:
    return os.environ.get("LIFETRACK") or None


def _level_of_ini(config: pytest.Config) -> object:
    return config.getini("lifetrack")


def _level_of_table(config: pytest.Config) -> object:
    """Look into the nearest pyproject.toml without reading it as TOML, unless it has a table of ours."""
    path = _nearest_table_file(str(config.rootpath))
    if path is None:
        return None
    with open(path, "rb") as file:
        text = file.read()
    if _TABLE not in text:
        return None
    import tomllib

    try:
        table = tomllib.loads(text.decode())["tool"]["lifetrack"]
        own = table.get("pytest")
        return own["level"] if isinstance(own, dict) and "level" in own else table.get("level")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # whoever switches it on is told what is wrong


def _nearest_table_file(folder: str) -> str | None:
    path = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(path):
        return path
    above = os.path.dirname(folder)
    return None if above == folder else _nearest_table_file(above)


@pytest.fixture
def lifetrack(request: pytest.FixtureRequest) -> TestResources:
    """Give the test its own resources to ask: find_leaks(), assert_no_leaks(), track(), history() and more."""
    from lifetrack.pytest_plugin.fixture import resources_of

    return resources_of(request.node)
