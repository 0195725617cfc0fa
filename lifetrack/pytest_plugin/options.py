"""The options of the plugin and of its marker, validated; what is wrong is a usage error of pytest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.configuration import names, third_party
from lifetrack.pytest_plugin.leniency import Leniency
from lifetrack.pytest_plugin.settings import DEFAULTS, read_settings
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.making import dataclass
from lifetrack.values.settings import Level, Policy, parse_fail_on, parse_level, parse_policy
from lifetrack.watchers.watching import check_names

if TYPE_CHECKING:
    from lifetrack.journal.plans import JournalPlan
    from lifetrack.reports.baseline import Baseline

MARKER = "lifetrack"
#: The baseline where none is named: used if it is there, and made by an update.
BASELINE = "lifetrack-baseline.toml"
FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. ``reports`` are absolute paths; ``fail_on`` is None for never.

    ``baseline`` is None where there is none; ``third_party`` is show or fail.
    """

    level: Level
    watch: tuple[str, ...]
    fail_on: Certainty | None
    reports: tuple[str, ...]
    witness: bool = False
    policy: Policy = field(default_factory=lambda: parse_policy("raise"))
    third_party: str = "show"
    baseline: Baseline | None = None
    updates_baseline: bool = False
    leniency: Leniency = field(default_factory=Leniency)
    #: Where the journal is to be; None for none.
    journal: JournalPlan | None = None

    @property
    def terms(self) -> Terms:
        """The terms of whatever no marker says anything about."""
        return Terms(self.level, self.fail_on, None, self.policy, (), self.third_party, self.leniency)


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one test or fixture: ``allow`` is the reason why it may leak, None if it may not.

    ``watch`` is what a marker has watched besides what the whole run watches.
    """

    level: Level
    fail_on: Certainty | None
    allow: str | None = None
    policy: Policy = field(default_factory=lambda: parse_policy("raise"))
    watch: tuple[str, ...] = ()
    third_party: str = "show"
    leniency: Leniency = field(default_factory=Leniency, compare=False)

    def counts(self, finding: Finding) -> bool:
        """Whether this finding is a failure unless the baseline accepts it."""
        if finding.allowed is not None or self.fail_on is None or finding.certainty < self.fail_on:
            return False
        return not self.spares(finding)

    def spares(self, finding: Finding) -> bool:
        """Whether it is told apart as third-party code's."""
        return self.third_party != FAIL and self.leniency.is_third_party(finding)

    def pardons(self, finding: Finding) -> bool:
        """Whether a misuse is not raised: nobody here can mend it, or it is known."""
        return self.spares(finding) or self.leniency.is_known(finding)

    def fails(self, finding: Finding) -> bool:
        """Whether this finding is a failure."""
        return self.counts(finding) and not (self.leniency.accepts_all or self.leniency.is_known(finding))


def read_options(config: pytest.Config, level: str) -> Options:
    """Give the options; raise pytest.UsageError with one line for what is wrong."""
    try:
        return _read(config, level)
    except (ConfigurationError, MissingExtraError) as error:
        raise pytest.UsageError(f"lifetrack: {' '.join(str(error).split())}") from None


def _read(config: pytest.Config, level: str) -> Options:
    settings = {**DEFAULTS, **read_settings(config)}
    if settings["witness"]:
        from lifetrack.witness.system import psutil

        psutil()
    updates = bool(settings["update_baseline"])
    baseline = _baseline(config, settings["baseline"], updates)
    return Options(
        level=settings.get("level", parse_level(level)),
        watch=settings["watch"],
        fail_on=settings.get("fail_on", Certainty.PROVEN),
        reports=() if worker_of(config) else tuple(settings["report"]),
        witness=settings["witness"],
        policy=settings["policy"],
        third_party=settings["third_party"],
        baseline=baseline,
        updates_baseline=updates,
        leniency=Leniency(settings["own"], baseline, accepts_all=updates),
        journal=_journal(config, settings),
    )


def _baseline(config: pytest.Config, path: str | None, updates: bool) -> Baseline | None:
    usual = os.path.join(config.rootpath, BASELINE)
    if path is None and (updates or os.path.exists(usual)):
        path = usual
    if path is None:
        return None
    from lifetrack.reports.baseline import read_baseline

    return read_baseline(path, may_be_new=updates)


def _journal(config: pytest.Config, settings: Mapping[str, Any]) -> JournalPlan | None:
    """Give the journal of this process; workers of pytest-xdist have theirs beside that of the controller."""
    plan: JournalPlan | None = settings["journal"]
    if plan is None:
        return None
    worker = worker_of(config)
    return replace(
        plan, bound=settings["journal_size"] or plan.bound, command=() if worker is None else ("pytest", worker)
    )


def worker_of(config: pytest.Config) -> str | None:
    """Give the name of this worker of pytest-xdist; None in an ordinary process and in the controller."""
    given: Mapping[str, object] | None = getattr(config, "workerinput", None)
    return None if given is None else str(given.get("workerid", "worker"))


def is_for_github() -> bool:
    """Whether GitHub runs the tests, and reads annotations of them."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _is_marked(node: pytest.Item | pytest.Collector) -> bool:
    """Whether a node has our marker; most have not, and every test and fixture asks."""
    each: Any = node
    while each is not None:
        for mark in each.own_markers:
            if mark.name == MARKER:
                return True
        each = each.parent
    return False


def terms_of(node: pytest.Item | pytest.Collector, terms: Terms) -> Terms:
    """Give the terms of a node: the nearest marker that says something counts, then those of the run."""
    if not _is_marked(node):
        return terms
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
        if name not in _MARKED:
            words = ", ".join(sorted(_MARKED))
            raise ConfigurationError(f"unknown argument {name!r}: use one of {words}")
        changes: dict[str, Any] = {name: _MARKED[name](value, terms)}
        terms = replace(terms, **changes)
    return terms


def _marked_level(value: str, _: Terms) -> Level:
    level = parse_level(value)
    if level == Level.OFF:
        raise ConfigurationError('level="off" would lose what is recorded: use allow= with a reason')
    return level


def _marked_reason(value: object, _: Terms) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError("allow= needs a reason: say why these resources may leak")
    return value


def _marked_fail_on(value: Any, _: Terms) -> Certainty | None:
    return parse_fail_on("None" if value is None else value)


def _marked_policy(value: Any, terms: Terms) -> Policy:
    """Lay a policy over that of the class, the module and the run: rules that it does not name stay as they were."""
    policy = parse_policy(value, default=terms.policy.default)
    return policy if isinstance(value, str) and "=" not in value else Policy(
        policy.default, {**terms.policy.rules, **policy.rules}
    )  # fmt: skip


#: What a marker may say, and how it is read.
_MARKED: dict[str, Callable[[Any, Terms], object]] = {
    "allow": _marked_reason,
    "fail_on": _marked_fail_on,
    "level": _marked_level,
    "policy": _marked_policy,
    "third_party": lambda value, _: third_party(value),
    "watch": lambda value, terms: tuple(dict.fromkeys((*terms.watch, *check_names(names(value))))),
}
