"""The pytest plugin: ``pytest --lifetrack``.

This module registers the options, the marker and the fixture. Everything else is imported only when it is switched on.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.pytest_plugin.fixture import TestResources

_LEVELS = ("off", "counts", "sites", "stacks", "full")
_MARKER = (
    "lifetrack(allow=None, level=None, fail_on=None): accept the leaks of this test, class or module for a reason, "
    "or set the level or the certainty from which they fail it."
)


def _spell_out(args: list[str]) -> list[str]:
    """In ``--lifetrack tests/`` the word is a path, not a level: say so in ``args``, and give such paths."""
    paths = []
    for index, (flag, word) in enumerate(itertools.pairwise(args)):
        if flag == "--lifetrack" and word.strip().lower() not in _LEVELS and os.path.exists(word.partition("::")[0]):
            args[index] = "--lifetrack=stacks"
            paths.append(word)
    return paths


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, Any, Any]:
    """Mend the arguments before pytest parses them for good, and what it has parsed for a first look."""
    known = early_config.known_args_namespace.file_or_dir
    known.extend(path for path in _spell_out(args) if path not in known)
    return (yield)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options and their ini names."""
    group = parser.getgroup("lifetrack", "lifetrack: leaks and misuse of resources")
    group.addoption(
        "--lifetrack",
        nargs="?",
        const="stacks",
        default=None,
        metavar="LEVEL",
        help="find leaked and misused resources: off, counts, sites, stacks (the default of the bare flag) or full",
    )
    group.addoption(
        "--lifetrack-report",
        action="append",
        default=None,
        metavar="FILE",
        help="write a report too, .json or .txt; repeatable",
    )
    group.addoption(
        "--lifetrack-fail-on",
        default=None,
        metavar="CERTAINTY",
        help="fail tests from this certainty on: proven (default), suspected, hint or never",
    )
    group.addoption(
        "--lifetrack-watch",
        default=None,
        metavar="LIST",
        help="what to watch besides declared classes, comma separated (default: stdlib; empty: nothing)",
    )
    group.addoption(
        "--lifetrack-witness",
        action="store_true",
        default=None,
        help="ask the operating system, too, what each test and fixture leaves open (needs psutil)",
    )
    parser.addini("lifetrack", "level of lifetrack: off (default), counts, sites, stacks or full", default="off")
    parser.addini("lifetrack_report", "files for the report of lifetrack", type="paths", default=[])
    parser.addini("lifetrack_fail_on", "certainty from which findings fail tests", default="proven")
    parser.addini("lifetrack_watch", "what lifetrack watches, comma separated", default="stdlib")
    parser.addini("lifetrack_witness", "whether the operating system is asked too", type="bool", default=False)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; switch on where asked to. Runs last, so that what other plugins open here is not met."""
    config.addinivalue_line("markers", _MARKER)
    level = config.getoption("lifetrack")
    if level is None:
        level = config.getini("lifetrack")
    if not level or level.strip().lower() == "off":
        return
    from lifetrack.pytest_plugin.plugin import switch_on

    switch_on(config, level)


@pytest.fixture
def lifetrack(request: pytest.FixtureRequest) -> TestResources:
    """Give the test its own resources to ask: find_leaks(), assert_no_leaks(), track(), history() and more."""
    from lifetrack.pytest_plugin.fixture import resources_of

    return resources_of(request.node)
