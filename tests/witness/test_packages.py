"""What installed packages keep as long as the process, which is shown apart; and what of a program looks like that."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from lifetrack.tracker import Tracker
from lifetrack.witness import lasting
from tests.conftest import Finished, RunPython

#: Runs a program and gives what came of it.
Program = Callable[..., Finished]
each_way = pytest.mark.parametrize("options", [[], ["--witness"]], ids=["records", "witness"])


def needs(*packages: str) -> None:
    """Skip where one of these is not installed. They are not imported here: the program does that."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"could not find {package!r}")


@pytest.fixture
def program(run_python: RunPython, tmp_path: Path) -> Program:
    """Run a program under ``lifetrack run``, with a folder of installed packages beside it."""

    def run(text: str, *options: str, package: str = "") -> Finished:
        folder = tmp_path / "site-packages" / "keeper"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text(textwrap.dedent(package))
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(text))
        path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(folder.parent)])
        flags = ["-m", "lifetrack"]
        return run_python("", "run", *options, str(script), python_flags=flags, env={"PYTHONPATH": path})

    return run


POOL = """
    from concurrent.futures import ThreadPoolExecutor
    POOL = ThreadPoolExecutor(1)
    REGISTERED = []
    FILE = open(__file__)
"""
#: What a module may have as well, and a walk through modules must survive.
ODD = """
    import io, sys

    class Liar:
        @property
        def __class__(self): raise RuntimeError("asked")
        def __eq__(self, other): raise RuntimeError("compared")
        __hash__ = None

    class NoHash(type):
        def __eq__(self, other): raise RuntimeError("compared")
        __hash__ = None

    class Odd(metaclass=NoHash):
        __module__ = property(lambda self: 1 / 0)

    ODD = Odd()
    LIAR, DETACHED, CLOSED = Liar(), io.TextIOWrapper(io.BytesIO()), open(__file__)
    DETACHED.detach()
    CLOSED.close()
    sys.modules["keeper.liar"] = LIAR
    FILE = open(__file__, "rb")
"""


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_a_global_of_an_installed_package(program: Program, level: str) -> None:
    """The line that imports the package leaks nothing: the package keeps it for all who use it."""
    done = program("import keeper\n", f"--level={level}", package=POOL)
    assert done.stderr.startswith("lifetrack: no findings; 2 acquired"), done.stderr
    assert "thread keeper.POOL: a global of the package keeper" in done.stderr
    assert "descriptor keeper.FILE: a global of the package keeper" in done.stderr


IN_A_CLASS = """
    from concurrent.futures import ThreadPoolExecutor

    class Runner:
        pool = ThreadPoolExecutor(1)
        file = open(__file__)
"""


def test_what_a_class_of_an_installed_package_keeps(program: Program) -> None:
    """An attribute of a class that it defines is as good as a global; that of a class of the program is not."""
    done = program("import keeper\n", package=IN_A_CLASS)
    assert done.stderr.startswith("lifetrack: no findings; 2 acquired"), done.stderr
    assert "thread keeper.Runner.pool: a global of the package keeper" in done.stderr
    assert "descriptor keeper.Runner.file: a global of the package keeper" in done.stderr
    done = program("import keeper\nclass Mine(keeper.Runner):\n    file = open(__file__)\n", package=IN_A_CLASS)
    assert done.stderr.startswith("lifetrack: 1 finding"), done.stderr
    assert "script.py:3 " in done.stderr


def test_whatever_else_stands_in_a_module(program: Program) -> None:
    """What stands there is asked for nothing: it may lie about its class, or have nothing below it."""
    done = program("import keeper\n", package=ODD)
    assert done.stderr.startswith("lifetrack: no findings"), done.stderr
    assert "descriptor keeper.FILE: a global of the package keeper" in done.stderr


def test_globals_of_the_program_and_what_it_registers_are_its_own(program: Program) -> None:
    """Neither a global of the program nor what it has put into a package's list is the package's."""
    text = """
    import keeper
    from concurrent.futures import ThreadPoolExecutor
    MINE = ThreadPoolExecutor(1)  # mine
    keeper.REGISTERED.append(open(__file__))  # registered
    """
    done = program(text, package=POOL)
    assert done.stderr.startswith("lifetrack: 2 findings"), done.stderr
    assert "script.py:4 " in done.stderr
    assert "script.py:5 " in done.stderr


def test_a_scope_is_not_excused_by_it(tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end of the process is the time to ask whose global it is."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "keeping.py").write_text("from threading import Timer\nKEPT = None\n")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    import keeping

    try:
        tracker.start(policy="record", watch="stdlib", report=False)
        with tracker.scope("job"):
            keeping.KEPT = open(__file__)
        assert [found.rule for found in tracker.report().findings] == ["LT103"]
        keeping.KEPT.close()
    finally:
        del sys.modules["keeping"]


TWISTED = """
    {install}
    from twisted.internet import defer, protocol, reactor, threads

    class Client(protocol.Protocol):
        def connectionMade(self): self.transport.loseConnection()
        def connectionLost(self, reason): done.callback(None) if not done.called else None

    done = defer.Deferred()

    @defer.inlineCallbacks
    def main():
        made = protocol.Factory.forProtocol(protocol.Protocol)
        port = reactor.listenTCP(0, made, interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, protocol.ClientFactory.forProtocol(Client))
        yield done
        yield threads.deferToThread(int)
        yield port.stopListening()
        {leak}
        reactor.stop()

    reactor.callWhenRunning(main)
    reactor.run()
"""


@each_way
@pytest.mark.parametrize("reactor", ["epoll", "select", "asyncio"])
def test_the_reactor_of_twisted(program: Program, reactor: str, options: list[str]) -> None:
    """Nobody can release a reactor, nor the descriptor that Twisted keeps for the day that all others are in use."""
    needs("twisted")
    install = f"from twisted.internet import {reactor}reactor; {reactor}reactor.install()"
    done = program(TWISTED.format(install=install, leak=""), *options)
    assert done.stderr.startswith("lifetrack: no findings"), done.stderr
    assert "what Twisted has in reserve" in done.stderr
    done = program(TWISTED.format(install=install, leak="main.kept = open(__file__)"), *options)
    assert done.stderr.startswith("lifetrack: 1 finding"), done.stderr


NATIVE = {
    "numpy": ("import numpy", "thread .*: the threads of the linear algebra below numpy|no findings"),
    "zmq": (
        """
        import zmq
        with zmq.Context.instance().socket(zmq.PAIR) as socket:
            socket.bind_to_random_port("tcp://127.0.0.1")
        """,
        "descriptor .*: the context of ZeroMQ",
    ),
}


@pytest.mark.parametrize("package", NATIVE)
def test_what_extensions_keep(program: Program, package: str) -> None:
    """Threads and descriptors of C code that live as long as the process are no findings of the system's."""
    needs("psutil", package)
    text, words = NATIVE[package]
    done = program(text, "--witness")
    assert done.stderr.startswith("lifetrack: no findings"), done.stderr
    assert re.search(words, done.stderr), done.stderr


def test_the_executor_of_tornados_resolver_stays(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all resolvers of threads share is made by the first that is used, in a test, and kept by their class."""
    resolver = type("ThreadedResolver", (), {"_threadpool": None})
    monkeypatch.setitem(sys.modules, "tornado.netutil", netutil := ModuleType("tornado.netutil"))
    monkeypatch.setattr(netutil, "ThreadedResolver", resolver, raising=False)
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    with tracker.scope("job"):
        kept, left = pools = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]
        monkeypatch.setattr(resolver, "_threadpool", kept)
        for pool in pools:
            pool.submit(int).result()
    (finding,) = tracker.find_leaks()
    assert [finding.rule, finding.resource.type] == ["LT103", "concurrent.futures.thread.ThreadPoolExecutor"]
    assert tracker.history(left)[0].event == "acquired"
    (known,) = tracker.report().lasting
    assert known.why == "the resolver threads of tornado"
    for pool in pools:
        pool.shutdown()


ASKS = """
    from concurrent.futures import ThreadPoolExecutor
    def ask(function):
        return ThreadPoolExecutor(1).submit(function).result()
    def make():
        executor = ThreadPoolExecutor(1)
        executor.submit(int).result()
        return executor
"""


THREADS = """
    import queue, threading

    class Manager:
        def __init__(self):
            self.queue, self.thread = queue.Queue(), None

        def work(self):
            while True:
                self.queue.get()

        def begin(self, daemon=True):
            self.thread = threading.Thread(target=self.work, daemon=daemon)
            self.thread.start()
            return self.thread

    class Loop(threading.Thread):
        queue = queue.SimpleQueue()

        def run(self):
            self.queue.get()

    class Shared:
        loop = None

    manager, begun, alone = Manager(), [], None

    def as_global():
        global alone
        alone = threading.Thread(target=queue.Queue().get, daemon=True)
        alone.start()

    def in_class():
        Shared.loop = Loop(daemon=True)
        Shared.loop.start()

    def connect():
        made = Loop(daemon=True)
        begun.append(made)  # for an exit hook, as the caller should close it
        made.start()
"""


@each_way
@pytest.mark.parametrize(
    ("begin", "level"),
    [
        *itertools.product(["manager.begin()", "in_class()"], ["counts", "sites", "stacks"]),
        ("as_global()", "stacks"),  # it runs a function of the standard library's: only stacks tell who has begun it
    ],
)
def test_daemon_threads_that_a_package_keeps(program: Program, begin: str, level: str, options: list[str]) -> None:
    """One that it begins with its first use, for all who use it, is no leak of the scope where that is."""
    text = f"""
    import keeper, lifetrack
    with lifetrack.scope("job"):
        keeper.{begin}
    """
    done = program(text, f"--level={level}", *options, package=THREADS)
    assert "no findings" in done.stderr, done.stderr
    assert ": a thread of the package keeper" in done.stderr


@pytest.mark.parametrize(
    "begin",
    [
        "kept = keeper.Manager().begin()",  # the caller has it
        "keeper.manager.begin(daemon=False)",  # the process waits for it
        "keeper.connect()",  # as anybody may, and each has one
        "keeper.alone = threading.Thread(target=keeper.manager.work, daemon=True); keeper.alone.start()",
    ],
)
def test_other_threads_of_a_package_are_leaks(program: Program, begin: str) -> None:
    """What the program begins, what it alone has, and what the end of the process waits for is its own to end."""
    text = f"""
    import os, sys, threading, keeper, lifetrack
    with lifetrack.scope("job"):
        {begin}
    print([found.rule for found in lifetrack.report().findings], file=sys.stderr, flush=True)
    os._exit(0)
    """
    done = program(text, "--level=stacks", package=THREADS)
    assert "['LT103']" in done.stderr, done.stderr


def test_executors_that_a_package_drops(program: Program) -> None:
    """Their threads end with them, and nobody else could shut them down; but not one that lives on."""
    done = program("import keeper; keeper.ask(int); keeper.ask(str)", package=ASKS)
    assert "no findings" in done.stderr
    done = program("import keeper; kept = keeper.make()", package=ASKS)
    assert "LT101 leak-at-exit (proven): concurrent.futures.thread.ThreadPoolExecutor" in done.stderr
    done = program(textwrap.dedent(ASKS) + "ask(int)", package=ASKS)
    assert "LT102 leak-collected (proven): concurrent.futures.thread.ThreadPoolExecutor" in done.stderr


DJANGO = """
    import threading, django
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": NAME}
    settings.configure(DATABASES={"default": database, "other": database})
    django.setup()
    from django.db import connections

    def work():
        for alias in connections:
            with connections[alias].cursor() as cursor:
                cursor.execute("select 1")

    work()
    if THREAD:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
"""


@each_way
@pytest.mark.parametrize("name", [":memory:", "file.db"])
def test_the_connections_of_django(program: Program, name: str, options: list[str], tmp_path: Path) -> None:
    """Those of a thread that has ended are leaks, but to databases in memory, which Django never closes."""
    needs("django")
    name = name if name == ":memory:" else str(tmp_path / name)
    text = f"NAME = {name!r}\n{textwrap.dedent(DJANGO)}"
    done = program(text.replace("THREAD", "False"), *options)
    assert "no findings" in done.stderr
    assert ("a connection that Django keeps" in " ".join(done.stderr.split())) is (name != ":memory:")
    done = program(text.replace("THREAD", "True"), *options)
    assert ("LT101 leak-at-exit (proven): 2 x sqlite3.Connection" in done.stderr) is (name != ":memory:")


def test_kinds_without_a_name_are_those_of_loaded_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind is excused while a package is loaded that makes it, and only that kind."""
    for module, _, _ in lasting.NATIVE:
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert lasting.native("eventpoll", "eventpoll") is None
    monkeypatch.setitem(sys.modules, "uvloop", sys)
    known = lasting.native("pipe", "pipe")
    assert known is not None
    assert (known.kind, known.name, known.why) == ("descriptor", "pipe", "the loop of libuv")
    assert lasting.native("thread", "python") is None
    assert lasting.native("socket", "socket") is None


@pytest.mark.parametrize("name", ["event_engine", "lifeguard"])
def test_names_that_anybody_might_give_are_those_of_loaded_packages(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A thread of gRPC's is one only where that is loaded."""
    monkeypatch.delitem(sys.modules, "grpc", raising=False)
    assert lasting.lasting("thread", name) is None
    monkeypatch.setitem(sys.modules, "grpc", sys)
    known = lasting.lasting("thread", name)
    assert known is not None
    assert (known.kind, known.name, known.why) == ("thread", name, "the threads of gRPC")


def test_files_are_known_by_their_paths(program: Program) -> None:
    """A line that the program adds is about what it watches, too; any other file is a leak."""
    text = """
    import lifetrack, sys
    lifetrack.lives_with_process("descriptor", "*/keeper/*", "what the program keeps open")
    import keeper
    KEPT, LEFT = open(keeper.__file__), open("/dev/null")
    """
    done = program(text)
    assert done.stderr.startswith("lifetrack: 1 finding"), done.stderr
    assert "LEFT" in done.stderr
    assert "what the program keeps open" in done.stderr


@pytest.mark.parametrize("text", ["'x'", "'$x$'"])
def test_the_fonts_of_matplotlib(program: Program, text: str) -> None:
    """A figure with text leaves a font open, which matplotlib keeps in a cache for the next one."""
    needs("matplotlib", "PIL")
    figure = f"""
    import io, matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure = pyplot.figure()
    figure.text(0, 0, {text})
    figure.savefig(io.BytesIO())
    pyplot.close(figure)
    """
    done = program(figure)
    assert done.stderr.startswith("lifetrack: no findings"), done.stderr
