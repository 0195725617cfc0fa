"""What the cleanup of a wider fixture is about is read from its code, however it goes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

#: What closes everything that is in the list ``ALL`` of its module, in each of the ways that cleanups are written.
PROGRAM = """
import contextlib, threading
from resources import Backend
{lists}
def close_all(kept):
    while kept: kept.pop().close()
class Server:
    def shutdown(self): close_all(METHOD)
class Front:
    def __init__(self): self.server = Deep()
    def stop(self): self.server.halt()
class Deep:
    def halt(self): self._halt()
    def _halt(self): close_all(DEEP)
class Base:
    def stop(self): close_all(SUPER)
class Derived(Base):
    def stop(self): super().stop()
class Registry:
    made = []
    def reset(self): close_all(self.made)
class Viewed:
    @property
    def kept(self): return PROPERTY
class Block:
    def __enter__(self): return self
    def __exit__(self, *error): close_all(BLOCK)
@contextlib.contextmanager
def managing():
    yield
    close_all(MANAGED)
class Caller:
    def __call__(self): close_all(CALLED)
def in_stack(): close_all(STACK)
def aliased(): close_all(ALIAS)
def local(): close_all(LOCAL)
def inner(): close_all(INNER)
def many(): close_all(MANY)
class One:
    def stop(self): many()
def asynchronous(): close_all(ASYNC)
the = Server()
other = threading.local()
class Mine(threading.local):
    pass
mine = Mine()
"""

#: Fixtures by the list that they empty.
FIXTURES = {
    "METHOD": "server = app.Server()\n    yield\n    server.shutdown()",
    "DEEP": "front = app.Front()\n    request.addfinalizer(lambda: front.stop())\n    yield",
    "SUPER": "front = app.Derived()\n    request.addfinalizer(front.stop)\n    yield",
    "REGISTRY": "registry = app.Registry()\n    yield\n    registry.reset()",
    "PROPERTY": "viewed = app.Viewed()\n    yield\n    app.close_all(viewed.kept)",
    "BLOCK": "with app.Block():\n        yield",
    "MANAGED": "with app.managing():\n        yield",
    "STACK": "with contextlib.ExitStack() as stack:\n        stack.callback(app.in_stack)\n        yield",
    "CALLED": "request.addfinalizer(app.Caller())\n    yield",
    "ALIAS": "stop = app.aliased\n    yield\n    stop()",
    "LOCAL": "def stop(): app.local()\n    yield\n    stop()",
    "INNER": "yield from inside()",
    "MANY": "servers = [app.One() for _ in range(3)]\n    yield\n    for each in servers: each.stop()",
}


def suite(*, due: bool) -> str:
    """Write a fixture and a test for each way, and one that is only there so that the others are not the last."""
    text = "import contextlib, pytest, app\nfrom resources import Backend\n"
    text += "def inside():\n    yield\n    app.inner()\n"
    for name, code in FIXTURES.items():
        kept = "Registry.made" if name == "REGISTRY" else name
        wanted = kept if due else "FORGOTTEN"
        text += f"""
@pytest.fixture(scope="module")
def {name.lower()}(request):
    {code}
def test_{name.lower()}({name.lower()}): app.{wanted}.append(Backend())
"""
    return text + "def test_last(): pass\n"


@pytest.fixture
def program(pytester: pytest.Pytester) -> None:
    """Write the program that the suites are about."""
    names = [*FIXTURES, "ASYNC", "FORGOTTEN"]
    pytester.makepyfile(app=PROGRAM.replace("{lists}", "\n".join(f"{name} = []" for name in names)))


@pytest.mark.usefixtures("program")
def test_what_a_cleanup_goes_through(pytester: pytest.Pytester, run: Run) -> None:
    """What is closed through methods, properties, blocks, stacks, inner functions and generators is no test's leak."""
    pytester.makepyfile(suite(due=True))
    result = run()
    result.assert_outcomes(passed=len(FIXTURES) + 1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*LT1*")


@pytest.mark.usefixtures("program")
def test_what_no_cleanup_goes_through(pytester: pytest.Pytester, run: Run) -> None:
    """What is kept in another list of the same module is the leak of its test, at its end."""
    pytester.makepyfile(suite(due=False))
    run().assert_outcomes(passed=len(FIXTURES) + 1, errors=len(FIXTURES))


@pytest.mark.usefixtures("program")
def test_cleanups_of_asynchronous_fixtures(pytester: pytest.Pytester, run: Run) -> None:
    """The cleanup of an asynchronous fixture is read, too, under pytest-asyncio and under anyio."""
    pytester.makepyfile("""
import anyio, app, pytest, pytest_asyncio
from resources import Backend
@pytest.fixture(scope="module")
def anyio_backend(): return "asyncio"
class Server:
    async def stop(self): app.asynchronous()
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    server = Server()
    yield
    await server.stop()
@pytest.fixture(scope="module")
async def other(anyio_backend):
    server = Server()
    yield
    await server.stop()
@pytest.mark.asyncio(loop_scope="module")
async def test_one(server): app.ASYNC.append(Backend())
@pytest.mark.asyncio(loop_scope="module")
async def test_two(server): app.FORGOTTEN.append(Backend())
@pytest.mark.asyncio(loop_scope="module")
async def test_three(server): pass
@pytest.mark.anyio
async def test_four(other): app.ASYNC.append(Backend())
@pytest.mark.anyio
async def test_five(other): app.FORGOTTEN.append(Backend())
@pytest.mark.anyio
async def test_six(other): pass
""")
    result = run("-v")
    result.assert_outcomes(passed=6, errors=2)
    result.stdout.fnmatch_lines_random(["*test_two ERROR*", "*test_five ERROR*"])


@pytest.mark.usefixtures("program")
def test_thread_locals(pytester: pytest.Pytester, run: Run) -> None:
    """What a cleanup takes out of a thread-local, of either make, is due after it; what lies in another is not."""
    pytester.makepyfile("""
import threading, app
from resources import Backend
unseen = threading.local()
def teardown_module():
    app.other.backend.close()
    app.mine.backend.close()
def test_one(): app.other.backend = Backend()
def test_two(): app.mine.backend = Backend()
def test_three(): unseen.backend = Backend()
def test_last(): pass
""")
    result = run("-v")
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*test_three ERROR*"])


def test_a_reading_keeps_nothing(pytester: pytest.Pytester, run: Run) -> None:
    """What a fixture drops in its own teardown is collected then, not kept alive by the question what it is about."""
    pytester.makepyfile("""
import gc, pytest
from resources import Backend
@pytest.fixture(scope="module", autouse=True)
def no_collector():
    gc.disable()
    yield
    gc.enable()
@pytest.fixture(scope="module")
def kept():
    kept = []
    yield kept
    kept.clear()
def test_one(kept): kept.append(Backend())
def test_last(): pass
""")
    result = run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*LT102*::test_one]*"])


def test_kept_weakly(pytester: pytest.Pytester, run: Run) -> None:
    """What a wider fixture knows weakly, in a set or dictionary, it will release; a mere weak reference does not."""
    pytester.makepyfile("""
import pytest, weakref
from resources import Backend, KEPT, keep
@pytest.fixture(scope="module")
def make():
    made, named = weakref.WeakSet(), weakref.WeakValueDictionary()
    def make(name):
        backend = keep()
        if name: named[name] = backend
        else: made.add(backend)
    yield make
    for backend in [*made, *named.values()]: backend.close()
@pytest.fixture(scope="module")
def seen():
    seen = []
    yield seen
    seen.clear()
def test_one(make): make("")
def test_two(make): make("name")
def test_three(seen): seen.append(weakref.ref(keep()))
def test_last(): pass
""")
    result = run("-v")
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*test_three ERROR*"])
    result.stdout.no_fnmatch_line("*LT1*::test_one*")


def test_loggers(pytester: pytest.Pytester, run: Run) -> None:
    """A cleanup that writes to a log is about none of the handlers of all loggers; one may be about its own."""
    pytester.makepyfile("""
import logging, pytest
from resources import Backend
log, mine = logging.getLogger("one"), logging.getLogger("two")
class Handler(logging.NullHandler):
    def __init__(self): super().__init__(); self.backend = Backend()
    def close(self): self.backend.close()
class Server:
    def stop(self): log.warning("stops")
@pytest.fixture(scope="module")
def server():
    server = Server()
    yield
    server.stop()
    for handler in mine.handlers: handler.close()
def test_one(server): logging.getLogger("other").addHandler(Handler())
def test_two(server): mine.addHandler(Handler())
def test_last(): pass
""")
    result = run("-v")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*test_one ERROR*"])
