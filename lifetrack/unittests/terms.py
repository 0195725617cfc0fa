"""What a class of tests says of its tracking, and what fails by that."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from lifetrack.reports.evidence import evidence
from lifetrack.tracker import Tracker, default_tracker
from lifetrack.unittests.sessions import tracking
from lifetrack.values.errors import LeakError
from lifetrack.values.findings import Finding
from lifetrack.values.settings import PolicyChoice, parse_fail_on, parse_level, parse_policy
from lifetrack.watchers.watching import check_names


class Terms:
    """The settings of a class, as its attributes."""

    #: How much is recorded: counts, sites, stacks or full.
    lifetrack_level: ClassVar[str] = "stacks"
    #: What is watched besides declared classes.
    lifetrack_watch: ClassVar[Sequence[str]] = ("stdlib",)
    #: From which certainty a finding fails: proven, suspected, hint or never.
    lifetrack_fail_on: ClassVar[str] = "proven"
    #: What a misuse does: raise, warn or record, also by rule.
    lifetrack_policy: ClassVar[PolicyChoice] = "raise"

    def __init_subclass__(cls, **options: Any) -> None:
        """Check the settings where the class is made."""
        super().__init_subclass__(**options)
        parse_level(cls.lifetrack_level)
        parse_fail_on(cls.lifetrack_fail_on)
        parse_policy(cls.lifetrack_policy)
        check_names(cls.lifetrack_watch)


def _said(cls: type[Terms], name: str) -> Any:
    """Give an attribute that a class says itself, or inherits from one of the user's; None for the default."""
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return None if owner is Terms else vars(owner)[name]


def tracking_for(cls: type[Terms]) -> AbstractContextManager[Tracker]:
    """Track in a block with the settings of a class; where tracking is on already, only what it says itself counts."""
    if not default_tracker().is_tracking():
        return tracking(cls.lifetrack_policy, cls.lifetrack_watch, cls.lifetrack_level)
    watch = _said(cls, "lifetrack_watch")
    policy, level = _said(cls, "lifetrack_policy"), _said(cls, "lifetrack_level")
    return tracking(policy, () if watch is None else watch, level, only=watch is not None)


def failing(cls: type[Terms], findings: Sequence[Finding]) -> list[Finding]:
    """Give the findings that fail a test of a class, or the class itself. To be asked while its settings hold."""
    engine, least = default_tracker().engine, parse_fail_on(cls.lifetrack_fail_on)
    if engine is None or least is None:
        return []
    pardons = engine.settings.policy.pardons
    return [each for each in findings if each.allowed is None and each.certainty >= least and not pardons(each)]


def raised(findings: Sequence[Finding], name: str) -> Any:
    """Give a LeakError about findings as unittest takes errors: as what ``sys.exc_info()`` tells of it."""
    number = sum(finding.count for finding in findings)
    noun = "resource was" if number == 1 else "resources were"
    text = f"{number} {noun} not released or misused in {name}\n\n{evidence(findings)}"
    try:
        raise LeakError(text, findings=findings)
    except LeakError as error:
        return type(error), error, error.__traceback__
