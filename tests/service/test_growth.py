"""Growth and caps (LT107): places whose count rises with every repetition, and nothing that only looks like it."""

from __future__ import annotations

import functools
import gc
import random
from collections import OrderedDict, deque

import pytest

from lifetrack.ledger.entries import OFFSET
from lifetrack.service.events import ServiceEvent
from lifetrack.service.growth import GrowthScales
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError, LeakError, LifetrackError
from lifetrack.values.findings import Certainty
from tests.service.conftest import Session, session_class, until


@pytest.fixture(params=["counts", "sites", "stacks"])
def on(request: pytest.FixtureRequest, tracker: Tracker) -> Tracker:
    """A tracker that is on."""
    tracker.start(request.param, policy="record", report=False)
    return tracker


def test_one_more_with_every_repetition(on: Tracker) -> None:
    """What every repetition leaves behind is one finding, suspected, at its place, with the numbers in it."""
    cls, kept = session_class(on), list[Session]()

    def work() -> None:
        kept.append(cls())
        cls().close()

    (finding,) = on.growth(work)
    assert (finding.rule, finding.certainty, finding.resource.type) == ("LT107", Certainty.SUSPECTED, "app.Session")
    assert (finding.site is None) or finding.site.function.endswith(".work")
    assert finding.count == 24
    assert "26 live ones" in finding.message
    assert "LT107" in {each.rule for each in on.report().findings}
    with pytest.raises(LeakError, match="by repetitions of the same work"):
        on.assert_no_growth(work)


def test_one_more_with_every_other_repetition(on: Tracker) -> None:
    """A leak that happens now and then is growth too."""
    cls, kept, turn = session_class(on), list[Session](), [0]

    def work() -> None:
        turn[0] += 1
        if turn[0] % 2:
            kept.append(cls())

    assert [finding.rule for finding in on.growth(work)] == ["LT107"]


def test_cycles_that_wait_for_the_collector_are_none(on: Tracker) -> None:
    """What only a cycle keeps is collected before it is counted; that is another finding."""
    cls = session_class(on)

    def work() -> None:
        first, second = cls(), cls()
        first.__dict__["other"], second.__dict__["other"] = second, first

    gc.disable()
    try:
        assert on.growth(work) == []
    finally:
        gc.enable()


def _lru(cls: type[Session]) -> object:
    @functools.lru_cache(maxsize=5)
    def get(key: int) -> Session:
        return cls()

    return get


def _traps(cls: type[Session]) -> dict[str, object]:
    fifo: deque[Session] = deque(maxlen=5)
    cache: dict[int, Session] = {}
    saw: list[Session] = []
    lru, keys, chance = _lru(cls), iter(range(10_000)), random.Random(7)
    pool: list[Session] = []
    ordered: OrderedDict[int, Session] = OrderedDict()

    def sawtooth() -> None:
        saw.append(cls())
        if len(saw) == 11:
            saw.clear()

    def evicting() -> None:
        ordered[next(keys)] = cls()
        if len(ordered) > 6:
            ordered.popitem(last=False)[1].close()

    def at_random() -> None:
        pool.extend(cls() for _ in range(chance.randint(0, 6)))
        while len(pool) > 20 or (pool and chance.random() < 0.5):
            pool.pop(chance.randrange(len(pool))).close()

    return {
        "nothing": lambda: None,
        "released at once": lambda: cls().close(),
        "a cache that fills": lambda: cache.setdefault(next(keys) % 9, cls()),
        "a cache that fills slowly": lambda: cache.setdefault(next(keys) // 2 % 8, cls()),
        "the last few": lambda: fifo.append(cls()),
        "lru_cache": lambda: lru(next(keys)),  # type: ignore[operator]
        "an evicting cache": evicting,
        "a sawtooth": sawtooth,
        "a pool": at_random,
        "a singleton": lambda: cache.setdefault(0, cls()),
        "replaced": lambda: cache.__setitem__(0, cls()),
    }


@pytest.mark.parametrize("trap", _traps(Session))
def test_what_fills_and_levels_off_is_none(tracker: Tracker, trap: str) -> None:
    """Caches, pools, rings and sawteeth are no growth."""
    tracker.start("sites", policy="record", report=False)
    work = _traps(session_class(tracker))[trap]
    assert tracker.growth(work) == []  # type: ignore[arg-type]


def test_repetitions_counted_by_hand(on: Tracker) -> None:
    """Work that cannot be called, such as a coroutine's, is counted from outside."""
    cls, kept = session_class(on), list[Session]()
    counted = on.repetitions(collect=False)
    for turn in range(8):
        assert counted.findings() == []  # too few to tell
        assert len(counted) == turn
        kept.append(cls())
        counted.done()
    assert [finding.count for finding in counted.findings()] == [8]


def test_a_leak_among_traffic_is_told_from_it(on: Tracker) -> None:
    """Sessions that come and go beside the leak are not blamed, at levels that know places."""
    if on.ledger is not None and not on.ledger.kinds and on.report().level == "counts":
        pytest.skip("at level counts there is no place to tell them apart")
    cls, kept, traffic = session_class(on), list[Session](), deque[Session](maxlen=3)

    def work() -> None:
        traffic.append(cls())
        leaked = cls()
        kept.append(leaked)

    (finding,) = on.growth(work)
    assert finding.site is not None
    assert finding.site.code == "leaked = cls()"


def test_bad_numbers_and_no_tracking(tracker: Tracker) -> None:
    """Too few repetitions cannot tell anything; without tracking there is nothing to count."""
    with pytest.raises(LifetrackError, match="tracking is off"):
        tracker.growth(lambda: None)
    tracker.start("sites", report=False)
    with pytest.raises(ConfigurationError, match="repetitions=3"):
        tracker.growth(lambda: None, repetitions=3)


def test_a_service_watches_for_growth_for_as_long_as_it_runs(tracker: Tracker) -> None:
    """Counts are taken in the background; what rises in all of them is found once, and not what stays."""
    heard: list[ServiceEvent] = []
    tracker.start("sites", policy="record", report=False, growth_every=0.01, sinks=heard.append, check_every=0.01)
    cls = session_class(tracker)
    kept, steady = list[Session](), [cls() for _ in range(50)]

    def work() -> bool:
        kept.append(cls())
        return bool(heard)

    assert until(work, 20)
    assert [(event.rule, event.certainty) for event in heard] == [("LT107", "suspected")]
    assert heard[0].site is not None
    assert heard[0].site.function.endswith(".work")
    assert steady


def test_samples_are_bounded_however_long_it_runs(tracker: Tracker) -> None:
    """A leak that is slow, and begins late, is found at its own pace; memory stays."""
    tracker.start("sites", policy="record", report=False)
    cls, kept, traffic = session_class(tracker), list[Session](), deque[Session](maxlen=4)
    watch, ledger = GrowthScales(), tracker.ledger
    assert ledger is not None
    found = []
    for turn in range(600):
        traffic.append(cls())
        if turn > 250 and turn % 7 == 0:
            kept.append(cls())  # the leak
        found += [(turn, grown.youngest) for grown in watch.take(ledger)]
        assert len(watch) <= 17 * 10
    assert found
    assert {entry[OFFSET] for _, entry in found} == {ledger.entries[id(kept[0])][OFFSET]}
    assert found[0][0] > 250


def test_a_cap_is_told_once_until_it_was_below_again(tracker: Tracker) -> None:
    """More live at once than allowed is LT107, proven, at the place that most of them come from."""
    tracker.start("sites", policy="record", report=False, live_limits={"app.Session": 3}, check_every=3600)
    cls = session_class(tracker)
    held = [cls() for _ in range(3)]
    assert "LT107" not in {finding.rule for finding in tracker.report().findings}
    held += [cls() for _ in range(2)]
    for _ in range(2):
        (finding,) = (each for each in tracker.report().findings if each.rule == "LT107")
        assert (finding.certainty, finding.count) == (Certainty.PROVEN, 2)
        assert "5 live ones" in finding.message
        assert "cap of 3" in finding.message
    for each in held:
        each.close()
    tracker.report()
    held = [cls() for _ in range(9)]
    counts = [each.count for each in tracker.report().findings if each.rule == "LT107"]
    assert sum(counts) == 2 + 6


def test_a_cap_of_a_declaration(tracker: Tracker) -> None:
    """``@tracked(max_live=...)`` is a cap, too, and is watched by itself."""
    tracker.start("sites", policy="record", report=False)
    cls = session_class(tracker, max_live=0)
    held = cls()
    assert "LT107" in {finding.rule for finding in tracker.report().findings}
    held.close()
