"""For every rule there is a program, and the report of it is word for word what is kept in ``tests/golden/reports``."""

from __future__ import annotations

import json

import jsonschema
import pytest

from lifetrack.reports.json_form import schema
from lifetrack.values.rules import RULES
from tests.golden.golden import REPORTS, is_possible, programs, rendered, run

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_every_rule_has_a_program() -> None:
    """No rule is without a report to look at."""
    assert {name[:5] for name in programs()} == set(RULES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", programs())
def test_the_report_is_as_it_was(name: str) -> None:
    """Text and JSON are those of the golden files; ``python tests/golden/golden.py`` writes them anew."""
    if not is_possible(name):
        pytest.skip("this machine lacks what it needs")
    if name.startswith("LT50"):
        pytest.importorskip("psutil")
    report = run(name)
    assert name[:5] in {finding.rule for finding in report.findings}
    for ending, text in rendered(report).items():
        assert text == (REPORTS / f"{name}{ending}").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", programs())
def test_the_golden_files_are_valid(name: str) -> None:
    """What is kept is a report by the schema that ships."""
    VALIDATOR.validate(json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8")))
