"""The module functions: the methods of the default tracker."""

from __future__ import annotations

from lifetrack.tracker import default_tracker

_tracker = default_tracker()

start = _tracker.start
stop = _tracker.stop
is_tracking = _tracker.is_tracking
snapshot = _tracker.snapshot
tracked = _tracker.tracked
track = _tracker.track
acquires = _tracker.acquires
releases = _tracker.releases
watch = _tracker.watch
scope = _tracker.scope
allow = _tracker.allow
find_leaks = _tracker.find_leaks
assert_no_leaks = _tracker.assert_no_leaks
history = _tracker.history
report = _tracker.report
