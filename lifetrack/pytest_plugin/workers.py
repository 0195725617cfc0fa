"""pytest-xdist: what a worker has to say is told by the controller."""

from __future__ import annotations

from typing import Any

import pytest

from lifetrack.pytest_plugin.summary import Row, Summary

_WORKER_OUTPUT = "lifetrack"


class WorkerHooks:
    """The hooks that concern workers, on the side of the controller; and how a worker hands over its summary."""

    def __init__(self) -> None:
        #: What the workers have said so far.
        self.summaries: list[Summary] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has to say; a crashed one has nothing."""
        packed = getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT)
        if packed is not None:
            self.summaries.append(_unpacked(packed))


def hand_over(config: pytest.Config, summary: Summary) -> None:
    """Let a worker give its summary to the controller."""
    config.workeroutput[_WORKER_OUTPUT] = _packed(summary)  # type: ignore[attr-defined]


def _packed(summary: Summary) -> list[Any]:
    """Give a summary as lists, words and numbers."""
    return list(summary._replace(rows=_lists(summary.rows), quiet=_lists(summary.quiet)))


def _lists(rows: list[Row]) -> list[Any]:
    return [list(row) for row in rows]


def _unpacked(packed: list[Any]) -> Summary:
    rows, quiet, *rest = packed
    return Summary([Row(*row) for row in rows], [Row(*row) for row in quiet], *rest)
