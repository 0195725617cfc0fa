"""A collection owns its backends, and a backend its parts: who may release, who is told, and under which name."""

from __future__ import annotations

import gc
import threading

import pytest

import lifetrack
from lifetrack import BackendCollection, BackendError, OwnershipError


@lifetrack.tracked
class Part:
    def __init__(self, label="part"):
        self.label = label

    def use(self): ...

    def close(self): ...


class Driver:
    def __init__(self, name="driver", *, keeps=True):
        self.name = name
        self.part = Part()
        self._keeps = keeps

    def use(self): ...

    def close(self):
        if not self._keeps:
            self.part.close()


@pytest.fixture
def recording():
    """Tracking that writes down and goes on."""
    with lifetrack.start(policy="record", report=False):
        yield


def misuses():
    return [finding for finding in lifetrack.report().findings if not finding.rule.startswith("LT1")]


def rules():
    return sorted(finding.rule for finding in misuses())


def collection(name="tls"):
    return BackendCollection(name, kind=Driver)


def test_the_collection_is_the_owner(recording):
    """It is asked for by `owner_of`, stands in the history, and is how the backend ended."""
    backends = collection()
    driver = backends.add(Driver(keeps=False))
    assert lifetrack.owner_of(driver) is backends
    assert [event.detail for event in lifetrack.history(driver)] == [None, "to collection 'tls'"]
    backends.cleanup()
    assert lifetrack.history(driver)[-1].detail == "by its owner, collection 'tls'"
    assert rules() == []


def test_who_has_what_is_known_while_tracking_is_off():
    """Ownership needs no tracking."""
    backends = collection()
    driver = backends.add(Driver())
    assert lifetrack.owner_of(driver) is backends
    with pytest.raises(OwnershipError, match=r"collection 'tls' owns it: take it out first, with remove\(\)"):
        lifetrack.transfer(driver, to=lifetrack.Owner("pool"))
    with pytest.raises(OwnershipError):
        lifetrack.Owned(driver)
    assert backends.remove("driver") is driver
    assert lifetrack.owner_of(driver) is None
    with lifetrack.Owner("pool") as pool:
        lifetrack.transfer(driver, to=pool)
        assert backends.add(driver) is driver
        assert pool.owned == ()
    backends.cleanup()


def test_a_release_behind_its_back_is_foreign(tracking):
    """LT301 names the collection; under raise the release does not run."""
    backends = collection()
    driver = backends.add(Driver(keeps=False))
    with pytest.raises(OwnershipError, match=r"LT301 .*its owner, collection 'tls': let the collection release it"):
        driver.close()
    driver.use()
    assert backends.cleanup().released == ("driver",)


def test_what_was_removed_is_its_users_again(recording):
    """The duty goes back to whoever asked: released by hand is right, and left open is a leak of that scope."""
    backends = collection()
    for name in ("released", "left"):
        backends.add(Driver(name, keeps=False))
    backends.remove("released").close()
    assert rules() == []
    with lifetrack.scope("job"):
        left = backends.remove("left")
        assert lifetrack.owner_of(left).name == "job"
    assert [finding.rule for finding in lifetrack.find_leaks()] == ["LT103"]
    backends.cleanup()
    left.close()


def test_a_backend_is_in_one_collection(tracking):
    """Adding it to another one is refused, names both, and changes nothing; after its removal it may go there."""
    first, second = collection("first"), collection("second")
    driver = first.add(Driver(keeps=False))
    with pytest.raises(
        BackendError, match=r"collection 'second': .*cannot be added: it is 'driver' in collection 'first'"
    ):
        second.add(driver, name="other")
    assert (first.names(), second.names()) == (("driver",), ())
    assert lifetrack.owner_of(driver) is first
    second.add(first.remove(driver))
    assert lifetrack.owner_of(driver) is second
    first.cleanup()
    second.cleanup()
    assert rules() == []


def test_of_many_collections_one_gets_it():
    """Threads that add the same backend to collections of their own: one wins, the others are refused."""
    driver, barrier, won = Driver(), threading.Barrier(20), []

    def work(number):
        mine = collection(str(number))
        barrier.wait()
        try:
            mine.add(driver)
            won.append(mine)
        except BackendError:
            pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(each) for each in won] == [1]
    assert lifetrack.owner_of(driver) is won[0]


def test_released_through_another_collection_is_mismatched(recording):
    """LT206, with both collections; the error carries the finding, and nothing is released."""
    first, second = collection("first"), collection("second")
    driver = first.add(Driver(keeps=False))
    with pytest.raises(
        BackendError, match=r"collection 'second': remove.* which is 'driver' in collection 'first'"
    ) as caught:
        second.remove(driver, release=True)
    (finding,) = misuses()
    assert caught.value.finding == finding
    assert finding.rule == "LT206"
    assert "was released through collection 'second', but belongs to collection 'first'" in finding.message
    assert first.cleanup().released == ("driver",)


def test_a_collection_that_goes_away_leaves_orphans(recording):
    """LT104 says that it was not cleaned up; the backend may go to another collection then."""
    backends = collection()
    driver = backends.add(Driver(keeps=False))
    del backends
    gc.collect()
    (finding,) = lifetrack.find_leaks()
    assert finding.rule == "LT104"
    assert "collection 'tls', got it at" in finding.message
    assert "went away without its cleanup(): let the collection clean up, best by a 'with' block" in finding.message
    other = collection()
    other.add(driver)
    other.cleanup()


def test_a_backend_owns_its_parts(recording):
    """What its constructor acquires is folded under it while it leaks; what its release forgets bears its name."""
    backends = collection()
    driver = backends.add(Driver())
    (finding,) = lifetrack.find_leaks()
    assert (finding.owner.name, finding.owner.kind) == ("tls", "collection")
    assert [child.resource.type.rpartition(".")[2] for child in finding.children] == ["Part"]
    backends.cleanup()
    (finding,) = lifetrack.find_leaks()
    assert (finding.rule, finding.owner.name, finding.owner.kind) == ("LT104", "driver", "backend")
    assert "its owner, backend 'driver', was released or collected without releasing it" in finding.message
    driver.part.close()


def test_what_it_takes_on_later_is_its_own_too(recording):
    """By transfer, and what it acquires while it is released."""

    class Late(Driver):
        def close(self):
            self.report = Part("report")
            self.part.close()

    backends = collection()
    late = backends.add(Late("late"))
    extra = lifetrack.transfer(Part("extra"), to=late)
    assert [len(finding.children) for finding in lifetrack.find_leaks()] == [2]
    backends.cleanup()
    assert [(found.rule, found.owner.name) for found in lifetrack.find_leaks()] == [("LT104", "late")] * 2
    extra.close()
    late.report.close()


def test_the_borrow_of_a_backend_is_a_borrow(recording):
    """Released meanwhile is LT302, and the end of the collection meanwhile is LT304; in order it is neither."""
    backends = collection()
    driver = backends.add(Driver(keeps=False))
    with backends.borrowed("driver") as lent:
        assert lent is driver
    assert [event.event for event in lifetrack.history(driver)][-2:] == ["borrowed", "returned"]
    assert rules() == []
    with backends.borrowed("driver"):
        driver.close()
    assert rules() == ["LT301", "LT302"]
    backends.remove(driver)
    backends.add(Driver(keeps=False))
    with backends.borrowed("driver"):
        result = backends.cleanup()
    assert len(result.held) == 1
    assert rules() == ["LT301", "LT302", "LT304"]


def test_under_raise_a_cleanup_releases_what_is_borrowed_all_the_same(tracking):
    """The finding comes out with the errors of the cleanup, when all is released."""
    backends = collection()
    backends.add(Driver(keeps=False))
    borrowed = backends.borrowed("driver")
    borrowed.__enter__()
    with pytest.raises(ExceptionGroup) as caught:
        backends.cleanup()
    assert [error.finding.rule for error in caught.value.exceptions] == ["LT304"]
    borrowed.__exit__(None, None, None)
    assert [finding.rule for finding in lifetrack.find_leaks()] == []


def test_a_collection_takes_backends_by_add_only():
    """It is no target of a transfer, and the error says what to do."""
    backends = collection()
    with pytest.raises(lifetrack.ConfigurationError, match=r"add\(\) the backend to the collection"):
        lifetrack.transfer(Driver(), to=backends)


def test_who_still_has_it_is_a_finding(recording):
    """`find_held` after the cleanup gives LT109 for what is tracked."""
    backends = collection()
    driver = backends.add(Driver(keeps=False))
    backends.cleanup()
    (held,) = backends.find_held()
    assert held.finding.rule == "LT109"
    assert "was released and is still held by" in held.finding.message
    assert held.finding.owner.name == "tls"
    del driver


def test_the_parts_of_a_plugin_bear_its_distribution(environment):
    """Whatever its constructor or its factory acquires: folded under it, and by its name where it leaves them."""
    environment.install("tls-parts")
    leaks, after, refused = environment.run("""
from tls_host import TlsBackend
def told(f):
    return [f.rule, f.resource.type, f.owner.kind, f.owner.name, [told(child) for child in f.children]]
backends = BackendCollection("tls", kind=TlsBackend, groups=GROUP)
with lifetrack.start(report=False, policy="record"):
    backends.populate(include=["factory", "made"])
    leaks = [told(f) for f in lifetrack.find_leaks()]
    backends.cleanup()
    after = [told(f) for f in lifetrack.find_leaks()]
    failing = BackendCollection("other", kind=TlsBackend, groups=GROUP, include="raises")
    failing.populate()
    show([leaks, after, [told(f) for f in lifetrack.find_leaks() if told(f) not in after]])
""")
    part = "tls_parts.Part"
    assert leaks == [
        ["LT101", "tls_parts.Made", "collection", "tls", [["LT101", part, "backend", f"{name} (tls-parts 1.5)", []]]]
        for name in ("factory", "made")
    ]
    assert after == [["LT104", part, "backend", f"{name} (tls-parts 1.5)", []] for name in ("factory", "made")]
    assert refused == [["LT104", part, "backend", "raises (tls-parts 1.5)", []]]
