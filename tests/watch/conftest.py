"""What the tests of watching share: a tracker that watches, at both levels that have sites."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(params=["sites", "stacks"])
def watching(request: pytest.FixtureRequest, tracker: Tracker, tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    """A tracker that watches the standard library and records."""
    tmp_path_factory.getbasetemp()  # the first who asks for it pushes its end on a stack of pytest's
    gc.collect()
    tracker.start(request.param, policy="record", watch="stdlib", report=False)
    return tracker


@pytest.fixture
def line_of() -> Callable[[Finding], str]:
    """Give the source line of a finding's site."""

    def read(finding: Finding) -> str:
        site = finding.site
        if site is None:
            return "no site"
        with open(site.file, encoding="utf-8") as source:
            return source.read().splitlines()[site.line - 1]

    return read
