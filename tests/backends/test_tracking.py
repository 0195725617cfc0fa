"""Backends under tracking: nobody has to declare them, they stay the same objects, and what is wrong is found."""

from __future__ import annotations

import logging

import pytest

import lifetrack
from lifetrack import BackendCollection, BackendError
from tests.backends.conftest import Plain


class Driver:
    def __init__(self, name="driver"):
        self.name = name

    def use(self):
        return self.name

    def close(self):
        pass


@lifetrack.tracked(release="hang_up", guard="all")
class Phone:
    name = "phone"
    hung_up = 0

    def call(self): ...

    def close(self):
        raise OSError("not the release")

    def hang_up(self):
        self.hung_up += 1


@pytest.mark.parametrize("options", [{}, {"kind": Driver}])
def test_what_is_used_after_the_cleanup_is_found(tracking, options):
    """The classes of backends are declared by the collection; the object is the one that was added, and is guarded."""
    backends = BackendCollection("tls", **options)
    driver = Driver()
    assert backends.add(driver) is driver
    assert backends.get("driver") is driver
    assert type(driver) is Driver
    backends.cleanup()
    with pytest.raises(lifetrack.UseAfterReleaseError, match=r"Driver 'driver' acquired at .*test_tracking.py"):
        driver.use()


def test_a_backend_that_is_never_cleaned_up_is_a_leak_of_its_scope(tracking):
    """It is blamed where it was made; a collection that is cleaned up in time leaves nothing."""
    with pytest.raises(lifetrack.LeakError, match="Driver 'driver'"), lifetrack.scope("job"):
        leaking = BackendCollection(kind=Driver)
        leaking.add(Driver())
    with lifetrack.scope("job"), BackendCollection(kind=Driver) as backends:
        backends.add(Driver())
    leaking.cleanup()


def test_a_declared_class_is_released_as_it_says(tracking):
    """The declaration goes before usual names and before what the collection says; it is not replaced."""
    backends = BackendCollection(release="close")
    phone = backends.add(Phone())
    backends.cleanup()
    with pytest.raises(lifetrack.UseAfterReleaseError):
        _ = phone.hung_up  # guard="all"


def test_what_was_released_already_is_not_released_again(tracking):
    """By hand before the cleanup, or before it is added: no double release, and a clear refusal."""
    backends = BackendCollection(kind=Driver)
    driver = backends.add(Driver())
    lifetrack.start(policy="record", report=False)
    driver.close()
    assert backends.cleanup().released == ("driver",)
    assert [finding.rule for finding in lifetrack.report().findings] == ["LT301"]
    released = Driver()
    released.close()
    with pytest.raises(BackendError, match="was released, so that it cannot be added"):
        BackendCollection().add(released)


def test_a_replaced_backend_is_guarded_after_its_last_borrow(tracking):
    """While it is borrowed it can be used; afterwards whoever kept it is told."""
    backends = BackendCollection()
    backends.add(Driver())
    with backends.borrowed("driver") as old:
        backends.replace("driver", Driver())
        assert old.use() == "driver"
    with pytest.raises(lifetrack.UseAfterReleaseError):
        old.use()
    assert backends.get("driver").use() == "driver"
    backends.cleanup()


def test_a_class_of_the_standard_library_is_left_alone(tracking):
    """Such a class has more uses than as a backend; it is released, and not tracked."""
    before = dict(vars(logging.Handler))
    backends = BackendCollection()
    handler = backends.add(logging.NullHandler(), name="null")
    assert dict(vars(logging.Handler)) == before
    assert lifetrack.history(handler) == ()
    backends.cleanup()


def test_a_release_that_fails_is_half_released(tracking):
    """The error comes out in the group, and the record says LT105."""

    class Stuck(Driver):
        def close(self):
            raise OSError("stuck")

    backends = BackendCollection()
    stuck = backends.add(Stuck())
    with pytest.raises(ExceptionGroup):
        backends.cleanup()
    assert [finding.rule for finding in lifetrack.find_leaks()] == ["LT105"]
    del stuck


def test_the_distribution_stands_in_the_finding(environment):
    """A plugin that nobody cleans up is reported by name and distribution, acquired at the line that populated."""
    environment.install("tls-good")
    found = environment.run("""
from tls_host import TlsBackend
backends = BackendCollection("tls", kind=TlsBackend, groups=GROUP)
with lifetrack.start(report=False, policy="record"):
    backends.populate()
    leaks = [[f.message, f.resource.label, f.site.line] for f in lifetrack.find_leaks()]
    backends.cleanup()
    show([leaks, lifetrack.find_leaks()])
""")
    leaks, after = found
    assert [label for _, label, _ in leaks] == ["openssl (tls-good 1.5)", "schannel (tls-good 1.5)"]
    assert all("tls_good." in message and line == 11 for message, _, line in leaks)
    assert after == []


def test_tracking_can_be_switched_at_any_time():
    """A collection works the same before, during and after; what is added later is tracked."""
    backends = BackendCollection(kind=Driver)
    early = backends.add(Driver("early"))
    with lifetrack.start(policy="raise", report=False):
        late = backends.add(Driver("late"))
        assert [len(lifetrack.history(each)) for each in (early, late)] == [
            0,
            2,
        ]  # acquired, transferred to the collection
        assert backends.get("early") is early
    assert backends.cleanup().released == ("late", "early")


def test_nothing_is_kept_alive():
    """A collection that is dropped takes its backends with it; a rejected backend is not kept by its error."""
    import gc
    import weakref

    backends = BackendCollection()
    refs = [weakref.ref(backends.add(Plain())), weakref.ref(backends)]
    try:
        backends.add(Plain())
    except BackendError:
        pass
    del backends
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_a_refused_backend_is_not_recorded(tracking):
    """What the collection did not take is no resource of anybody's."""

    class Late:
        name = "late"

        def close(self): ...

    refused = Late()
    backends = BackendCollection()
    backends.add(Driver(), name="late")
    with pytest.raises(BackendError):
        backends.add(refused)
    assert lifetrack.history(refused) == ()
    backends.cleanup()
