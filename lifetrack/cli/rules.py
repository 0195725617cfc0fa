"""``lifetrack rules``: what the rules mean."""

from __future__ import annotations

import textwrap

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.rules import RULES, Rule

_WIDTH = 100
_INDENT = "    "


def list_rules() -> str:
    """Give all rules, one line each."""
    widest = max(len(rule.name) for rule in RULES.values())
    return "".join(f"{rule.id}  {rule.name:{widest}}  {_first_sentence(rule.meaning)}\n" for rule in RULES.values())


def explain_rule(word: str) -> str:
    """Explain the rule of this id or name; raise ConfigurationError for an unknown one."""
    rule = _find(word)
    if rule is None:
        raise ConfigurationError(f"unknown rule {word!r}: 'lifetrack rules' lists them")
    parts = (
        f"{rule.id} {rule.name}\n",
        textwrap.fill(rule.meaning, _WIDTH) + "\n",
        f"Example:\n{textwrap.indent(rule.example, _INDENT)}\n",
        f"Mend:\n{textwrap.fill(rule.mend, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)}\n",
    )
    return "\n".join(parts)


def _find(word: str) -> Rule | None:
    wanted = word.strip().lower()
    return next((rule for rule in RULES.values() if wanted in (rule.id.lower(), rule.name)), None)


def _first_sentence(text: str) -> str:
    return text.split(". ", 1)[0].rstrip(".")
