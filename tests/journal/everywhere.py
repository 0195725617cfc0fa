"""A plugin for pytest: every tracker of a test run has a journal, which is compared with its ledger again and again.

``python -m pytest -p tests.journal.everywhere tests/ownership``; what differs is written to
``journal-differences.txt``, or the file that LIFETRACK_TEST_DIFFERENCES names, with the test in which it was seen.
Tests in which several threads work, or that count the files that are opened, see differences that are none.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

from lifetrack.account import Account
from lifetrack.ledger.ledger import Ledger
from lifetrack.tracker import Tracker
from tests.journal.consistency import differences

FOLDER = tempfile.mkdtemp(prefix="journals-")
OUT = os.environ.get("LIFETRACK_TEST_DIFFERENCES", "journal-differences.txt")
COUNT = {"compared": 0, "differ": 0}


def _compare(ledger: Ledger | None) -> None:
    if ledger is None or ledger.journal is None or not getattr(ledger.journal, "_path", ""):
        return
    COUNT["compared"] += 1
    ledger.drain()
    wrong = differences(ledger)
    if wrong:
        COUNT["differ"] += 1
        with open(OUT, "a", encoding="utf-8") as file:
            file.write("\n".join([os.environ.get("PYTEST_CURRENT_TEST", "?"), *(f"  {each}" for each in wrong), ""]))


def _with_journal(start: Callable[..., Any]) -> Callable[..., Any]:
    def started(self: Tracker, level: Any = "stacks", **given: Any) -> Any:
        if not self.is_tracking() and given.get("journal") is None and str(level) != "off":
            path = os.path.join(FOLDER, f"{os.getpid()}-{os.urandom(4).hex()}")
            given = {**given, "journal": path, "journal_size": "512K"}
        return start(self, level, **given)

    return started


def _compared_before(method: Callable[..., Any], ledger_of: Callable[[Any], Ledger | None]) -> Callable[..., Any]:
    def compared(self: Any, *args: Any, **given: Any) -> Any:
        _compare(ledger_of(self))
        try:
            return method(self, *args, **given)
        finally:
            _compare(ledger_of(self) if self.__class__ is not Account else None)

    return compared


def pytest_configure() -> None:
    """Put the comparisons in place."""
    patched: Any = Tracker
    patched.start = _with_journal(Tracker.start)
    for name in ("snapshot", "find_leaks", "end_scope", "history"):
        if hasattr(Tracker, name):
            setattr(patched, name, _compared_before(getattr(Tracker, name), lambda tracker: tracker.ledger))
    account: Any = Account
    account.close = _compared_before(Account.close, lambda account: account.engine.ledger)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how much was compared."""
    terminalreporter.write_line(f"journals: {COUNT['compared']} comparisons, {COUNT['differ']} differ")
