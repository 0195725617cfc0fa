"""The pytest plugin: ``pytest --lifetrack``.

This module registers the options, the marker and the fixture. Everything else is imported only when it is switched on.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.pytest_plugin.fixture import TestResources

_LEVELS = ("off", "counts", "sites", "stacks", "full")
_MARKER = (
    "lifetrack(allow=None, level=None, fail_on=None): accept the leaks of this test, class or module for a reason, "
    "or set the level or the certainty from which they fail it."
)


class _LevelAction(argparse.Action):
    """Take a level behind ``=``; in ``--lifetrack tests/`` the word is a path and is handed back."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        level = str(values)
        if level.strip().lower() not in _LEVELS and os.path.exists(level.partition("::")[0]):
            # argparse keeps here what it leaves to others, and pytest takes that for paths.
            namespace.__dict__.setdefault("_unrecognized_args", []).append(level)
            level = "stacks"
        setattr(namespace, self.dest, level)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options and their ini names."""
    group = parser.getgroup("lifetrack", "lifetrack: leaks and misuse of resources")
    group.addoption(
        "--lifetrack",
        action=_LevelAction,
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
    parser.addini("lifetrack", "level of lifetrack: off (default), counts, sites, stacks or full", default="off")
    parser.addini("lifetrack_report", "files for the report of lifetrack", type="paths", default=[])
    parser.addini("lifetrack_fail_on", "certainty from which findings fail tests", default="proven")
    parser.addini("lifetrack_watch", "what lifetrack watches, comma separated", default="stdlib")


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
