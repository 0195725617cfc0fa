"""What the tests of pools share: real servers, and a tracker that watches all libraries beside the standard library."""

from __future__ import annotations

import gc
import linecache
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.servers.fixtures import mariadb, postgresql, rabbitmq, redis_server, server_folder

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding

__all__ = ["mariadb", "postgresql", "rabbitmq", "redis_server", "server_folder"]

#: A finding as its rule, its type and the comment at the end of the line that it names.
Told: TypeAlias = tuple[str, str, str]


@pytest.fixture
def watching(tracker: Tracker, tmp_path: Path) -> Iterator[Tracker]:
    """A tracker that watches everything and records; pytest's own folder is made before that."""
    gc.collect()
    tracker.start("stacks", policy="record", watch="stdlib,libraries", report=False)
    yield tracker
    tracker.stop()
    gc.collect()  # what this test has left is not to be remarked on in the next


def _mark(finding: Finding) -> str:
    site = finding.site
    return "nowhere" if site is None else linecache.getline(site.file, site.line).partition("  # ")[2].strip()


@pytest.fixture
def told() -> Callable[[Iterable[Finding]], list[Told]]:
    """Give findings in few words, sorted: rule, type, and the comment at the end of the line that is named."""

    def tell(findings: Iterable[Finding]) -> list[Told]:
        return sorted((finding.rule, finding.resource.type, _mark(finding)) for finding in findings)

    return tell


@pytest.fixture
def misuses(watching: Tracker, told: Callable[[Iterable[Finding]], list[Told]]) -> Callable[[], list[Told]]:
    """Give the findings that are no leaks."""

    def tell() -> list[Told]:
        found = watching.report().findings
        return told(finding for finding in found if not finding.rule.startswith("LT1"))

    return tell
