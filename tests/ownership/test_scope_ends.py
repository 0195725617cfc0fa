"""The end of a scope under each policy, and when tracking starts, changes or stops inside it."""

from __future__ import annotations

import sys
import weakref

import pytest

from lifetrack.values.errors import LeakError, LeakWarning


def test_under_raise_the_end_of_a_scope_raises(tracker, resource):
    """LeakError carries every finding, is an AssertionError too, and its notes name each."""
    tracker.start(policy="raise", report=False)
    kept = []
    with pytest.raises(LeakError) as caught, tracker.scope("job"):
        kept += [resource(), resource()]
    error = caught.value
    assert isinstance(error, AssertionError)
    assert [finding.rule for finding in error.findings] == ["LT103", "LT103"]
    assert error.finding is error.findings[0]
    assert str(error).startswith("2 resources were not released when scope 'job' ended: ")
    assert error.__notes__ == [f"LT103 leak-from-scope: {finding.message}" for finding in error.findings]


def test_under_raise_an_exception_on_its_way_out_is_not_hidden(tracker, resource, found):
    """The program's own exception comes out, with nothing chained to it, and the leak is on record."""
    tracker.start(policy="raise", report=False)
    kept = []
    with pytest.raises(KeyError) as caught, tracker.scope("job"):
        kept.append(resource())
        raise KeyError("mine")
    assert caught.value.__context__ is None
    assert not hasattr(caught.value, "__notes__")
    assert found() == [("LT103", "job")]


def test_the_policy_of_the_rule_decides(tracker, resource):
    """Under warn for LT103 the end of a scope warns once, at the line of the acquisition."""
    tracker.start(policy={"LT103": "warn", "*": "raise"}, report=False)
    with pytest.warns(LeakWarning, match="LT103 leak-from-scope") as caught, tracker.scope("job"):
        kept = resource()
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, sys._getframe().f_lineno - 2)
    kept.close()


def test_a_scope_keeps_nothing_alive(tracker, resource):
    """What was acquired in a scope goes when the program drops it, in the scope or after it."""
    with tracker.scope("job") as scope:
        inside = weakref.ref(resource())
        kept = resource()
    after = weakref.ref(kept)
    del kept
    assert (inside(), after()) == (None, None)
    assert scope.name == "job"


def test_while_tracking_is_off_a_scope_has_no_effect(tracker):
    """A scope in a program that is not tracked does nothing, in any form, also when tracking starts inside."""

    @tracker.tracked
    class Resource:
        def close(self):
            pass

    with tracker.scope("off"):
        kept = Resource()
    with tracker.scope("begun before"):
        tracker.start(policy="raise", report=False)
        other = Resource()
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
    del kept, other


def test_tracking_may_stop_inside_a_scope(tracker, resource):
    """The end of a scope whose tracking is over judges nothing, and the next tracking starts afresh."""
    with tracker.scope("cut short"):
        kept = resource()
        tracker.stop()
    with tracker.scope("second"):
        tracker.start(policy="raise", report=False)
    with tracker.scope("outer"):
        tracker.stop()
        tracker.start(policy="raise", report=False)
        new = resource()
    assert [(finding.rule, finding.scope) for finding in tracker.find_leaks()] == [("LT101", None)]
    kept.close()
    new.close()


def test_settings_may_change_inside_a_scope(tracker, resource, found):
    """A change of level or policy inside a scope keeps the scope and what was acquired in it."""
    with tracker.scope("long"):
        one = resource()
        tracker.start("sites", policy="record", report=False)
        two = resource()
    assert found() == [("LT103", "long")] * 2
    one.close()
    two.close()


def test_under_raise_what_was_dropped_in_a_scope_raises_at_its_end(tracker, resource):
    """The collector cannot raise, so the end of the innermost scope does, once; what was dropped outside does not."""
    tracker.start(policy="raise", report=False)
    resource()
    with tracker.scope("outer"):
        with pytest.raises(LeakError) as caught, tracker.scope("job"):
            resource()
        assert [(finding.rule, finding.scope) for finding in caught.value.findings] == [("LT102", "job")]
