"""Settings of a tracker: level, policy and numbers, validated in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import IntEnum
from typing import TypeVar

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.making import dataclass
from lifetrack.values.rules import RULES

DEFAULT_FRAMES = 16
MAX_FRAMES = 256
POLICIES = ("raise", "warn", "record")
PolicyChoice = str | Mapping[str, str]


class Level(IntEnum):
    """How much is recorded; each level records what the ones below it do."""

    OFF = 0
    COUNTS = 1
    SITES = 2
    STACKS = 3
    FULL = 4

    @property
    def word(self) -> str:
        """The name that options and reports use."""
        return self.name.lower()


def shown(value: object) -> str:
    """Show a value that a person wrote; of anything else only the type, for its ``repr`` may be secret or broken."""
    return repr(value) if type(value) in (str, int, float, bool) or value is None else f"of type {type(value).__name__}"


_Words = TypeVar("_Words", Level, Certainty)


def _named(kind: type[_Words], what: str, name: object) -> _Words:
    if isinstance(name, kind):
        return name
    for member in kind:
        if isinstance(name, str) and member.name.lower() == name.strip().lower():
            return member
    known = ", ".join(member.name.lower() for member in kind)
    raise ConfigurationError(f"unknown {what} {shown(name)}: use one of {known}")


def parse_level(name: str | Level) -> Level:
    """Give the level of this name; raise ConfigurationError for an unknown one."""
    return _named(Level, "level", name)


def parse_fail_on(name: str | Certainty | None) -> Certainty | None:
    """Give the certainty from which findings count as failures; None for ``never``."""
    if name is None or (isinstance(name, str) and name.strip().lower() == "never"):
        return None
    try:
        return _named(Certainty, "certainty", name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}, never") from None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a violation does, by rule: ``raise``, ``warn`` or ``record``.

    ``pardon`` decides, where given, that a finding which would be raised is only recorded.
    """

    default: str = "warn"
    rules: Mapping[str, str] = field(default_factory=dict)
    pardon: Callable[[Finding], bool] | None = field(default=None, compare=False)

    def __getitem__(self, rule: str) -> str:
        return self.rules.get(rule, self.default)

    def pardons(self, finding: Finding) -> bool:
        """Whether a finding is only recorded, although its rule says ``raise``."""
        return self.pardon is not None and self.pardon(finding)


def _policy_word(word: object, where: str) -> str:
    if word not in POLICIES:
        raise ConfigurationError(f"unknown policy {shown(word)}{where}: use one of {', '.join(POLICIES)}")
    return str(word)


def _policy_pairs(text: str) -> dict[str, str]:
    pairs = {}
    for part in text.split(","):
        rule, equals, word = part.partition("=")
        if not equals:
            raise ConfigurationError(f"policy {part!r} is not RULE=POLICY: write for example LT202=record,*=raise")
        pairs[rule.strip()] = word.strip()
    return pairs


def parse_policy(choice: PolicyChoice | Policy, default: str = "warn") -> Policy:
    """Make a policy of a word, of ``{"LT202": "record", "*": "raise"}``, or of ``LT202=record,*=raise``.

    ``default`` serves the rules that a mapping without ``*`` does not name. Raises ConfigurationError for unknown
    words and rules.
    """
    if isinstance(choice, Policy):
        return choice
    if isinstance(choice, str):
        if "=" not in choice:
            return Policy(_policy_word(choice.strip(), ""))
        choice = _policy_pairs(choice)
    if not isinstance(choice, Mapping):
        raise ConfigurationError(f"a policy is a word or a mapping of rules to words, not {type(choice).__name__}")
    rules: dict[str, str] = {}
    for rule, word in choice.items():
        if rule == "*":
            default = _policy_word(word, " for '*'")
        elif rule in RULES:
            rules[rule] = _policy_word(word, f" for {rule}")
        else:
            raise ConfigurationError(f"unknown rule {shown(rule)} in the policy: 'lifetrack rules' lists them")
    return Policy(default, rules)


def parse_frames(frames: object) -> int:
    """Give the number of frames of a stack, 1 to 256."""
    if isinstance(frames, bool) or not isinstance(frames, int) or not 1 <= frames <= MAX_FRAMES:
        raise ConfigurationError(f"frames={shown(frames)}: use a whole number from 1 to {MAX_FRAMES}")
    return frames


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a tracker that is on."""

    level: Level = Level.STACKS
    policy: Policy = field(default_factory=Policy)
    frames: int = DEFAULT_FRAMES
    #: The times of acquire and release are noted at level ``sites`` too.
    timed: bool = False
