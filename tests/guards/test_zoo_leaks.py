"""Every kind of class, not released: what is dropped, what is held, what is restored, what is kept alive."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

# Some specimens own a descriptor, and the standard library says so itself when they are dropped.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def test_a_dropped_object_is_a_leak_at_once(declared, kind, tracker, here):
    """An object that goes without its release is LT102, with the site, without waiting for the collector."""
    cls = declared("record")
    gc.disable()
    try:
        acquired, obj = here(), cls(*kind.arguments)
        del obj
        if kind.cyclic:
            gc.collect()
        findings = tracker.find_leaks()
    finally:
        gc.enable()
    assert [(finding.rule, finding.site.file, finding.site.line) for finding in findings] == [
        ("LT102", __file__, acquired)
    ]


def test_a_held_object_is_a_leak_at_exit(declared, kind, tracker, here):
    """An object that is live at the end is LT101, with the site."""
    cls = declared("record")
    acquired, obj = here(), cls(*kind.arguments)
    findings = tracker.final_report().findings
    assert [(finding.rule, finding.site.line) for finding in findings] == [("LT101", acquired)]
    obj.close()


def test_a_released_object_is_no_leak(declared, kind, tracker):
    """Acquire, use, release, drop: nothing to say, and the totals are exact."""
    cls = declared()
    for _ in range(3):
        obj = cls(*kind.arguments)
        obj.use()
        obj.close()
        del obj
    report = tracker.final_report()
    assert report.findings == ()
    assert (report.totals.acquired, report.totals.released, report.totals.live) == (3, 3, 0)


@pytest.mark.parametrize("released", [True, False])
def test_nothing_is_kept_alive(declared, kind, released):
    """An object dies with its last reference, released or not."""
    cls = declared("record")
    obj = cls(*kind.arguments)
    plain = sys.getrefcount(obj)
    try:
        watcher = weakref.ref(obj)
    except TypeError:  # this kind has no weak references: count the strong ones
        watcher = None
    if released:
        obj.close()
    if watcher is None:
        assert sys.getrefcount(obj) == plain
        return
    del obj
    if kind.cyclic:
        gc.collect()
    assert watcher() is None


def test_stop_restores_every_class_exactly(tracker, kind):
    """After stop, the dictionaries of the class and of all its bases hold the very objects that they held before."""
    cls = kind.declare(tracker.tracked)
    before = {base: dict(vars(base)) for base in type.mro(cls)}
    subclasses = type.__subclasses__(cls)
    tracker.start(policy="record", report=False)
    obj = cls(*kind.arguments)
    obj.close()
    obj.use()
    tracker.stop()
    for base, attributes in before.items():
        now = dict(vars(base))
        assert now.keys() == attributes.keys()
        assert [name for name in now if now[name] is not attributes[name]] == []
    assert obj.use() == "used"
    assert type(obj) is cls
    del obj
    gc.collect()
    assert type.__subclasses__(cls) == subclasses


def test_a_class_declared_while_on_is_restored_too(tracker, kind):
    """After stop, nothing of ours is left on a class that was declared while tracking was on."""
    tracker.start(policy="record", report=False)
    cls = kind.declare(tracker.tracked)
    cls(*kind.arguments).close()
    tracker.stop()
    for base in type.mro(cls):
        for name, attribute in vars(base).items():
            assert not name.startswith("__lifetrack")
            assert not hasattr(attribute, "lifetrack_original"), f"{base.__name__}.{name}"


def test_what_was_made_before_the_start_is_nobodys_mistake(tracker, kind):
    """Objects older than the tracking may be used, released, released again and dropped."""
    cls = kind.declare(tracker.tracked)
    obj = cls(*kind.arguments)
    tracker.start(policy="raise", report=False)
    assert obj.use() == "used"
    assert obj.close() == "closed"
    assert obj.use() == "used"
    del obj
    assert tracker.final_report().findings == ()
