"""Builders of findings and reports, over a real source file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo, TypeTotals
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.stacks import Site

SOURCE = """\
class Backend:
    def close(self): pass
def load_all(names):
    for name in names:
        backend = Backend()
    return backend
def main():
    backend = load_all(["a"])
    backend.close()
    backend.close()
main()
"""


class Build:
    """Makes findings and reports about a program ``app.py``."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.acquired = self.stack((5, "load_all"), (8, "main"), (11, "<module>"))
        self.released = self.stack((9, "main"), (11, "<module>"))
        self.used = self.stack((10, "main"), (11, "<module>"))

    def stack(self, *frames):
        return tuple(Site(self.file, line, function) for line, function in frames)

    def event(self, kind="acquired", stack=None, *, time=0.5, thread="MainThread", task=None, pid=1, detail=None):
        return Event(kind, time, thread, task, pid, self.acquired if stack is None else stack, detail)

    def leak(self, **changes):
        fields = {
            "rule": "LT101",
            "certainty": Certainty.PROVEN,
            "message": "It was never released: call close() when you are done with it.",
            "resource": Resource(1, "app.Backend"),
            "site": self.acquired[0],
            "events": (self.event(),),
            "owner": OwnerName("process", "process"),
        }
        return Finding(**{**fields, **changes})

    def misuse(self, **changes):
        events = (self.event(), self.event("released", self.released), self.event("used", self.used))
        return self.leak(
            **{"rule": "LT201", "message": "Move the use before the release.", "events": events, **changes}
        )

    def report(self, *findings, level="stacks", ending="normal", totals=None, types=None, tracker=None):
        process = ProcessInfo(
            1, 0, "3.11.7", "linux", ("app.py",), "2026-01-31T12:00:00Z", "2026-01-31T12:00:01.5Z", ending
        )
        totals = totals or Totals(3, 1, 2, sum(finding.count for finding in findings))
        types = (TypeTotals("app.Backend", 3, 1, 2),) if types is None else types
        return Report(level, process, totals, types, findings, tracker or TrackerInfo(watched=("stdlib",)))


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builders, with ``app.py`` written into the working directory of the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(SOURCE, encoding="utf-8")
    return Build(str(tmp_path / "app.py"))
