"""Proxies of objects that somebody else has too, and may release where no proxy sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker


class Handle:
    def close(self) -> None: ...


@pytest.mark.parametrize(("shared", "word"), [(True, "suspected"), (False, "proven")])
def test_a_dropped_proxy_of_a_shared_object_is_only_suspected(tracker: Tracker, shared: bool, word: str) -> None:
    """A pool that made the object may close it later; an object that goes with its proxy is lost."""
    pool: list[Handle] = []

    @tracker.acquires(release="close")
    def take() -> Handle:
        handle = Handle()
        if shared:
            pool.append(handle)
        return handle

    tracker.start(policy="record", report=False)
    handle = take()
    del handle
    assert [(found.rule, found.certainty.word) for found in tracker.find_leaks()] == [("LT102", word)]
