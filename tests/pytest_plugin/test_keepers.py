"""What somebody else is going to release is due when he has had his turn: fixtures, class cleanups, exit hooks."""

from __future__ import annotations

import functools
import gc
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from lifetrack.pytest_plugin.reach import Caches, reached

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"

#: Fixtures that get something during a test and release it in their own teardown.
KEEPERS = {
    "factory": """
@pytest.fixture(scope="{scope}")
def make():
    made = []
    def make():
        made.append(Backend())
        return made[-1]
    yield make
    for backend in made: backend.close()
""",
    "pool": """
class Pool:
    def __init__(self): self.idle = {{}}
    def __call__(self):
        if not self.idle: self.idle["one"] = Backend()
        return self.idle["one"]
    def close(self):
        for backend in self.idle.values(): backend.close()
@pytest.fixture(scope="{scope}")
def make():
    pool = Pool()
    yield pool
    pool.close()
""",
    "finalizer": """
@pytest.fixture(scope="{scope}")
def make(request):
    def make():
        backend = Backend()
        request.addfinalizer(backend.close)
        return backend
    return make
""",
    "global": """
import collections
LAZY = collections.deque()
def lazily():
    LAZY.append(Backend())
    return LAZY[-1]
@pytest.fixture(scope="{scope}")
def make():
    yield lazily
    while LAZY: LAZY.pop().close()
""",
    "module": """
import lazy
@pytest.fixture(scope="{scope}")
def make():
    yield lazy.get
    lazy.close()
""",
    "import": """
import lazy
@pytest.fixture(scope="{scope}")
def make():
    from lazy import close
    yield lazy.get
    close()
""",
    "late import": """
import lazy
@pytest.fixture(scope="{scope}")
def make():
    yield lazy.get
    import lazy as module
    module.close()
""",
    "class method": """
from lazy import Single
@pytest.fixture(scope="{scope}")
def make():
    yield Single.get
    Single.reset()
""",
}

#: A module of the program with singletons, and how it closes them.
LAZY = """
from resources import Backend
backend = None
def get():
    global backend
    backend = backend or Backend()
def close():
    global backend
    if backend is not None: backend.close()
    backend = None
class Single:
    backend = None
    @classmethod
    def get(cls): cls.backend = cls.backend or Backend()
    @classmethod
    def reset(cls):
        if cls.backend is not None: cls.backend.close()
        cls.backend = None
"""


@pytest.mark.parametrize("scope", ["class", "module", "session"])
@pytest.mark.parametrize("keeper", KEEPERS)
def test_a_wider_fixture_releases_later(pytester: pytest.Pytester, run: Run, keeper: str, scope: str) -> None:
    """What a test gets from a fixture that releases it in its own teardown is no leak of anybody."""
    pytester.makepyfile(lazy=LAZY)
    pytester.makepyfile(
        HEAD
        + KEEPERS[keeper].format(scope=scope)
        + """
class TestIt:
    def test_one(self, make): make()
    def test_two(self, make): make()
    def test_late(self, request): request.getfixturevalue("make")()
"""
    )
    result = run()
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*LT1*")


@pytest.mark.skipif(importlib.util.find_spec("sqlalchemy") is None, reason="needs SQLAlchemy")
def test_what_holds_nothing_yet(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without a connection that a test leaves with a wider fixture is due with that; it may get one later."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
ENGINE = create_engine("sqlite://")
@pytest.fixture(scope="module")
def kept(): return []
def test_one(kept): kept.append(Session(ENGINE))
def test_two(kept): kept[0].execute(text("select 1"))
def test_last(): pass
"""
    )
    options = ("--lifetrack", "--lifetrack-watch=stdlib,libraries")
    result = pytester.runpytest_subprocess("-p", "lifetrack.pytest_plugin", *options)
    assert result.parseoutcomes()["passed"] == 3
    found = ["*LT103*check-out", "*::test_two, scope 'kept (module)'", "*Child: sqlalchemy.orm.session.Session*_one"]
    result.stdout.fnmatch_lines(found)


def test_exit_stacks(pytester: pytest.Pytester, run: Run) -> None:
    """What a test pushes on the exit stack of a wider fixture is due after the teardown of that, also when watched."""
    pytester.makepyfile(
        HEAD
        + """
import contextlib, socket
@pytest.fixture(scope="module")
def stack():
    with contextlib.ExitStack() as stack: yield stack
@pytest.fixture(scope="module")
def make():
    with contextlib.ExitStack() as stack: yield lambda: stack.enter_context(socket.socket())
def test_one(stack): stack.enter_context(socket.socket())
def test_two(stack): stack.callback(Backend().close)
def test_three(make): make()
def test_last(): pass
"""
    )
    result = run("--lifetrack-watch=stdlib")
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*LT1*")


HANDLES = """
import lifetrack as lt
class Plain:
    def close(self): pass
@pytest.fixture(scope="module")
def kept():
    kept = []
    yield kept
    for each in reversed(kept): each.close() if not isinstance(each, (lt.Owned, lt.Shared)) else each.release()
@pytest.fixture(scope="module")
def owner():
    with lt.Owner("the module's") as owner: yield owner
def test_owned(kept): kept.append(lt.Owned(Backend()))
def test_shared(kept):
    first = lt.Shared(Backend())
    kept.append(first.clone())
    first.release()
def test_owner(owner): lt.transfer(Backend(), to=owner)
def test_owners(kept):
    kept.append(lt.Owner("a test's"))
    lt.transfer(Backend(), to=kept[-1])
def test_proxy(kept): kept.append(lt.track(Plain()))
def test_last(): pass
"""


def test_handles_and_owners(pytester: pytest.Pytester, run: Run) -> None:
    """What a wider fixture holds by a handle, an owner or a proxy is due after its teardown."""
    pytester.makepyfile(HEAD + HANDLES)
    result = run()
    result.assert_outcomes(passed=6)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*LT1*")


def test_handles_that_nobody_releases(pytester: pytest.Pytester, run: Run) -> None:
    """What a wider fixture keeps in a handle and never releases names the test; a handle in a module is the test's."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="module")
def kept(): return []
def test_owned(kept): kept.append(lt.Owned(Backend()))
def test_other(kept): KEPT.append(lt.Shared(Backend()))
def test_last(): pass
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*test_other ERROR*", "*LT1*::test_owned]*", "1 finding fails the run*"])


def test_a_wider_fixture_that_adds(pytester: pytest.Pytester, run: Run) -> None:
    """A teardown that puts more into a container is not about what the tests have put there."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="module")
def adds():
    yield
    KEPT.append(Backend())
    KEPT.extend([Backend()])
def test_one(adds): KEPT.append(Backend())
def test_two(adds): pass
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["ERROR test_a_wider_fixture_that_adds.py::test_one*"])


def test_a_wider_fixture_that_forgets(pytester: pytest.Pytester, run: Run) -> None:
    """What a fixture keeps and never releases is found after its teardown; the test that acquired it is named."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="module")
def kept(): return []
def test_one(kept): kept.append(Backend())
def test_two(kept): pass
"""
    )
    result = run("--lifetrack-report=out.json")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*LT103*::test_one]", "1 finding fails the run*"])


def test_a_wider_fixture_that_loses(pytester: pytest.Pytester, run: Run) -> None:
    """What a fixture keeps and a later test drops names the test that acquired it, not the one that dropped it."""
    pytester.makepyfile(
        HEAD
        + """
class Server: pass
@pytest.fixture(scope="module")
def server(): return Server()
@pytest.fixture
def lent(server): server.lent = Backend()
def test_one(server): server.first = Backend()
def test_two(server): del server.first
def test_three(lent): pass
def test_four(server): server.lent = None
def test_five(server):
    server.second = Backend()
    server.second.close()
def test_six(server): del server.second
"""
    )
    result = run()
    result.assert_outcomes(passed=6)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(["*LT102*::test_one]", "*LT102*::test_three]", "2 findings fail the run*"])
    for other in ("two", "four", "five", "six"):
        result.stdout.no_fnmatch_line(f"*LT1*::test_{other}]")


@pytest.mark.parametrize("narrow", ["module", "class"])
def test_a_fixture_keeps_for_a_wider_one(pytester: pytest.Pytester, run: Run, narrow: str) -> None:
    """What a fixture hands to one that ends later is due when that one has ended."""
    pytester.makepyfile(
        HEAD
        + f"""
@pytest.fixture(scope="session")
def closing():
    made = []
    yield made
    for backend in made: backend.close()
@pytest.fixture(scope={narrow!r})
def backend(closing):
    closing.append(Backend())
    return closing[-1]
class TestIt:
    def test_it(self, backend): backend.use()
"""
    )
    result = run()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


CLEANUPS = {
    "tearDownClass": """
import unittest
class TestIt(unittest.TestCase):
    shared = None
    @classmethod
    def setUpClass(cls): pass
    @classmethod
    def tearDownClass(cls): cls.shared.close()
    def test_one(self): type(self).shared = Backend()
    def test_two(self): self.shared.use()
""",
    "addClassCleanup": """
import unittest
class TestIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls): pass
    def test_one(self):
        backend = Backend()
        type(self).addClassCleanup(backend.close)
    def test_two(self): pass
""",
    "teardown_class": """
class TestIt:
    @classmethod
    def teardown_class(cls): cls.shared.close()
    def test_one(self): type(self).shared = Backend()
    def test_two(self): self.shared.use()
""",
    "teardown_module": """
SHARED = []
def stop_all():
    for backend in SHARED: backend.close()
def teardown_module(): stop_all()
def test_one(): SHARED.append(Backend())
def test_two(): SHARED[0].use()
""",
}


@pytest.mark.parametrize("style", CLEANUPS)
def test_cleanups_of_classes_and_modules(pytester: pytest.Pytester, run: Run, style: str) -> None:
    """What the cleanup of a class or module is about is due after it."""
    pytester.makepyfile(HEAD + CLEANUPS[style])
    result = run()
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*LT1*")


HOOKS = {
    "method": "def test_it():\n    backend = Backend()\n    atexit.register(backend.close)",
    "global": """
THE = None
@atexit.register
def stop():
    if THE is not None: THE.close()
def test_it():
    global THE
    THE = Backend()
""",
    "finalizer": """
import weakref
class Pool:
    def __init__(self):
        self.idle = [Backend()]
        weakref.finalize(self, close_all, self.idle)
def close_all(idle):
    for backend in idle: backend.close()
POOLS = []
def test_it(): POOLS.append(Pool())
""",
    "argument": "def test_it(): atexit.register(Backend.close, Backend())",
    "cached": """
@functools.lru_cache
def the(): return Backend()
@atexit.register
def stop(): the().close()
def test_it(): the().use()
""",
}


@pytest.mark.parametrize("hook", HOOKS)
def test_singletons_closed_at_exit(pytester: pytest.Pytester, run: Run, hook: str) -> None:
    """What an exit hook is going to release is the process's."""
    pytester.makepyfile("import atexit, functools\n" + HEAD + HOOKS[hook])
    result = run(fresh=hook == "global")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


#: Hooks of a module that a plugin has imported before lifetrack's was asked for anything.
EARLIER = """
import asyncio, atexit, logging, threading

files, one, loop, thread = [], None, None, None

class Manager:
    file = None
    def open(self): self.file = open(__file__)
    def close(self):
        if self.file: self.file.close()

def into_list(): files.append(open(__file__))
def into_global():
    global one
    one = open(__file__)
def into_thread():
    global loop, thread
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

def close_all():
    for file in files: file.close()
@atexit.register
def close_one():
    if one is not None: one.close()
@threading._register_atexit
def stop():
    if loop is not None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
@atexit.register
def close_loop():
    if loop is not None and thread is not None: loop.close()

manager = Manager()
atexit.register(manager.close)
atexit.register(close_all)
"""


@pytest.mark.parametrize("what", ["into_list", "into_global", "into_thread", "manager.open"])
def test_exit_hooks_of_what_plugins_import(pytester: pytest.Pytester, run: Run, what: str) -> None:
    """They are known by their functions, also where they were registered before this plugin had its turn."""
    pytester.makepyfile(mod=EARLIER, test_it=f"import mod\ndef test_it(): mod.{what}()")
    result = run("-p", "mod", "--lifetrack-watch=stdlib", fresh=True)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_exit_hooks_of_others_excuse_nothing(pytester: pytest.Pytester, run: Run) -> None:
    """Neither those of the standard library, which close what belongs to everybody, nor one about something else."""
    left = "import logging, mod\nLEFT = []\ndef test_it(tmp_path): LEFT.append({})"
    pytester.makepyfile(
        mod=EARLIER,
        test_handler=left.format('logging.FileHandler(tmp_path / "log")'),
        test_file=left.format("open(__file__)"),
    )
    run("-p", "mod", "--lifetrack-watch=stdlib", fresh=True).assert_outcomes(passed=2, errors=2)


def test_cached_functions_of_every_age(pytester: pytest.Pytester, run: Run) -> None:
    """Caches are found that were there before the first look, that a test imports after it, and that a test makes."""
    made = "import functools\n@functools.cache\ndef the(): return Backend()\n"
    pytester.makepyfile(later=HEAD + made)
    pytester.makepyfile(
        HEAD
        + made
        + """
import gc
KEPT = []
def test_first():
    gc.collect()
    the().use()
def test_imports():
    import later
    gc.collect()
    later.the().use()
def test_makes():
    @functools.lru_cache(3)
    def inner(): return Backend()
    KEPT.append(inner)
    inner().use()
def test_leaks(): KEPT.append(Backend())
"""
    )
    result = run()
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines("*ERROR*test_leaks*")


@pytest.mark.parametrize("decorator", ["lru_cache", "cache", "lru_cache(maxsize=None)"])
def test_cached_functions(pytester: pytest.Pytester, run: Run, decorator: str) -> None:
    """What a cached function has made lives as long as the process; what it was merely called with is its test's."""
    pytester.makepyfile(
        HEAD
        + f"""
import functools
@functools.{decorator}
def the(number): return Backend()
@functools.{decorator}
def ask(backend): return 1
def test_lazy(): the(1).use()
def test_called(): ask(Backend())
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_called ERROR*"])


def test_a_hook_that_was_taken_back(pytester: pytest.Pytester, run: Run) -> None:
    """What nobody is going to release any more is its test's leak."""
    pytester.makepyfile(
        HEAD
        + """
import atexit
def test_it():
    backend = keep()
    atexit.register(backend.close)
    atexit.unregister(backend.close)
"""
    )
    run().assert_outcomes(passed=1, errors=1)


@pytest.mark.parametrize(
    "to", ["session", "config", "node.parent", "node.getparent(pytest.Module)", "node.getparent(pytest.Package)"]
)
@pytest.mark.parametrize("how", ["{0}.close", "functools.partial(Backend.close, {0})", "lambda: {0}.close()"])
def test_left_to_nodes(to: str, how: str, pytester: pytest.Pytester, run: Run) -> None:
    """What a test lets its class, module or session or the run release is no leak; the same without that is one."""
    adds = "add_cleanup" if to == "config" else "addfinalizer"
    pytester.makepyfile(
        **{
            "inside/__init__": "",
            "inside/test_left": HEAD
            + f"""
import functools
class TestIt:
    def test_left(self, request):
        backend = keep()
        request.{to}.{adds}({how.format("backend")})
    def test_leaky(self): keep()
    def test_quiet(self): pass
""",
        }
    )
    result = run()
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["ERROR *::test_leaky*"])


def test_modules_of_lifetrack_are_no_reason_to_look_for_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those come with the first findings; for them it is not gone through all that is in memory, but what is young."""
    caches, made = Caches(), object()
    caches.results()
    kept = functools.cache(lambda: made)
    kept()
    gc.collect()  # it is not young any more: it is found only where all is gone through
    gc.collect()
    found = []
    for name in ("lifetrack.later", "later"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        found.append(any(each is made for each in caches.results()))
    assert found == [False, True]


def test_what_has_a_class_without_a_hash_is_followed() -> None:
    """A metaclass may say what its classes are equal to, and so take their hash; what their objects hold is found."""

    class Hashless(type):
        def __eq__(cls, other: object) -> bool:
            raise NotImplementedError

    keeper, wanted = Hashless("Keeper", (), {})(), object()
    keeper.kept = [wanted]
    assert reached([keeper], {id(wanted)}) == {id(wanted)}


#: A loop that the test has made the current one, and one that the fixture itself has made.
POLICY = """
import asyncio, pytest, warnings

@pytest.fixture(scope="session")
def policy():
    class Policy(asyncio.DefaultEventLoopPolicy): pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Policy()
        made.set_event_loop(loop := made.new_event_loop())
        yield made
        loop.close()

def test_of_the_fixture(policy):
    policy.get_event_loop().run_until_complete(asyncio.sleep(0))

def test_left(policy):
    policy.set_event_loop(policy.new_event_loop())

def test_quiet(policy): pass
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies of asyncio are on their way out")
def test_a_policy_of_asyncio_closes_no_loop(run: Run, pytester: pytest.Pytester) -> None:
    """The current loop that a test leaves open is its leak, although the policy, which a fixture gives, knows it."""
    pytester.makepyfile(POLICY)
    result = run("--lifetrack-watch=stdlib", "-p", "no:randomly", fresh=True)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*LT103*_UnixSelectorEventLoop*", "ERROR *::test_left*"])
