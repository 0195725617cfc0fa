"""Managers of pluggy and stevedore: register and unregister are acquire and release, and who goes on is found."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path

import pytest

import lifetrack
from lifetrack import BackendError
from tests.conftest import CHECKOUT

pluggy = pytest.importorskip("pluggy")
spec, hook = pluggy.HookspecMarker("demo"), pluggy.HookimplMarker("demo")


class Spec:
    @spec
    def greet(self, name): ...


class Greeter:
    @hook
    def greet(self, name):
        return f"hello {name}"


class Wrapper:
    @hook(wrapper=True)
    def greet(self, name):
        return [*(yield), "wrapped"]


def new_manager():
    made = pluggy.PluginManager("demo")
    made.add_hookspecs(Spec)
    return made


@pytest.fixture(name="manager")
def _manager():
    return new_manager()


def test_a_manager_works_as_before(manager, tracking):
    """Hooks, names, blocking and results are what they are without tracking; the undo restores it exactly."""
    before = dict(vars(manager))
    undo = lifetrack.track_plugins(manager)
    greeter = Greeter()
    assert manager.register(greeter, "greeter") == "greeter"
    assert manager.register(Wrapper()) is not None
    assert manager.hook.greet(name="you") == ["hello you", "wrapped"]
    with pytest.raises(ValueError, match="already registered"):
        manager.register(greeter, "greeter")
    assert manager.unregister(name="greeter") is greeter
    assert manager.hook.greet(name="you") == ["wrapped"]
    manager.set_blocked("greeter")
    assert manager.register(greeter, "greeter") is None
    manager.unblock("greeter")
    assert manager.register(greeter, "greeter") == "greeter"
    assert manager.hook.greet(name="you") == ["hello you", "wrapped"]
    undo()
    assert dict(vars(manager)) == before


def test_a_hook_that_somebody_kept_is_a_use_after_release(manager, tracking):
    """A call of an unregistered plugin is LT201, with where it was registered and unregistered."""
    lifetrack.track_plugins(manager)
    manager.register(Greeter(), "greeter")
    (kept,) = manager.hook.greet.get_hookimpls()
    assert kept.function("you") == "hello you"
    manager.unregister(name="greeter")
    with pytest.raises(
        lifetrack.UseAfterReleaseError, match=r"Greeter 'greeter' acquired at .*test_managers"
    ) as caught:
        kept.function("you")
    assert [event.event for event in caught.value.finding.events] == ["acquired", "released", "used"]


def test_what_is_still_held_is_found_with_who_holds_it(manager, tracking):
    """An unregistered plugin that something refers to is LT109; pluggy's own list of distributions is such a holder."""
    tracked = lifetrack.track_plugins(manager)
    manager.register(Greeter(), "greeter")
    manager._plugin_distinfo.append((manager.get_plugin("greeter"), None))
    assert tracked.find_held() == []
    manager.unregister(name="greeter")
    (finding,) = tracked.find_held()
    assert finding.rule == "LT109"
    assert "'greeter' was unregistered from plugin manager 'demo' and is still held by" in finding.message
    assert ("_plugin_distinfo (list)", "[0] (tuple)", "[0]") in [holder.path[-3:] for holder in finding.held_by]
    manager._plugin_distinfo.clear()
    assert tracked.find_held() == []


def test_what_a_scope_registers_it_must_unregister(tracking):
    """In a manager from outside it is a leak of the scope; a manager of the scope's own owns its plugins."""
    outer = new_manager()
    lifetrack.track_plugins(outer)
    with pytest.raises(lifetrack.LeakError, match="unregister it from plugin manager 'demo'"), lifetrack.scope("test"):
        outer.register(Greeter(), "greeter")
    with lifetrack.scope("test"):
        inner = new_manager()
        lifetrack.track_plugins(inner)
        inner.register(Greeter(), "greeter")
    outer.register(Greeter(), "process")
    assert [finding.rule for finding in lifetrack.find_leaks()] == ["LT103"], (
        "what lives as long as its manager is fine"
    )


def test_plugins_that_are_there_already_are_tracked_too(manager, tracking):
    """Tracking begins with what is registered; `cleanup` unregisters the newest first; asking twice is once."""
    manager.register(Greeter(), "first")
    manager.set_blocked("blocked")
    tracked = lifetrack.track_plugins(manager)
    assert lifetrack.track_plugins(manager) is tracked
    manager.register(Greeter(), "second")
    assert tracked.plugin_names() == ["first", "second"]
    with pytest.raises(BackendError, match=r"'demo': unregister\(\) of 'nobody'; it has 'first', 'second'"):
        tracked.unregister("nobody")
    assert tracked.cleanup().released == ("second", "first")
    assert lifetrack.snapshot().live == ()


def test_a_manager_is_not_kept_alive(tracking):
    """Neither the tracking nor the ledger holds a manager or a plugin; nothing of it is a leak."""
    manager = new_manager()
    lifetrack.track_plugins(manager)
    plugin = Greeter()
    manager.register(plugin, "greeter")
    refs = [weakref.ref(manager), weakref.ref(plugin)]
    del manager, plugin
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    assert lifetrack.find_leaks() == []
    assert lifetrack.snapshot().live == ()


def test_a_manager_may_be_handed_over_while_tracking_is_off(manager):
    """Nothing is recorded then, and everything works; what is registered after the start is recorded."""
    tracked = lifetrack.track_plugins(manager)
    manager.register(Greeter(), "early")
    with lifetrack.start(report=False):
        manager.register(Greeter(), "late")
        assert [record.resource.label for record in lifetrack.snapshot().live] == ["late"]
        manager.unregister(name="early")
    assert tracked.find_held() == []
    assert manager.hook.greet(name="you") == ["hello you"]


def test_only_managers_are_taken():
    """Anything else is refused by naming what would do."""
    with pytest.raises(BackendError, match=r"takes a pluggy\.PluginManager or a stevedore manager, not a dict"):
        lifetrack.track_plugins({})
    with pytest.raises(BackendError, match="track_plugins"):
        lifetrack.track_plugins(None)


@pytest.fixture(name="extensions")
def _extensions():
    extension = pytest.importorskip("stevedore.extension")

    class Driver:
        closed = 0

        def use(self): ...

        def close(self):
            self.closed += 1

    class Stuck(Driver):
        def close(self):
            raise OSError("stuck")

    made = [extension.Extension(name, None, cls, cls()) for name, cls in (("a", Driver), ("s", Stuck), ("b", Driver))]
    made.append(extension.Extension("plain", None, Driver, None))
    return extension.ExtensionManager.make_test_instance(made)


def test_the_extensions_of_stevedore_have_an_end(extensions, tracking):
    """`cleanup` releases their objects, newest first, with all errors; a use afterwards is LT201."""
    tracked = lifetrack.track_plugins(extensions)
    assert lifetrack.track_plugins(extensions) is tracked
    driver = extensions["a"].obj
    with pytest.raises(ExceptionGroup, match="extension manager 'TESTING' failed to be released: OSError"):
        tracked.cleanup()
    assert driver.closed == 1
    assert extensions.names() == []
    with pytest.raises(lifetrack.UseAfterReleaseError):
        driver.use()


def test_one_extension_of_stevedore_can_be_unregistered(extensions, tracking):
    """It leaves the manager; what still holds it is found; an unknown name is refused."""
    tracked = lifetrack.track_plugins(extensions)
    driver = extensions["b"].obj
    tracked.unregister("b")
    assert extensions.names() == ["a", "s", "plain"]
    (finding,) = tracked.find_held()
    assert "'b' was unregistered from extension manager 'TESTING'" in finding.message
    with pytest.raises(BackendError, match="extension manager 'TESTING': unregister"):
        tracked.unregister("b")
    del driver
    assert tracked.find_held() == []


def test_real_extensions_of_stevedore(environment):
    """Extensions that stevedore itself has loaded from entry points are leaks until they are cleaned up."""
    stevedore = pytest.importorskip("stevedore")
    environment.install("tls-good")
    found = environment.run(f"""
sys.path.append({str(Path(stevedore.__file__).parent.parent)!r})
from stevedore import ExtensionManager
with lifetrack.start(report=False, policy="record"):
    manager = ExtensionManager(GROUP, invoke_on_load=True)
    tracked = lifetrack.track_plugins(manager)
    leaks = sorted([f.resource.type, f.resource.label] for f in lifetrack.find_leaks())
    tracked.cleanup()
    show([leaks, lifetrack.find_leaks()])
""")
    assert found == [[["tls_good.OpenSsl", "openssl"], ["tls_good.SChannel", "schannel"]], []]


@pytest.mark.parametrize("extra", ["pluggy", "stevedore"])
def test_a_missing_extra_is_named(extra, run_python, tmp_path):
    """Without the library installed the error names the extra; nothing of it is imported before."""
    wrapt = pytest.importorskip("wrapt")
    os.symlink(Path(wrapt.__file__).parent, tmp_path / "wrapt")
    stdout, stderr, status = run_python(
        f"""
import lifetrack
from lifetrack.backends.{extra}_managers import track_{extra}
try:
    track_{extra}(object())
except lifetrack.MissingExtraError as error:
    print(error)
""",
        python_flags=["-S"],
        env={"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(tmp_path)])},
    )
    assert (stdout, stderr, status) == (f"{extra} is not installed: pip install 'lifetrack[{extra}]'\n", "", 0)
