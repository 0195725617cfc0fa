"""What a report says of the interpreter and the time is what the standard library says."""

from __future__ import annotations

import datetime
import gc
import platform

import pytest

from lifetrack.values.collector import without_collector
from lifetrack.values.interpreter import now, python_version


def test_the_version_is_that_of_platform() -> None:
    """The short way gives what ``platform`` gives."""
    assert python_version() == platform.python_version()


def test_the_time_is_that_of_datetime() -> None:
    """It is of the form that ``datetime`` gives and reads, and of this moment."""
    before = datetime.datetime.now(datetime.UTC)
    text = now()
    told = datetime.datetime.fromisoformat(text)
    assert text == told.isoformat(timespec="milliseconds")
    assert told.utcoffset() == datetime.timedelta(0)
    assert abs((told - before).total_seconds()) < 60


def test_the_collector_is_as_it_was_before() -> None:
    """It is off in the block only, and stays off where it was off; also when the block raises."""
    was = gc.isenabled()
    try:
        gc.enable()
        with without_collector():
            assert not gc.isenabled()
        assert gc.isenabled()
        with pytest.raises(KeyError), without_collector():
            raise KeyError
        assert gc.isenabled()
        gc.disable()
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        (gc.enable if was else gc.disable)()


def test_what_somebody_has_frozen_stays_so() -> None:
    """A program's own ``gc.freeze()`` is not undone."""
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        assert frozen > 10_000
        with without_collector():
            pass
        assert gc.get_freeze_count() >= frozen - 100
    finally:
        gc.unfreeze()
