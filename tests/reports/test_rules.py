"""The list of rules is complete, in order and readable."""

from __future__ import annotations

import re

import pytest

from lifetrack.values.rules import RULES

NAMES = """
LT101 leak-at-exit LT102 leak-collected LT103 leak-from-scope LT104 leak-orphaned LT105 half-released
LT106 leak-on-failed-acquire LT107 growth LT108 held-too-long LT109 retained-after-release
LT201 use-after-release LT202 double-release LT203 use-after-move LT204 unknown-release LT205 use-before-acquire
LT206 mismatched-release LT301 foreign-release LT302 release-while-borrowed LT303 release-order
LT304 borrow-outlives-owner LT305 use-after-parent-release LT401 wrong-thread LT402 fork-crossing
LT403 lock-order-inversion LT404 lock-abandoned LT501 os-handle-leak LT502 os-thread-leak LT503 os-process-leak
LT504 os-mismatch
""".split()


def test_ids_and_names_are_stable():
    """Every rule stands under its id, in order, with the name that outsiders rely on."""
    assert [(id, rule.id, rule.name) for id, rule in RULES.items()] == [
        (id, id, name) for id, name in zip(NAMES[::2], NAMES[1::2], strict=True)
    ]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_explains_itself(rule):
    """Meaning and mend are sentences, and the example is a few lines."""
    assert re.fullmatch(r"[A-Z].*\.", rule.meaning)
    assert re.fullmatch(r"[A-Z].*\.", rule.mend)
    assert 1 <= len(rule.example.splitlines()) <= 4
