"""A leak says how to write its source so that it is released; where that is not sure it says nothing."""

from __future__ import annotations

import ast
import asyncio
import inspect
import linecache
import sys
import textwrap
import types
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from lifetrack.reports.json_report import load
from lifetrack.tracker import Tracker

HEAD = '''
import asyncio, contextlib, csv, functools, io, json, os, socket, sqlite3, subprocess, tempfile, threading
from concurrent.futures import ThreadPoolExecutor as Executor
from pathlib import Path

KEPT = []
NULL = os.devnull

def keep(thing):
    KEPT.append(thing)
    return thing

@tracked
class Plain:
    def use(self): return 1
    def close(self): pass

@tracked
class Managed(Plain):
    def __enter__(self): return self
    def __exit__(self, *error): self.close()

@tracked
class Odd(Plain):
    """Its block hands out something else."""
    def __enter__(self): return 17
    def __exit__(self, *error): self.close()

@tracked
class Transaction(Plain):
    """The end of its block is no release."""
    def __enter__(self): return self
    def __exit__(self, *error): self.use()

@tracked
class Engine:
    def use(self): return 1
    def shutdown(self): pass

@tracked
class Awaited:
    async def use(self): return 1
    async def aclose(self): pass

@tracked
class Block(Awaited):
    async def __aenter__(self): return self
    async def __aexit__(self, *error): await self.aclose()

@tracked
class Hangup:
    async def hang_up(self): pass
    async def disconnect(self): pass
'''
NUMBERS = count()
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Program:
    """Runs ``main()`` of a piece of source and gives the suggestions for its leaks."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.names: list[str] = []

    def __call__(self, text: str) -> list[tuple[str, str]]:
        name = f"evidence_program_{next(NUMBERS)}"
        file, source = f"/programs/{name}.py", HEAD + textwrap.dedent(text)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        module = types.ModuleType(name)
        module.__dict__.update(tracked=self.tracker.tracked)
        sys.modules[name] = module
        self.names.append(name)
        exec(compile(source, file, "exec"), module.__dict__)
        self.tracker.start("stacks", policy="record", report=False, watch="stdlib")
        main = module.__dict__["main"]
        with self.tracker.scope("program") as scope:
            asyncio.run(main()) if inspect.iscoroutinefunction(main) else main()
            found = self.tracker.find_leaks(scope=scope)
            found = [each for each in found if each.site is not None and each.site.file == file]
            self.tracker.stop()
        module.__dict__["KEPT"].clear()
        assert found, "nothing leaked"
        return [(each.suggestion.code, each.suggestion.text) for each in found if each.suggestion is not None]


@pytest.fixture
def program(tracker: Tracker) -> Iterator[Program]:
    """Runs pieces of source."""
    made = Program(tracker)
    yield made
    for name in made.names:
        sys.modules.pop(name, None)
        linecache.cache.pop(f"/programs/{name}.py", None)


SUGGESTED = {
    "a name": ("m = Managed()\nm.use()", "with Managed() as m:\n    m.use()"),
    "its own release is left out": (
        "m = Managed()\nif m.use() == 2:\n    m.use()\nprint(end='')",
        "with Managed() as m:\n    if m.use() == 2:\n        m.use()",
    ),
    "much to do": ("f = open(NULL)\n" + "f.read()\n" * 9, "with open(NULL) as f:\n    f.read()\n    ..."),
    "nothing to do": ("m = Managed()", "with Managed() as m:\n    ..."),
    "no block of its own": ("p = Plain()\np.use()", "with contextlib.closing(Plain()) as p:\n    p.use()"),
    "another release": ("e = Engine()\ne.use()", "e = Engine()\ntry:\n    e.use()\nfinally:\n    e.shutdown()"),
    "a block that gives another thing": ("o = Odd()\no.use()", "o = Odd()\nwith o:\n    o.use()"),
    "a block that is a transaction": (
        "t = Transaction()\nt.use()", "with contextlib.closing(Transaction()) as t:\n    t.use()",
    ),
    "a block of sqlite": (
        "db = sqlite3.connect(':memory:')\ndb.execute('select 1')",
        "with contextlib.closing(sqlite3.connect(':memory:')) as db:\n    db.execute('select 1')",
    ),
    "a temporary folder": (
        "d = tempfile.TemporaryDirectory()\nos.listdir(d.name)\nKEPT.append(1)",
        "d = tempfile.TemporaryDirectory()\nwith d:\n    os.listdir(d.name)",
    ),
    "an alias": ("e = Executor(1)\ne.submit(int)", "with Executor(1) as e:\n    e.submit(int)"),
    "a socket": ("s = socket.socket()\ns.fileno()", "with socket.socket() as s:\n    s.fileno()"),
    "without a name": (
        "data = json.dumps(open(NULL).read())", "with open(NULL) as file:\n    data = json.dumps(file.read())",
    ),
    "consumed": ("lines = list(open(NULL))", "with open(NULL) as file:\n    lines = list(file)"),
    "gone through": (
        "for line in open(NULL):\n    print(line)",
        "with open(NULL) as file:\n    for line in file:\n        ...",
    ),
    "a path": ("text = Path(NULL).open().read()", "with Path(NULL).open() as file:\n    text = file.read()"),
    "on its own": ("Managed()", "with Managed() as managed:\n    ..."),
    "in a loop": (
        "for n in range(2):\n    m = Managed()\n    m.use()", "with Managed() as m:\n    m.use()",
    ),
    "collected": (
        "files = []\nfor name in (NULL, NULL):\n    files.append(open(name))\nfiles[0].read()",
        ("with contextlib.ExitStack() as stack:\n    for name in (NULL, NULL):\n"
        "        files.append(stack.enter_context(open(name)))\n    ..."),
    ),
    "collected by name": (
        "all_of = set()\nfor n in range(2):\n    p = Plain()\n    p.use()\n    all_of.add(p)",
        ("with contextlib.ExitStack() as stack:\n    for n in range(2):\n"
        "        p = stack.enter_context(contextlib.closing(Plain()))\n    ..."),
    ),
    "a comprehension": (
        "files = [open(name) for name in (NULL, NULL)]\nprint(len(files), end='')",
        ("with contextlib.ExitStack() as stack:\n"
        "    files = [stack.enter_context(open(name)) for name in (NULL, NULL)]\n    ..."),
    ),
    "returned value of a question": (
        "f = open(NULL)\nreturn f.read()", "with open(NULL) as f:\n    return f.read()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SUGGESTED)
def test_the_form_that_releases(program: Program, name: str) -> None:
    """The suggested code is what a person would write, and it is Python."""
    body, code = SUGGESTED[name]
    found = program("def main():\n" + textwrap.indent(body, "    "))
    assert found
    assert {each[0].replace('"', "'") for each in found} == {code}
    ast.parse(f"def f():\n{textwrap.indent(found[0][0], '    ')}")


AWAITED = {
    "a block": ("b = Block()\nawait b.use()", "async with Block() as b:\n    await b.use()"),
    "aclose": ("a = Awaited()\nawait a.use()", "async with contextlib.aclosing(Awaited()) as a:\n    await a.use()"),
    "another release": (
        "h = Hangup()\nawait h.hang_up()",
        "h = Hangup()\ntry:\n    await h.hang_up()\nfinally:\n    await h.disconnect()",
    ),
    "several": (
        "every = [Block() for _ in range(2)]",
        ("async with contextlib.AsyncExitStack() as stack:\n"
        "    every = [await stack.enter_async_context(Block()) for _ in range(2)]\n    ..."),
    ),
    "in a coroutine, by an ordinary block": ("m = Managed()\nm.use()", "with Managed() as m:\n    m.use()"),
}  # fmt: skip


@pytest.mark.parametrize("name", AWAITED)
def test_coroutines(program: Program, name: str) -> None:
    """What is released by a coroutine gets the forms of coroutines."""
    body, code = AWAITED[name]
    found = program("async def main():\n" + textwrap.indent(body, "    "))
    assert [each[0] for each in found[:1]] == [code]


UNSURE = {
    "kept by a global name": "global G\nG = open(NULL)",
    "kept in a container that is not ours": "KEPT.append(Managed())",
    "kept under a key": "d = {}\nd['x'] = Managed()\nKEPT.append(d)",
    "kept by a wrapper": "r = csv.reader(open(NULL))\nKEPT.append(r)",
    "kept by a class": "m = Managed()\nt = Holder(m)\nKEPT.append(t)",
    "handed to a function that may keep it": "m = keep(Managed())",
    "a name that is handed to it": "m = Managed()\nn = keep(m)\nreturn n",
    "a name that is handed to it, and no more": "m = Managed()\nkeep(m)",
    "handed to a thread": "m = Managed()\nt = threading.Thread(target=m.use)\nt.start()\nt.join()\nKEPT.append(m)",
    "handed to an executor": "m = Managed()\nwith Executor(1) as e:\n    e.submit(m.use).result()\nKEPT.append(m)",
    "a closure": "m = Managed()\nKEPT.append(lambda: m)",
    "an alias": "m = Managed()\nn = m\nKEPT.append(n)",
    "bound twice": "m = None\nm = Managed()\nKEPT.append(m)",
    "used outside the block": "if True:\n    m = Managed()\nKEPT.append(m)\nm.use()",
    "two of one name on a line": "a, b = Managed(), Managed()\nKEPT.append((a, b))",
    "a variable class": "cls = Managed\nm = cls()\nKEPT.append(m)",
    "through partial": "m = functools.partial(Managed)()\nKEPT.append(m)",
    "what lives on it is returned": "m = Managed()\nm.other = KEPT\nreturn m.other",
    "a generator expression": "g = (Managed() for _ in range(1))\nKEPT.append(next(g))",
    "conditional": "m = Managed() if NULL else None\nKEPT.append(m)",
    "in a block already": "with contextlib.nullcontext(Managed()) as m:\n    m.use()",
    "a walrus": "if (m := Managed()):\n    KEPT.append(m)",
}  # fmt: skip


@pytest.mark.parametrize("name", UNSURE)
def test_nothing_rather_than_something_wrong(program: Program, name: str) -> None:
    """Where the resource may live on by right, or the call is not plain to see, there is no suggestion."""
    head = "class Holder:\n    def __init__(self, held):\n        self.held = held\n\n"
    assert program(head + "def main():\n" + textwrap.indent(UNSURE[name], "    ")) == []


def test_a_coroutine_form_outside_of_coroutines(program: Program) -> None:
    """An ordinary function cannot await a release."""
    assert program("def main():\n    b = Block()\n    KEPT.append(b.use)") == []


FACTORIES = """
def make():
    made = Managed()
    made.use()
    return made

def make_more():
    return make()

def main():
    m = make_more()
    m.use()
"""


def test_what_is_handed_out_is_released_by_the_caller(program: Program) -> None:
    """The place to change is the one that gets it at last, through any functions that hand it on."""
    ((code, _),) = program(FACTORIES)
    assert code == "with make_more() as m:\n    m.use()"


def test_handed_out_to_somebody_who_keeps_it(program: Program) -> None:
    """Where the last caller's use is unclear, it is told who has the duty, and no code."""
    ((code, text),) = program(
        FACTORIES.replace("m.use()\n", "m.use()\n", 1).replace("    m = make_more()", "    m = keep(make_more())")
    )
    assert code == ""
    assert text == "make_more() hands it out, so whoever calls that has to release it by close()"


OWNER = """
class Owner:
    def __init__(self):
        self.managed = Managed()
{method}
def main():
    keep(Owner())
"""


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        ("", "def close(self):\n    self.managed.close()", "give Owner a close() that releases it"),
        (
            "    def stop(self, now=True):\n        pass\n",
            "def stop(self, now=True):\n    ...\n    self.managed.close()",
            "release it in Owner.stop()",
        ),
        ("    def close(self):\n        self.managed.close()\n", "", "Owner.close() releases it"),
    ],
)  # fmt: skip
def test_what_an_object_keeps_it_releases(program: Program, method: str, code: str, text: str) -> None:
    """A resource in an attribute is released by the method with which its owner ends."""
    ((found, said),) = program(OWNER.format(method=method))
    assert found == code
    assert text in said


def test_generators_hold_it_while_they_run(program: Program) -> None:
    """What a fixture yields can be in a block round the yield."""
    ((code, _),) = program("""
        def fixture():
            m = Managed()
            yield m

        def main():
            for m in fixture():
                m.use()
    """)
    assert code == "with Managed() as m:\n    yield m"


def test_the_source_is_gone(program: Program) -> None:
    """Without a source there is a finding and no suggestion."""
    gone = (
        "import linecache\n\ndef forget():\n"
        "    for name in [name for name in linecache.cache if 'evidence_' in name]:\n"
        "        del linecache.cache[name]\n\n"
    )
    main = "def main():\n    m = Managed()\n    m.use()\n    forget()\n"
    assert program(gone + main) == []


def test_what_was_dropped_was_kept_by_nobody(program: Program) -> None:
    """A function that was handed what was collected later has not kept it, so there is a suggestion."""
    ((code, _),) = program("def look(m):\n    m.use()\n\ndef main():\n    m = Managed()\n    look(m)\n")
    assert code == "with Managed() as m:\n    look(m)"


def test_they_stand_in_text_and_json(tracker: Tracker, tmp_path: Path) -> None:
    """The suggestion is in the text with its place, and comes back from JSON as it was."""
    file = tmp_path / "app.py"
    file.write_text("def work():\n    f = open(__file__)\n    f.read()\n", encoding="utf-8")
    namespace = {"__file__": str(file)}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)
    tracker.start("stacks", policy="record", report=False, watch="stdlib")
    namespace["work"]()
    report = tracker.report()
    text = report.to_text(width=200)
    lines = [line.strip() for line in text.splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith("Suggestion, "))
    assert lines[first].endswith("app.py:2 in work: put what uses 'f' into a block that releases it")
    assert lines[first + 1 : first + 3] == ["with open(__file__) as f:", "f.read()"]
    report.write(tmp_path / "report.json")
    again = load(tmp_path / "report.json")
    assert again.to_text(width=200) == text
    assert again.findings[0].suggestion.site.line == 2


def test_nothing_is_suggested_for_code_that_is_not_the_users(tracker: Tracker, tmp_path) -> None:
    """What an installed package leaks is not for the reader to rewrite."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    file = folder / "library.py"
    file.write_text("def leak():\n    f = open(__file__)\n    f.read()\n    return None\n", encoding="utf-8")
    namespace = {"__file__": str(file)}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)
    tracker.start("stacks", policy="record", report=False, watch="stdlib")
    namespace["leak"]()
    found = tracker.find_leaks()
    assert [each.suggestion for each in found if "library.py" in str(each.site)] in ([None], [])


def test_no_block_is_suggested_for_what_is_kept_for_later(tracker: Tracker, tmp_path) -> None:
    """A cache would keep a resource that the block has released; whoever drops one is told as before."""
    file = tmp_path / "app.py"
    file.write_text(
        "import functools\n"
        "@functools.lru_cache\n"
        "def cached(): return open(__file__)\n"
        "def work():\n"
        "    cached()\n"
        "    open(__file__, 'r+').read()\n",
        encoding="utf-8",
    )
    namespace = {"__file__": str(file), "__name__": "app"}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)
    sys.modules["app"] = module = types.ModuleType("app")
    vars(module).update(namespace)
    tracker.start("stacks", policy="record", report=False, watch="stdlib")
    try:
        namespace["work"]()
        found = {each.site.line: each for each in tracker.report().findings if each.site.file == str(file)}
    finally:
        del sys.modules["app"]
        namespace["cached"]().close()
    assert found[3].held_by[0].verdict == "lru-cache"
    assert found[3].suggestion is None
    assert found[6].suggestion is not None
