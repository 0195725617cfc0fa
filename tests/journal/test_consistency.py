"""The journal tells at every moment what the ledger knows: after each of many operations, whatever they are."""

from __future__ import annotations

import gc
import io
import os
import random
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from lifetrack.journal.reading import report_of
from lifetrack.journal.scanning import read_book
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.ownership.borrowing import borrow
from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.sharing import Shared
from lifetrack.ownership.transfers import transfer
from lifetrack.tracker import Tracker
from lifetrack.values.errors import LifetrackError
from lifetrack.values.findings import Finding
from tests.journal.consistency import differences

STEPS = 70
#: How many runs there are of each level; the environment may ask for more.
RUNS = int(os.environ.get("LIFETRACK_TEST_RUNS", "1"))


class Failing(Exception):
    """What the constructors and releases of the program raise."""


class World:
    """A program that does whatever it is told to: each method is one operation."""

    def __init__(self, tracker: Tracker, chance: random.Random) -> None:
        self.tracker, self.chance = tracker, chance
        self.live: list[Any] = []
        self.owners = [Owner(f"owner {n}") for n in range(3)]
        self.handles: list[Any] = []
        self.files: list[weakref.ref[Any]] = []
        self.blocks: list[AbstractContextManager[Any]] = []
        self._declare()

    def _declare(self) -> None:
        class Part:
            def __init__(self, fails: bool = False) -> None:
                self.fails = fails
                self.inner = io.BytesIO() if fails else None
                if fails:
                    raise Failing

            def close(self) -> None:
                if self.fails:
                    raise Failing

            def session(self) -> Any:
                return Child()

        class Opened:
            def open(self) -> None:
                pass

            def close(self) -> None:
                pass

        class Child(Part):
            pass

        self.part: Any = self.tracker.tracked(children="session")(Part)
        self.child = Child
        self.opened: Any = self.tracker.tracked(acquire="open")(Opened)
        self.makers: list[Callable[[], Any]] = [self.part, self.child, self._labelled, self._opened, self._session]

    def _labelled(self) -> Any:
        return self.tracker.track(self.part(), label=f"label {self.chance.randrange(5)}")

    def _opened(self) -> Any:
        found = self.opened()
        found.open()
        return found

    def _session(self) -> Any:
        parents = [each for each in self.live if type(each) is self.part]
        return self.chance.choice(parents).session() if parents else self.part()

    def _one(self) -> Any:
        return self.chance.choice(self.live) if self.live else None

    def acquire(self) -> None:
        """Acquire, in one of several ways."""
        self.live.append(self.chance.choice(self.makers)())

    def watched(self) -> None:
        """Acquire what is not ours."""
        self.live.append(open(__file__, "rb"))
        self.files.append(weakref.ref(self.live[-1]))

    def fail_to_acquire(self) -> None:
        """Acquire in vain: somebody else has the half-made object."""
        with suppress(Failing):
            self.part(fails=True)

    def release(self) -> None:
        """Release, maybe again."""
        if (one := self._one()) is not None:
            one.close()
            if self.chance.random() < 0.8 and one in self.live:
                self.live.remove(one)

    def fail_to_release(self) -> None:
        """Release in vain; the next time it may do."""
        one = self._one()
        if isinstance(one, self.part):
            one.fails = True
            with suppress(Failing):
                one.close()
            one.fails = self.chance.random() < 0.5

    def drop(self) -> None:
        """Let the collector have one."""
        if self.live:
            self.live.pop(self.chance.randrange(len(self.live)))
            gc.collect()

    def transfer(self) -> None:
        """Hand one over, to an owner or back to the process."""
        if (one := self._one()) is not None:
            transfer(one, to=self.chance.choice([*self.owners, *self.live, None]))

    def borrow(self) -> None:
        """Lend one, and get it back."""
        if (one := self._one()) is not None:
            with borrow(one):
                pass

    def own(self) -> None:
        """Put one into a handle."""
        if (one := self._one()) is not None:
            self.handles.append(Owned(one) if self.chance.random() < 0.5 else Shared(one, name="shares"))

    def share(self) -> None:
        """Make one more handle, or let go of one."""
        if self.handles:
            handle = self.chance.choice(self.handles)
            if isinstance(handle, Shared) and self.chance.random() < 0.6:
                self.handles.append(handle.clone(name=f"handle {self.chance.randrange(3)}"))
            elif self.chance.random() < 0.5:
                handle.release()
            else:
                self.handles.remove(handle)
                del handle
                gc.collect()

    def end_owner(self) -> None:
        """Close an owner, with what it owns, and have another."""
        self.owners.pop(self.chance.randrange(len(self.owners))).close()
        self.owners.append(Owner(f"owner {self.chance.randrange(100)}"))

    def enter(self) -> None:
        """Go into a scope or an allowance."""
        scope = self.tracker.scope(f"scope {self.chance.randrange(9)}")
        block: Any = scope if self.chance.random() < 0.5 else self.tracker.allow("because")
        block.__enter__()
        self.blocks.append(block)

    def leave(self) -> None:
        """Leave the innermost one."""
        if self.blocks:
            self.blocks.pop().__exit__(None, None, None)

    def ask(self) -> None:
        """Ask for leaks, which files some."""
        self.tracker.find_leaks()

    def end(self) -> None:
        """Leave all there is."""
        with ExitStack() as stack:
            for block in self.blocks:
                stack.push(block.__exit__)
        for each in self.files:
            if (file := each()) is not None:
                file.close()


OPERATIONS = tuple(name for name in vars(World) if not name.startswith("_") and name != "end")
OFTEN = ("acquire",) * 6 + ("release",) * 2


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("seed", range(RUNS))
@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_the_journal_says_what_the_ledger_knows(tmp_path: Path, tracker: Tracker, level: str, seed: int) -> None:
    """State, site or stack, owner, scope, allowance, label and events of all that is open, and all totals."""
    tracker.start(level, policy="record", report=False, watch="io", journal=tmp_path / "j", journal_size="256K")
    ledger = tracker.ledger
    assert ledger is not None
    chance = random.Random(seed)
    world = World(tracker, chance)
    plan = [*OPERATIONS, *chance.choices([*OPERATIONS, *OFTEN], k=STEPS - len(OPERATIONS))]
    chance.shuffle(plan)
    for number, name in enumerate(plan):
        with suppress(LifetrackError, Failing, ExceptionGroup):
            getattr(world, name)()
        ledger.drain()
        assert differences(ledger) == [], plan[: number + 1]
    world.end()


def test_a_difference_is_seen(tmp_path: Path, tracker: Tracker) -> None:
    """The comparison of these tests finds what was not told to the journal."""
    tracker.start("sites", policy="record", report=False, journal=tmp_path / "j", journal_size="256K")
    ledger = tracker.ledger
    assert ledger is not None
    made = tracker.tracked(type("Conn", (), {"close": lambda self: None}))
    kept = [made(), made()]
    assert differences(ledger) == []
    entry = ledger.entries.pop(id(kept[0]))
    assert any("invented" in each for each in differences(ledger))
    ledger.entries[id(kept[0])] = entry
    entry[4] = Owner("somebody").place
    assert any("somebody" in each for each in differences(ledger))


def test_what_may_leak_is_told_so(tmp_path: Path, tracker: Tracker) -> None:
    """What was acquired in an allowance is counted apart, also where the process was lost; its scope is named."""
    tracker.start("sites", policy="record", report=False, journal=tmp_path / "j", journal_size="256K")
    made = tracker.tracked(type("Conn", (), {"close": lambda self: None}))
    with tracker.scope("import job"), tracker.allow("until the next version"):
        kept = made()
        report = report_of(read_book(str(tmp_path / "j")))
    (finding,) = report.findings
    assert (finding.allowed, finding.scope) == ("until the next version", "import job")
    assert report.totals.findings == 0
    kept.close()


def test_findings_are_those_of_the_ledger(tmp_path: Path, tracker: Tracker) -> None:
    """Also of many of one kind, of which most are only counted, and of resources whose place has another one by now."""
    tracker.start("stacks", policy="record", report=False, journal=tmp_path / "j", journal_size="1M")
    ledger = tracker.ledger
    assert ledger is not None
    made = tracker.tracked(type("Conn", (), {"close": lambda self: None}))
    first = made()
    first.close()
    first.close()
    transfer(made(), to=Owner("pool"))
    for _ in range(3000):
        made().close()
    for _ in range(250):
        made()
    gc.collect()
    with tracker.scope("job"):
        kept = [made() for _ in range(150)]
    mine = [finding_of_case(ledger, case) for case in ledger.cases.all()]
    its = report_of(read_book(str(tmp_path / "j"))).findings
    assert _counts(its) == _counts(mine)
    assert sorted(_counts(its).values()) == [1, 1, 150, 250]
    first = {_place(finding): _evidence(finding) for finding in reversed(mine)}
    assert {_place(finding): _evidence(finding) for finding in reversed(its)} == first
    for each in kept:
        each.close()


def _place(finding: Finding) -> tuple[Any, ...]:
    return finding.rule, str(finding.site)


def _counts(findings: Iterable[Finding]) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for finding in findings:
        counts[_place(finding)] += finding.count
    return counts


def _evidence(finding: Finding) -> tuple[Any, ...]:
    """Give all that a finding tells but its serial number and its count."""
    events = [(each.event, each.time, each.thread, each.task, each.pid, each.detail) for each in finding.events]
    places = [[str(site) for site in event.stack] for event in finding.events]
    return (
        finding.certainty, finding.message, finding.resource.type, events, places, finding.owner, finding.scope,
        finding.test, finding.ended, finding.left_by, finding.fingerprint,
    )  # fmt: skip
