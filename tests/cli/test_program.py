"""A program cannot tell whether it runs under ``lifetrack run``."""

from __future__ import annotations

import os
import signal
import zipfile

import pytest

SHOW = """
import sys, atexit
print([(name, value if name != "__builtins__" else type(value)) for name, value in list(globals().items())])
print(sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals(), sys.flags)
print(__debug__, sys.warnoptions, sys._xoptions)
atexit.register(lambda: print(sorted(globals())))
"""

PROGRAMS = {
    "pickles-of-main": """
import pickle, dataclasses, typing, inspect

@dataclasses.dataclass(slots=True)
class Point:
    x: int
    y: "Point | None" = None

def plus(a, b):
    return a + b

if __name__ == "__main__":
    print(pickle.loads(pickle.dumps(Point(1))), pickle.loads(pickle.dumps(plus))(1, 2))
    print(pickle.dumps(Point))
    print(inspect.getsource(plus), inspect.getmodule(Point), inspect.getsourcefile(Point))
    print(typing.get_type_hints(Point), __annotations__ if "__annotations__" in globals() else None)
""",
    "annotations-stay-the-programs-own": "x: int = 1\ndef f(a: x): pass\nprint(f.__annotations__)\n",
    "non-daemon-thread-is-joined": """
import threading, time
def late():
    time.sleep(0.2)
    print("late", "__file__" in globals())
threading.Thread(target=late).start()
print("main ends")
""",
    "daemon-thread-is-not-joined": """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
""",
    "exit-hooks-in-order": """
import atexit, weakref
class Thing: pass
thing = Thing()
for word in "abc":
    atexit.register(print, word)
weakref.finalize(thing, print, "finalized")
""",
    "exit-in-an-exit-hook": "import atexit, sys\natexit.register(sys.exit, 5)\natexit.register(print, 'x')\n",
    "error-in-an-exit-hook": "import atexit\natexit.register(lambda: 1 / 0)\natexit.register(print, 'x')\n",
    "error-in-a-thread": "import threading\nthreading.Thread(target=lambda: 1 / 0).start()\n",
    "multiprocessing-spawn": """
import multiprocessing
def double(number):
    return number * 2
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(double, [1, 2, 3]))
""",
    "multiprocessing-fork": """
import multiprocessing
class Thing:
    def __init__(self, number):
        self.number = number
def make(number):
    return Thing(number)
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print([thing.number for thing in pool.map(make, [1, 2, 3])])
""",
    "forked-child-runs-to-the-end": """
import os, sys
child = os.fork()
if child:
    print(os.waitpid(child, 0)[1])
else:
    print("child", flush=True)
    sys.exit(7)
""",
    "std-streams-replaced": """
import io, sys
sys.stderr = io.StringIO()
sys.stdout.write("out\\n")
print("lost", file=sys.stderr)
""",
    "changes-of-directory-and-path": "import os, sys\nos.chdir('/')\nsys.path[:] = []\nprint(os.getcwd())\n",
    "trace-and-hooks-untouched": """
import sys, threading, signal
print(sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__, threading.excepthook.__name__)
print(sys.unraisablehook is sys.__unraisablehook__, signal.getsignal(signal.SIGINT), threading.active_count())
print(threading.current_thread() is threading.main_thread(), sys.getrecursionlimit(), __import__("gc").get_threshold())
""",
    "asyncio": "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    print('ran')\nasyncio.run(main())\n",
    "standard-input": "import sys\nprint(repr(sys.stdin.read()))\n",
    "main-imported": "import sys, __main__ as m\nprint(m.__name__, m is sys.modules['__main__'], m.sys)\n",
}

FAILURES = {
    "exception": "def f(n):\n    return 1 / n\n\nf(0)\n",
    "chained": """
def f():
    raise KeyError("inner")
try:
    f()
except KeyError as error:
    raise ValueError("outer") from error
""",
    "context": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    {}['x']\n",
    "group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])\n",
    "note": "e = ValueError('x')\ne.add_note('a note')\nraise e\n",
    "base-exception": "class Stop(BaseException): pass\nraise Stop('now')\n",
    "recursion": "def f():\n    f()\ntry:\n    f()\nexcept RecursionError:\n    raise SystemExit(4)\n",
    "exit-3": "import sys\nsys.exit(3)\n",
    "exit-none": "import sys\nsys.exit(None)\n",
    "exit-text": "import sys\nsys.exit('farewell')\n",
    "exit-object": "import sys\nsys.exit([1, 2])\n",
    "exit-true": "import sys\nsys.exit(True)\n",
    "exit-large": "import sys\nsys.exit(259)\n",
    "exit-negative": "import sys\nsys.exit(-1)\n",
    "exit-in-finally": "import sys\ntry:\n    1 / 0\nfinally:\n    sys.exit(6)\n",
    "quit": "quit()\n",
    "syntax-error": "x = 1\nif x\n    print(x)\n",
    "indentation-error": "def f():\nreturn 1\n",
    "syntax-warning": "print(1 is 1)\n",
    "import-error": "import no_such_module_here\n",
    "syntax-error-in-import": "import broken\n",
    "own-hook": "import sys\nsys.excepthook = lambda *e: print(e[:2], e[2].tb_lineno, e[2].tb_frame)\n1 / 0\n",
    "own-hook-prints": """
import sys, traceback
def hook(kind, value, tb):
    traceback.print_exception(value)
    traceback.print_tb(tb)
    print(sys.last_traceback is tb, sys.last_value is value, sys.excepthook is hook)
sys.excepthook = hook
1 / 0
""",
    "own-hook-raises": "import sys\ndef hook(*e):\n    raise KeyError('hook')\nsys.excepthook = hook\n1 / 0\n",
    "own-hook-exits": "import sys\ndef hook(*e):\n    sys.exit(8)\nsys.excepthook = hook\n1 / 0\n",
    "no-hook": "import sys\ndel sys.excepthook\n1 / 0\n",
    "keyboard-interrupt": "raise KeyboardInterrupt\n",
    "hooks-after-the-error": "import atexit, sys\natexit.register(lambda: print('at exit', file=sys.stderr))\n1 / 0\n",
    "exit-text-before-hooks": "import atexit, os, sys\natexit.register(os.write, 2, b'at exit')\nsys.exit('text')\n",
    "no-such-file": "def f():\n    return open('no-such-file')\n\nf()\n",
    "no-such-file-in-a-library": "import pathlib\nvalue = pathlib.Path('no-such-file').read_text()\n",
    "no-such-file-first": "try:\n    open('no-such-file')\nexcept OSError as e:\n    raise ValueError('x') from e\n",
    "no-such-file-in-a-group": """
try:
    open('no-such-file')
except OSError as error:
    kept = error
raise ExceptionGroup('g', [kept])
""",
    "no-such-program": "import subprocess\nsubprocess.run(['./no-such-program'])\n",
    "no-such-database": "import sqlite3\nsqlite3.connect('no-such-folder/database')\n",
    "no-such-server": "import socket\nsocket.socket(-1, -1)\n",
    "stdout-is-broken": "import os, sys\nprint('x')\nos.close(1)\n",
}
#: With an exit status for findings, the end of the program's life is played by us.
JUDGED = {"plainly": (), "judged": ("--error-exitcode", "99", "--fail-on", "never")}


ENDINGS = [
    "non-daemon-thread-is-joined",
    "exit-hooks-in-order",
    "error-in-an-exit-hook",
    "forked-child-runs-to-the-end",
    "multiprocessing-fork",
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_ends_the_same(runner, name) -> None:
    """A script does the same under lifetrack, to the letter."""
    runner.write("program.py", PROGRAMS[name])
    runner.same("program.py", "an", "--option")


@pytest.mark.parametrize("judged", JUDGED)
@pytest.mark.parametrize("name", FAILURES)
def test_failure_looks_the_same(runner, name, judged) -> None:
    """Tracebacks, messages and the exit status of a program that fails are those of plain Python."""
    runner.write("program.py", FAILURES[name])
    runner.write("broken.py", "def f(:\n")
    runner.same("program.py", options=JUDGED[judged])


@pytest.mark.parametrize("name", ENDINGS)
def test_program_ends_the_same_when_judged(runner, name) -> None:
    """Threads and exit hooks come in the interpreter's order when an exit status for findings was asked for."""
    runner.write("program.py", PROGRAMS[name])
    runner.same("program.py", options=JUDGED["judged"])


@pytest.mark.parametrize("flags", [(), ("-P",), ("-O", "-W", "error::UserWarning", "-X", "dev")], ids=str)
@pytest.mark.parametrize(
    "words",
    [
        ("show.py",),
        ("./folder/../show.py", "a", "--help"),
        ("folder",),
        ("./folder/", "x"),
        ("folder/link.py",),
        ("linked/__main__.py",),
        ("archive.zip", "-m", "y"),
        ("show.pyc",),
        ("compiled",),
        ("-m", "show", "-v"),
        ("-mpackage", "--level", "x"),
        ("-m", "package.inner"),
        ("-c", SHOW, "-c", "z"),
        ("-cimport sys; print(sys.argv)", "1"),
    ],
    ids=lambda words: words[0] if "\n" not in words[-2:][0] else "code",
)
def test_namespace_is_the_same(runner, words, flags) -> None:
    """``__main__``, ``sys.argv`` and ``sys.path`` are as Python sets them for every kind of program."""
    script = runner.write("show.py", SHOW)
    for name in ("folder/__main__.py", "package/__init__.py", "package/__main__.py", "package/inner.py"):
        runner.write(name, SHOW)
    os.symlink(script, runner.folder / "folder" / "link.py")
    os.symlink(runner.folder / "folder", runner.folder / "linked")
    with zipfile.ZipFile(runner.folder / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    for name in ("show.pyc", "compiled"):
        assert runner.python("-c", f"import py_compile; py_compile.compile('show.py', {name!r})").status == 0
    plain = runner.same(*words, flags=flags)
    found = words[0][:2] != "-m" or "-P" not in flags
    assert (plain.status, bool(plain.out)) == (0, True) if found else plain.status == 1


@pytest.mark.parametrize(
    "words",
    [("-m", "no_such_module"), ("-m", "package"), ("-m", "package.nothing"), ("-m", "broken"), ("-m", "failing", "x"),
     ("-m", "exits"), ("empty",), ("bad.pyc",), ("short.pyc",), ("cut",), ("-c", "1/0"), ("-c", "def f(:"),
     ("-c", "  print(2)\n  1/0")],
    ids=lambda words: words[-1],
)  # fmt: skip
def test_failures_to_start_are_the_same(runner, words) -> None:
    """Modules, folders and code that cannot be run give the interpreter's own message and status."""
    runner.write("package/__init__.py", "")
    runner.write("broken.py", "x = (\n")
    runner.write("failing.py", "def f():\n    raise OSError(2, 'x')\nf()\n")
    runner.write("exits.py", "raise SystemExit('bye')\n")
    (runner.folder / "empty").mkdir()
    runner.write("bad.pyc", b"\0" * 32)
    runner.write("short.pyc", b"x")
    runner.python("-c", "from importlib.util import *; open('cut', 'wb').write(MAGIC_NUMBER + b'abc')")
    runner.same(*words)


def test_reads_a_script_from_a_pipe(runner) -> None:
    """A script that can be read only once runs."""
    reader, writer = os.pipe()
    os.write(writer, b"print('piped')\n")
    os.close(writer)
    try:
        ended = runner.lifetrack("run", f"/dev/fd/{reader}", pass_fds=(reader,))
    finally:
        os.close(reader)
    assert (ended.status, ended.out) == (0, "piped\n")


def test_own_start_leaves_nothing_on_the_path(runner) -> None:
    """The folder of the console script is not on the program's path."""
    runner.write("bin/lifetrack-command", "import sys\nfrom lifetrack.cli.main import main\nsys.exit(main())\n")
    runner.write("elsewhere/show.py", "import sys\nprint(sys.path)\n")
    plain = runner.python("elsewhere/show.py")
    assert runner.python("bin/lifetrack-command", "run", "elsewhere/show.py").out == plain.out


def test_script_in_another_encoding(runner) -> None:
    """The encoding that a script declares is heeded, and so is a byte order mark."""
    runner.write("latin.py", "# -*- coding: latin-1 -*-\nprint(ascii('é'))\n".encode("latin-1"))
    runner.write("marked.py", b"\xef\xbb\xbfprint('marked')\r\n")
    assert runner.same("latin.py").out == "'\\xe9'\n"
    assert runner.same("marked.py").out == "marked\n"


SHADOWED = ("argparse", "json", "textwrap", "queue", "datetime", "platform", "wrapt", "os")


@pytest.mark.parametrize("way", ["script", "module", "code", "folder", "elsewhere"])
def test_modules_of_the_programs_own_win(runner, way) -> None:
    """A module beside the program is imported although lifetrack has loaded another one of that name."""
    for name in SHADOWED:
        runner.write(f"{name}.py", "print('own', __name__)\nfrom_the_program = True\n")
    runner.write("signal/__init__.py", "print('own package')\n")
    lines = [f"import {name}; print({name}.__name__, hasattr({name}, 'from_the_program'))" for name in SHADOWED]
    code = "\n".join([*lines, "import signal; print(hasattr(signal, 'SIGINT'), signal.__file__)", "1 / 0\n"])
    runner.write("program.py", code)
    runner.write("__main__.py", code)
    program = {"module": ("-m", "program"), "code": ("-c", code), "folder": (".",)}.get(way, ("program.py",))
    where = {"cwd": runner.folder.parent} if way == "elsewhere" else {}
    if way == "elsewhere":
        program = (str(runner.folder / "program.py"),)
    report = runner.folder.parent / "report.json"
    plain = runner.same(*program, options=("--report", str(report)), **where)
    assert plain.out.startswith("own argparse\nargparse True\n")
    assert report.exists()


#: What is loaded for the report only when there is something to tell.
LATE = ("bisect", "heapq", "textwrap", "difflib", "inspect", "ast", "symtable")

#: Ways to spoil the import path, and ways to end.
SPOILT = ("sys.path[:] = []", "sys.path.insert(0, 'other')", "sys.path = None", "sys.path_importer_cache.clear()")
ENDINGS = ("", "raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGTERM)")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("spoil", [*SPOILT, "os.chdir('/')"])
def test_the_report_finds_its_own_modules_at_the_end(runner, spoil, ending) -> None:
    """Whatever became of the import path and of names of the standard library, a leak is told."""
    for name in LATE:
        runner.write(f"{name}.py", "from_the_program = True\n")
        runner.write(f"other/{name}.py", "from_elsewhere = True\n")
    code = [f"import {', '.join(LATE)}, os, signal, sys", "file = open('program.py')", spoil]
    code += [f"print(hasattr(bisect, 'from_the_program'), sys.modules['{LATE[-1]}'].__file__)", ending]
    runner.write("program.py", "\n".join(code))
    plain, ours = runner.python("program.py"), runner.lifetrack("run", "program.py")
    assert (ours.status, ours.out) == (plain.status, plain.out)
    assert ours.out.startswith("True ")
    assert "LT101 leak-at-exit" in ours.err
    assert "program.py:2" in ours.err
    assert "lifetrack: error" not in ours.err


@pytest.mark.parametrize("source", [b"x = 1\0\n", b"x = 1\ny = '\xff'\n"], ids=["null", "not-utf-8"])
def test_source_that_is_no_text(runner, source) -> None:
    """A script that is no Python text is a syntax error as in Python; only its wording is that of compile()."""
    runner.write("program.py", source)
    plain, ours = runner.python("program.py"), runner.lifetrack("run", "program.py")
    assert (ours.status, ours.out) == (plain.status, "") == (1, "")
    assert "SyntaxError: " in plain.err
    assert "SyntaxError: " in ours.err
    assert "Traceback" not in ours.err


def test_what_cannot_be_loaded_after_an_interrupt_is_said_beside_it(runner) -> None:
    """A program that is ended by Ctrl-C stays so, in its traceback and its status; the report says what it lacks."""
    runner.write("program.py", "import sys\nsys.modules['lifetrack.holders.explain'] = None\nraise KeyboardInterrupt\n")
    plain, ours = runner.python("program.py"), runner.lifetrack("run", "program.py")
    assert ours.status == plain.status == -signal.SIGINT
    assert plain.err in ours.err
    assert "what reports need could not be loaded: ModuleNotFoundError" in ours.err
