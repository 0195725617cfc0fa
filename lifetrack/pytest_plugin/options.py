"""The options of the plugin and of its marker, validated; what is wrong is a usage error of pytest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from lifetrack.reports.files import check_writable
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.settings import Level, parse_fail_on, parse_level
from lifetrack.watchers.watching import check_names
from lifetrack.witness.system import psutil

MARKER = "lifetrack"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. ``reports`` are absolute paths; ``fail_on`` is None for never."""

    level: Level
    watch: tuple[str, ...]
    fail_on: Certainty | None
    reports: tuple[str, ...]
    witness: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one test or fixture: ``allow`` is the reason why it may leak, None if it may not."""

    level: Level
    fail_on: Certainty | None
    allow: str | None = None

    def fails(self, finding: Finding) -> bool:
        """Whether this finding is a failure."""
        return finding.allowed is None and self.fail_on is not None and finding.certainty >= self.fail_on


def read_options(config: pytest.Config, level: str) -> Options:
    """Give the options; raise pytest.UsageError with one line for what is wrong."""
    try:
        return Options(
            level=parse_level(level),
            watch=check_names([name.strip() for name in _text(config, "lifetrack_watch").split(",") if name.strip()]),
            fail_on=parse_fail_on(_text(config, "lifetrack_fail_on")),
            reports=tuple(check_writable(_for_worker(config, path)) for path in _reports(config)),
            witness=_witness(config),
        )
    except (ConfigurationError, MissingExtraError) as error:
        raise pytest.UsageError(f"lifetrack: {error}") from None


def _text(config: pytest.Config, name: str) -> str:
    value = config.getoption(name)
    return str(config.getini(name) if value is None else value)


def _witness(config: pytest.Config) -> bool:
    wanted = config.getoption("lifetrack_witness")
    if not (config.getini("lifetrack_witness") if wanted is None else wanted):
        return False
    psutil()
    return True


def _reports(config: pytest.Config) -> list[str]:
    given = config.getoption("lifetrack_report")
    return [os.fspath(path) for path in given or config.getini("lifetrack_report")]


def worker_of(config: pytest.Config) -> str | None:
    """Give the name of this worker of pytest-xdist; None in an ordinary process and in the controller."""
    given: Mapping[str, object] | None = getattr(config, "workerinput", None)
    return None if given is None else str(given.get("workerid", "worker"))


def _for_worker(config: pytest.Config, path: str) -> str:
    worker = worker_of(config)
    if worker is None:
        return path
    stem, ending = os.path.splitext(path)
    return f"{stem}.{worker}{ending}"


def terms_of(node: pytest.Item | pytest.Collector, options: Options) -> Terms:
    """Give the terms of a node: the nearest marker that says something counts, then the options."""
    terms = Terms(options.level, options.fail_on)
    for mark in reversed(list(node.iter_markers(MARKER))):  # the nearest comes last and wins
        try:
            terms = _apply(terms, mark)
        except ConfigurationError as error:
            raise pytest.UsageError(f"lifetrack: marker of {node.nodeid}: {error}") from None
    return terms


def _apply(terms: Terms, mark: pytest.Mark) -> Terms:
    if mark.args:
        raise ConfigurationError('give arguments by name, for example allow="closed by the server"')
    for name, value in mark.kwargs.items():
        if name == "allow":
            if not isinstance(value, str) or not value.strip():
                raise ConfigurationError("allow= needs a reason: say why these resources may leak")
            terms = replace(terms, allow=value)
        elif name == "fail_on":
            terms = replace(terms, fail_on=parse_fail_on(value))
        elif name == "level":
            terms = replace(terms, level=_marked_level(value))
        else:
            raise ConfigurationError(f"unknown argument {name!r}: use allow, level or fail_on")
    return terms


def _marked_level(value: str) -> Level:
    level = parse_level(value)
    if level == Level.OFF:
        raise ConfigurationError('level="off" would lose what is recorded: use allow= with a reason')
    return level
