"""What a misuse does under each policy: refuse, warn or record, and never a change of the program's own results."""

from __future__ import annotations

import itertools
import warnings
from collections import Counter

import pytest

from lifetrack.values.errors import DoubleReleaseError, LeakWarning, UseAfterReleaseError


def declare(tracked):
    @tracked
    class Backend:
        serial = itertools.count()

        def __init__(self):
            self.calls = []

        def use(self, word, *, times=1):
            self.calls.append(word)
            return word * times

        def fail(self):
            raise KeyError("own error")

        def _private(self):
            return "private"

        @property
        def size(self):
            return len(self.calls)

        def items(self):
            yield from self.calls

        def close(self):
            self.calls.append("close")
            return len(self.calls)

        def __enter__(self):
            return self

        def __exit__(self, kind, error, traceback):
            self.close()
            return kind is ValueError

    return Backend


def program(tracked):
    """Misuse an object in every way; give what happened, step by step."""
    cls = declare(tracked)
    backend = cls()
    yield backend.use("a")
    yield backend.close()
    yield backend.use("b", times=2)
    yield backend.close()
    try:
        backend.fail()
    except KeyError as error:
        yield error.args
    yield backend._private()
    yield backend.size
    yield list(backend.items())
    with backend as same:
        yield same is backend
        raise ValueError
    yield backend.calls
    yield isinstance(backend, cls)


@pytest.fixture
def expected():
    """What the program does without lifetrack."""
    return list(program(lambda cls: cls))


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_record_changes_nothing(tracker, expected, level):
    """Under record every call runs and gives what it would have given; the misuses are filed."""
    tracker.start(level, policy="record", report=False)
    assert list(program(tracker.tracked)) == expected
    found = Counter()
    for finding in tracker.report().findings:
        found[finding.rule] += finding.count
    assert found == {"LT201": 4, "LT202": 1}


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_warn_changes_nothing_and_says_so(tracker, expected, level):
    """Under warn every call runs, with one LeakWarning for each misuse."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        tracker.start(level, policy="warn", report=False)
        assert list(program(tracker.tracked)) == expected
    words = [str(item.message)[:5] for item in shown if item.category is LeakWarning]
    assert words == ["LT201", "LT202", "LT201", "LT201", "LT201"]
    if level != "counts":  # which knows no places
        assert {item.filename for item in shown} == {__file__}


def test_a_warning_made_an_error_is_raised_at_the_use(tracker):
    """Python -W error makes the misuse fail where it stands, as for every other warning."""
    tracker.start(policy="warn", report=False)

    @tracker.tracked
    class Backend:
        def use(self):
            calls.append("use")

        def close(self): ...

    calls = []
    backend = Backend()
    backend.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LeakWarning):
            backend.use()
    assert calls == []


def test_a_policy_by_rule(tracker):
    """Each rule goes by its own word; the rest by the star."""
    tracker.start(policy={"LT202": "record", "*": "raise"}, report=False)

    @tracker.tracked
    class Backend:
        def use(self): ...

        def close(self):
            return "closed"

    backend = Backend()
    backend.close()
    assert backend.close() == "closed"
    with pytest.raises(UseAfterReleaseError):
        backend.use()


def test_the_policy_can_be_changed_while_tracking(tracker):
    """start() again changes what a misuse of an older object does."""
    tracker.start(policy="raise", report=False)

    @tracker.tracked
    class Backend:
        def use(self):
            return "used"

        def close(self): ...

    backend = Backend()
    backend.close()
    with pytest.raises(UseAfterReleaseError):
        backend.use()
    tracker.start(policy="record", report=False)
    assert backend.use() == "used"
    tracker.start("sites", policy="raise", report=False)
    with pytest.raises(DoubleReleaseError):
        backend.close()
    tracker.stop()
    assert backend.use() == "used"


def test_the_errors_are_also_built_ins_and_carry_the_history(tracker):
    """Except ReferenceError and except ValueError catch them; the notes name each place."""
    tracker.start(policy="raise", report=False)

    @tracker.tracked(label="main backend")
    class Backend:
        def __init__(self, secret):
            self.secret = secret

        def use(self, argument): ...

        def close(self): ...

    backend = Backend("hunter2")
    backend.close()
    with pytest.raises(ReferenceError) as used:
        backend.use("hunter3")
    with pytest.raises(ValueError, match="LT202") as again:
        backend.close()
    for error in (used.value, again.value):
        text = "\n".join([str(error), *error.__notes__])
        assert "main backend" in text
        assert text.count(__file__) >= 4
        assert "hunter" not in text


def test_an_error_keeps_nothing_alive(tracker):
    """The exception and its finding hold neither the object nor its arguments."""
    import weakref

    tracker.start(policy="raise", report=False)

    @tracker.tracked
    class Backend:
        def use(self): ...

        def close(self): ...

    backend = Backend()
    backend.close()
    try:
        backend.use()
    except UseAfterReleaseError as error:
        finding = error.finding
    with pytest.raises(DoubleReleaseError):
        backend.close()
    gone = weakref.ref(backend)
    del backend
    assert gone() is None
    assert finding.rule == "LT201"
