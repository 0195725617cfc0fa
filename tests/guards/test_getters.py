"""Properties of a released object stay readable, whatever their getter is and does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lifetrack.values.errors import UseAfterReleaseError

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker


def test_a_getter_may_use_the_object_also_as_a_lambda(tracker: Tracker) -> None:
    """The method that the getter calls is refused to anybody else."""

    @tracker.tracked
    class Backend:
        name = property(lambda self: self.compute())

        def compute(self) -> str:
            return "openssl"

        def close(self) -> None:
            pass

    tracker.start(policy="raise", report=False)
    backend = Backend()
    backend.close()
    assert backend.name == "openssl"
    with pytest.raises(UseAfterReleaseError):
        backend.compute()
