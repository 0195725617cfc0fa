"""What was loaded before tracking began is left out of the collector's rounds, and nobody can tell."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from lifetrack.start_heap import give_back, put_aside
from lifetrack.values.collector import referring
from tests.conftest import CHECKOUT, RunPython

#: Asked before anything is put aside: the number itself, which nobody who asks the usual way gets to see.
_frozen = gc.get_freeze_count
#: CPython 3.12 begins with some hundred frozen objects of its own.
_OWN = 500 if sys.version_info[:2] == (3, 12) else 0
_TELLING = ("get_objects", "get_referrers", "get_freeze_count", "freeze", "unfreeze", "set_debug", "disable")


class Thing:
    """Something that the collector knows, and that can be in a cycle."""

    def __init__(self) -> None:
        self.others: list[object] = [self]


@pytest.fixture(autouse=True, scope="module")
def _thawed(_a_small_heap: None) -> Iterator[None]:
    """The heap of the tests themselves is frozen otherwise, with what others have leaked on purpose."""
    gc.unfreeze()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
    yield
    gc.freeze()


@pytest.fixture(autouse=True)
def _given_back() -> Iterator[None]:
    """Whatever a test has put aside."""
    yield
    give_back()


def test_what_was_there_is_out_of_the_collectors_rounds() -> None:
    """What was garbage already stays; what comes later is collected as ever; then all of it is."""
    before = weakref.ref(Thing())
    assert put_aside()
    after = weakref.ref(Thing())
    gc.collect()
    assert before() is not None
    assert after() is None
    give_back()
    gc.collect()
    assert before() is None


@pytest.mark.parametrize(
    "asked",
    [
        lambda thing: any(each is thing for each in gc.get_objects()),
        lambda thing: any(each is thing for each in gc.get_objects(generation=2)),
        lambda thing: any(each is thing.others for each in gc.get_referrers(thing)),
        lambda _: gc.get_freeze_count() <= _OWN,
        lambda _: gc.unfreeze() is None,
        lambda _: gc.set_debug(0) is None,
        lambda _: (gc.disable(), gc.enable()) == (None, None),
    ],
    ids=[
        "get_objects",
        "get_objects of a generation",
        "get_referrers",
        "get_freeze_count",
        "unfreeze",
        "set_debug",
        "disable",
    ],
)
def test_whoever_asks_finds_everything(asked: object) -> None:
    """The first who asks the collector ends it: he is told what he would be told without it."""
    functions = [getattr(gc, name) for name in _TELLING]
    thing = Thing()
    put_aside()
    assert _frozen() > _OWN
    assert callable(asked)
    assert asked(thing)
    assert _frozen() <= _OWN
    assert [getattr(gc, name) for name in _TELLING] == functions


def test_what_the_program_freezes_stays_frozen() -> None:
    """It is the program's own from then on, and neither the end nor a second beginning thaws it."""
    put_aside()
    gc.freeze()
    try:
        frozen = _frozen()
        assert frozen > 0
        give_back()
        assert not put_aside()
        give_back()
        assert _frozen() >= frozen - 100
    finally:
        gc.unfreeze()


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # some functions written in C tell nobody
        return None


def test_the_functions_look_like_themselves_and_come_back() -> None:
    """Name, module, text and signature are those of the functions, which are in their places afterwards."""
    before = vars(gc).copy()
    put_aside()
    for name in _TELLING:
        function = getattr(gc, name)
        assert (function.__module__, function.__qualname__) == ("gc", name)
        assert inspect.getdoc(function) == inspect.getdoc(before[name])
        assert _signature(function) == _signature(before[name])
    give_back()
    give_back()
    assert vars(gc) == before


def test_questions_of_ours_collect_nothing() -> None:
    """What a test has dropped is judged as it is, whoever is looked for meanwhile; another's question may collect."""
    for ask, remains in ((referring, True), (lambda to: gc.get_referrers(*to), False)):
        put_aside()
        dropped = weakref.ref(Thing())
        ask([Thing])
        assert (dropped() is not None) is remains


def test_the_one_who_put_it_aside_gives_it_back() -> None:
    """A second one is told that it has nothing to give back."""
    assert put_aside()
    assert not put_aside()


_SAVING = """
    import gc
    gc.disable()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        mine = []
        mine.append(mine)
        del mine
        gc.collect()
        assert len(gc.garbage) == 1, len(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.garbage.clear()
"""


#: What ``dataclasses`` has made classes with slots from is garbage; they bear the same names.
_COUNTING = """
    import gc
    gc.collect()
    classes = [each for each in gc.get_objects() if type(each) is type and "lifetrack.values" in str(each.__module__)]
    assert len(classes) == len({(each.__module__, each.__qualname__) for each in classes})
"""


@pytest.mark.parametrize("program", [_SAVING, _COUNTING])
def test_garbage_of_the_start_is_not_the_programs_to_find(
    run_python: RunPython, pytester: pytest.Pytester, program: str
) -> None:
    """A program that has the collector save what it finds, or counts objects, gets its own, and none of the start."""
    done = run_python("", "run", "-c", dedent(program), python_flags=["-m", "lifetrack"])
    assert done.returncode == 0, done.stderr
    pytester.makeconftest("start = []\nstart.append(start)\ndel start")
    pytester.makepyfile("def test_it():\n" + program)
    result = pytester.runpytest_subprocess("-p", "lifetrack.pytest_plugin", "--lifetrack")
    result.assert_outcomes(passed=1)


# -- the ways in ------------------------------------------------------------------------------------------------------

_ASK = """
    import gc, sys
    from lifetrack.values.collector import aside
    print("aside:", len(aside), "all told:", gc.get_freeze_count() < 500, "then:", len(aside))
"""


@pytest.mark.parametrize(("level", "aside"), [("stacks", 1), ("counts", 1), ("off", 0)])
def test_a_run_puts_its_start_aside(run_python: RunPython, level: str, aside: int) -> None:
    """``lifetrack run`` does, unless nothing is tracked."""
    done = run_python("", "run", "--level", level, "-c", dedent(_ASK), python_flags=["-m", "lifetrack"])
    assert f"aside: {aside} all told: True then: 0" in done.stdout, done.stderr


def test_a_followed_child_puts_its_start_aside(run_python: RunPython) -> None:
    """A Python that a followed program starts does so too."""
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {dedent(_ASK)!r}], check=True)"
    done = run_python("", "run", "--children", "-c", program, python_flags=["-m", "lifetrack"])
    assert "aside: 1 all told: True then: 0" in done.stdout, done.stderr


def test_only_those_ways_do(run_python: RunPython) -> None:
    """A program that starts tracking itself may have done so at any time of its life."""
    done = run_python("import lifetrack; lifetrack.start('stacks')\n" + dedent(_ASK))
    assert "aside: 0 all told: True then: 0" in done.stdout, done.stderr


def test_what_only_the_collector_can_end_is_ended_at_the_exit(run_python: RunPython, tmp_path: Path) -> None:
    """What the start has made is looked at in the interpreter's last collections; in a process without a report too."""
    (tmp_path / "sitecustomize.py").write_text(dedent(_WRITER) + "writer = Writer()\n")
    path = os.pathsep.join([str(tmp_path), str(CHECKOUT)])
    program = "import os\nchild = os.fork()\nif child:\n    os.waitpid(child, 0)\n    os._exit(0)\n"
    done = run_python(
        "", "run", "-c", program, python_flags=["-m", "lifetrack"], cwd=tmp_path, env={"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "written.txt").read_text() == "all of it"


@pytest.mark.parametrize(("others", "aside"), [(False, 1), (True, 0)])
def test_to_the_very_end_where_it_is_nobodys(
    run_python: RunPython, tmp_path: Path, *, others: bool, aside: int
) -> None:
    """What only the interpreter and lifetrack have made stays aside; the report still counts what has no record."""
    if others:
        (tmp_path / "sitecustomize.py").write_text("")
    program = """
        import os
        import subprocess
        from lifetrack.values.collector import aside

        class Last:
            def __del__(self, write=os.write, aside=aside):
                write(1, b"aside: %d" % len(aside))

        last = Last()
        process = subprocess.Popen.__new__(subprocess.Popen)
        process.returncode, process._child_created = None, False
    """
    path = os.pathsep.join([str(tmp_path), str(CHECKOUT)])
    flags = ["-m", "lifetrack"] if others else ["-S", "-m", "lifetrack"]  # whatever else the environment begins with
    done = run_python("", "run", "-c", dedent(program), python_flags=flags, env={"PYTHONPATH": path})
    assert "1 from before" in done.stderr
    assert done.stdout == f"aside: {aside}"


_WRITER = """
    class Writer:
        '''In a cycle, and made before anything is put aside: only the collector can close its file.'''

        def __init__(self):
            self.me = self
            self.file = open("written.txt", "w")
            self.file.write("all of it")
"""
_CONFTEST = """
    import gc

    from lifetrack.values.collector import aside

    writer = Writer()
    frozen = gc.get_freeze_count

    def pytest_configure(config):
        global writer
        config.writer, writer = writer, None

    def pytest_unconfigure(config):
        print("\\nat the end:", len(aside), frozen() > 0)
"""


def test_a_test_run_puts_its_start_aside(pytester: pytest.Pytester) -> None:
    """To its end, after which what only the collector can end is ended as without it."""
    pytester.makeconftest(dedent(_WRITER) + dedent(_CONFTEST))
    pytester.makepyfile("from lifetrack.values.collector import aside\ndef test_it():\n    assert len(aside) == 1")
    result = pytester.runpytest_subprocess("-p", "lifetrack.pytest_plugin", "--lifetrack", "-W", "ignore", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["at the end: 1 True"])
    assert (pytester.path / "written.txt").read_text() == "all of it"


def test_a_test_run_inside_of_a_program_gives_it_back(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the plugin is loaded late, from a conftest.py; a second run in the same process does it anew."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("pytest_plugins = ['lifetrack.pytest_plugin']")
    pytester.makepyfile("from lifetrack.values.collector import aside\ndef test_it():\n    assert len(aside) == 1")
    program = """
        import gc, pytest
        from lifetrack.values.collector import aside
        before = vars(gc).copy()
        for _ in range(2):
            status = pytest.main(["-q", "--override-ini=lifetrack=stacks"])
            frozen = before["get_freeze_count"]() > 500
            print("status", int(status), "aside", len(aside), frozen, vars(gc) == before)
    """
    path = pytester.makepyfile(main=dedent(program))
    result = pytester.runpython(path)
    assert result.outlines.count("status 0 aside 0 False True") == 2, result.outlines


def test_a_test_run_inside_of_a_run_leaves_it_to_that(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put aside by ``lifetrack run`` stays so when a run of pytest inside of it ends."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_it="def test_it():\n    pass")
    program = """
        import pytest
        from lifetrack.values.collector import aside
        pytest.main(["-q", "-p", "lifetrack.pytest_plugin", "--lifetrack", "test_it.py"])
        print("aside:", len(aside))
    """
    path = pytester.makepyfile(main=dedent(program))
    result = pytester.run(sys.executable, "-m", "lifetrack", "run", path)
    result.stdout.fnmatch_lines(["aside: 1"])


@pytest.mark.parametrize(("name", "aside"), [("AnyIO worker thread", 1), ("a leak", 0)])
def test_what_lives_as_long_as_the_process_ends_it_not(pytester: pytest.Pytester, name: str, aside: int) -> None:
    """Who might release what a test leaves open is looked for in the whole heap; for such nobody is."""
    pytester.makeconftest("""
        from lifetrack.values.collector import aside

        def pytest_unconfigure(config):
            print("\\naside:", len(aside))
    """)
    pytester.makepyfile(f"""
        import threading

        def test_it():
            threading.Thread(target=threading.Event().wait, name={name!r}, daemon=True).start()
    """)
    plugin = ("-p", "lifetrack.pytest_plugin", "--lifetrack", "--lifetrack-fail-on=never")
    result = pytester.runpytest_subprocess(*plugin, "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"aside: {aside}"])
