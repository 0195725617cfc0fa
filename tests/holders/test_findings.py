"""Findings and reports tell who holds what leaked."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from lifetrack.holders import leaks
from lifetrack.ledger.cases import KEPT_CASES
from lifetrack.reports.json_form import schema
from lifetrack.reports.reading import load as read
from lifetrack.values import budgets
from lifetrack.values.holders import Search

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

REGISTRY: dict[Any, Any] = {}
HERE = f"{__name__}.REGISTRY"


class Backend:
    """What leaks."""

    def close(self) -> None:
        """Release it."""

    def use(self) -> None:
        """Use it."""


@pytest.fixture
def tracking(tracker: Tracker) -> Iterator[Tracker]:
    """Track the class above, quietly."""
    tracker.tracked(Backend)
    tracker.start(policy="record", report=False)
    yield tracker
    REGISTRY.clear()


def load(*names: str) -> None:
    """Acquire what is to be found in the registry."""
    for name in names:
        REGISTRY[name] = Backend()


def test_find_leaks_tells_holders_where_asked(tracking: Tracker) -> None:
    """Without ``held_by`` nothing is looked for; with it each finding has the paths."""
    load("openssl")
    (finding,) = tracking.find_leaks()
    assert finding.held_by == ()
    (finding,) = tracking.find_leaks(held_by=True)
    assert [str(holder) for holder in finding.held_by] == [f"{HERE}['openssl'] (module-global)"]


def test_nobody_holds_a_descriptor(tracking: Tracker) -> None:
    """A raw descriptor is a number: what we keep in its place is told as nobody's; an object beside it has its path."""
    tracking.watch("os")
    number = os.open(os.devnull, os.O_RDONLY)
    try:
        load("openssl")
        raw, backend = sorted(tracking.find_leaks(held_by=True), key=lambda finding: finding.resource.type != "os.open")
        assert (raw.resource.type, raw.held_by) == ("os.open", ())
        assert [str(holder) for holder in backend.held_by] == [f"{HERE}['openssl'] (module-global)"]
    finally:
        os.close(number)


def test_a_report_tells_holders_and_what_it_took(tracking: Tracker) -> None:
    """Text, JSON and what is read back from it have the path; the pause is disclosed."""
    load("openssl")
    report = tracking.report()
    assert f"Held by {HERE}['openssl'] (module-global): take it out of there" in " ".join(report.to_text().split())
    data = json.loads(report.to_json())
    jsonschema.validate(data, schema())
    path = [f"{__name__} (module)", "REGISTRY (dict)", "['openssl']"]
    (held,) = data["findings"][0]["held_by"]
    assert (held["verdict"], held["path"]) == ("module-global", path)
    assert held["advice"]
    search = data["tracker"]["search"]
    assert search["walks"] == 1
    assert search["seconds"] == search["longest"] > 0
    assert search["left_out"] == 0


def test_what_is_read_back_has_holders(tracking: Tracker, tmp_path: Any) -> None:
    """A report that was written and read tells the same."""
    load("openssl")
    report = tracking.report()
    report.write(tmp_path / "report.json")
    again = read(tmp_path / "report.json")
    assert again.findings[0].held_by == report.findings[0].held_by
    assert again.tracker.search is not None
    assert again.tracker.search.walks == 1


def test_a_scope_tells_who_held_it_when_it_ended(tracking: Tracker) -> None:
    """What a scope leaves open is explained at its end, when the holders are still there."""

    def job() -> None:
        with tracking.scope("job"):
            backend = Backend()
            backend.use()

    job()
    (finding,) = tracking.report().findings
    assert (finding.rule, [holder.verdict for holder in finding.held_by]) == ("LT103", ["running-frame"])
    assert finding.held_by[0].path[-1] == "backend"


def test_the_error_of_a_scope_has_holders(tracking: Tracker) -> None:
    """Under the policy ``raise`` the findings of the error tell who holds it."""
    tracking.start(policy="raise", report=False)
    with pytest.raises(AssertionError) as caught, tracking.scope("job"):
        load("openssl")
    assert [str(holder) for holder in caught.value.findings[0].held_by] == [f"{HERE}['openssl'] (module-global)"]


def test_a_misuse_of_what_is_alive_has_holders(tracking: Tracker) -> None:
    """A report tells of every finding whose object is alive who holds it."""
    load("openssl")
    REGISTRY["openssl"].close()
    REGISTRY["openssl"].use()
    (finding,) = tracking.report().findings
    assert (finding.rule, str(finding.held_by[0])) == ("LT201", f"{HERE}['openssl'] (module-global)")


def test_what_is_gone_has_no_holders(tracking: Tracker) -> None:
    """What was collected is held by nobody, and nobody is looked for."""
    Backend()
    report = tracking.report()
    assert [(finding.rule, finding.held_by) for finding in report.findings] == [("LT102", ())]
    assert report.tracker.search is None


def test_a_group_tells_all_ways(tracking: Tracker) -> None:
    """Findings of one bug are one with the ways of all, each kind of way once."""
    REGISTRY["list"] = []
    for number in range(6):
        backend = Backend()
        if number < 4:
            REGISTRY["list"].append(backend)
        else:
            REGISTRY[f"own {number}"] = backend
    del backend
    (finding,) = tracking.report().findings
    assert finding.count == 6
    assert [str(holder) for holder in finding.held_by] == [
        f"{HERE}['list'][0] (module-global)",
        f"{HERE}['own 4'] (module-global)",
    ]


def test_of_very_many_alike_a_few_are_explained(tracking: Tracker) -> None:
    """Thousands of leaks of one site cost no more than a few, and the report says that it left some out."""
    REGISTRY["list"] = [Backend() for _ in range(300)]
    report = tracking.report()
    assert report.findings[0].count == 300
    assert str(report.findings[0].held_by[0]).startswith(f"{HERE}['list'][")
    assert report.tracker.search is not None
    assert report.tracker.search.left_out == 300 - leaks.MOST_ALIKE
    assert f"of {300 - leaks.MOST_ALIKE} resources that was not asked" in " ".join(report.to_text().split())


def test_each_asking_tells_of_its_own_moment(tracking: Tracker, tmp_path: Path) -> None:
    """Who held it when somebody asked before is of no use to whoever asks now, and nobody holds what is gone."""
    REGISTRY["idle"], REGISTRY["busy"] = [Backend()], []
    assert [str(holder) for holder in tracking.find_leaks(held_by=True)[0].held_by] == [
        f"{HERE}['idle'][0] (module-global)"
    ]
    assert tracking.find_leaks()[0].held_by == ()
    REGISTRY["busy"].append(REGISTRY["idle"].pop())
    for found in (
        tracking.find_leaks(held_by=True),
        tracking.report().findings,
        tracking.dump(tmp_path / "now.json").findings,
    ):
        assert [str(holder) for holder in found[0].held_by] == [f"{HERE}['busy'][0] (module-global)"]
    backend = REGISTRY["busy"][0]
    backend.close()
    backend.close()
    del backend
    (misuse,) = tracking.report().findings
    assert [str(holder) for holder in misuse.held_by] == [f"{HERE}['busy'][0] (module-global)"]
    REGISTRY["idle"].append(REGISTRY["busy"].pop())
    (misuse,) = tracking.report().findings
    assert [str(holder) for holder in misuse.held_by] == [f"{HERE}['idle'][0] (module-global)"]
    REGISTRY["idle"].append(Backend())
    assert tracking.find_leaks(held_by=True)[-1].held_by
    REGISTRY.clear()
    assert [(found.rule, found.held_by) for found in tracking.report().findings] == [("LT202", ()), ("LT102", ())]


@pytest.mark.parametrize("journal", [None, "app.journal"])
def test_what_was_left_out_is_counted_once(tracker: Tracker, tmp_path: Path, journal: str | None) -> None:
    """However often reports are made: it is the number of resources, and those told of now are none of them."""
    tracking = tracker
    tracking.tracked(Backend)
    tracking.start(policy="record", report=False, journal=journal and tmp_path / journal)
    REGISTRY["list"] = [Backend() for _ in range(20)]
    for _ in range(3):
        search = tracking.report().tracker.search
        assert search is not None
        assert search.left_out == 20 - leaks.MOST_ALIKE
    tracking.find_leaks(held_by=True)
    search = tracking.report().tracker.search
    REGISTRY.clear()
    assert search is not None
    assert search.left_out == 20 - leaks.MOST_ALIKE


@pytest.mark.parametrize("journal", [None, "app.journal"])
def test_at_the_end_all_are_counted(tracker: Tracker, tmp_path: Path, journal: str | None) -> None:
    """Of leaks alike that are too many to be kept one by one a report at the end has the number, as often as asked."""
    tracker.tracked(Backend)
    tracker.start(policy="record", report=False, journal=journal and tmp_path / journal)
    REGISTRY["list"] = [Backend() for _ in range(3 * KEPT_CASES)]
    reports = [tracker.final_report() for _ in range(2)]
    REGISTRY.clear()
    for report in reports:
        (finding,) = report.findings
        assert (finding.count, report.totals.findings, report.totals.live) == (3 * KEPT_CASES,) * 3
        assert str(finding.held_by[0]).startswith(f"{HERE}['list'][")
        assert report.tracker.search is not None
        assert report.tracker.search.left_out == 3 * KEPT_CASES - leaks.MOST_ALIKE


def test_of_very_many_that_were_left_out_a_bounded_number_is_kept(tracking: Tracker) -> None:
    """All are counted, and none twice, while little is remembered of them."""
    REGISTRY["list"] = [Backend() for _ in range(leaks.MOST_TOLD + 2_000)]
    for _ in range(3):
        search = tracking.report().tracker.search
        assert search is not None
        assert search.left_out == leaks.MOST_TOLD + 2_000 - leaks.MOST_ALIKE
    account = tracking._account
    REGISTRY.clear()
    assert account is not None
    assert len(account.judgement.evidence._left_out) == leaks.MOST_TOLD


def test_of_those_that_are_alike_what_nobody_allowed_is_explained_first(tracking: Tracker) -> None:
    """However many that are allowed came before, from the same line."""

    def acquire(number: int) -> None:
        REGISTRY[number] = Backend()

    with tracking.allow("old ones"):
        for number in range(20):
            acquire(number)
    acquire(20)
    found = [each for each in tracking.report().findings if each.allowed is None]
    assert [each.held_by[0].words for each in found] == [f"{HERE}[20]"]


def test_leaks_are_asked_for_one_by_one(tracking: Tracker) -> None:
    """Who asks for the leaks with their holders gets those of each, though all came from the same line."""
    for number in range(40):
        REGISTRY[number] = Backend()
    found = tracking.find_leaks(held_by=True)
    assert [finding.held_by[0].words for finding in found] == [f"{HERE}[{number}]" for number in range(40)]


def test_each_line_of_one_function_is_explained(tracking: Tracker) -> None:
    """What was acquired on different lines is not taken for alike."""
    for line in range(10):
        exec(compile("\n" * line + "REGISTRY[line] = Backend()", "lines.py", "exec"), globals(), {"line": line})
    acquired = "; ".join(f"REGISTRY['n{number}'] = Backend()" for number in range(8))
    exec(compile(acquired.replace("; ", "\n"), "function.py", "exec"), globals())
    assert all(finding.held_by for finding in tracking.find_leaks(held_by=True))


def test_scopes_stop_looking_when_it_takes_too_long(tracking: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that leaves thousands of leaking scopes is not stopped for each; a report still looks."""
    monkeypatch.setattr(budgets, "SECONDS", -1e9)
    with tracking.scope("job"):
        load("openssl")
    assert tracking.find_leaks()[0].held_by == ()
    report = tracking.report()
    assert str(report.findings[0].held_by[0]) == f"{HERE}['openssl'] (module-global)"
    assert report.tracker.search is not None
    assert report.tracker.search.left_out == 0  # of which nothing is said any more


def test_children_of_a_leak_have_holders_of_their_own(tracking: Tracker) -> None:
    """What depends on another leak is told by it, unless somebody else holds it too."""

    @tracking.tracked(children=("session",))
    class Server:
        def session(self) -> Any:
            self.last = Backend()
            return self.last

        def close(self) -> None:
            pass

    REGISTRY["server"] = Server()
    REGISTRY["server"].session()
    (finding,) = tracking.report().findings
    (child,) = finding.children
    assert str(finding.held_by[0]) == f"{HERE}['server'] (module-global)"
    assert (child.held_by[0].verdict, child.held_by[0].path[-1]) == ("another-leak", "last")


def test_files_and_sockets_are_explained(tracking: Tracker, tmp_path: Any) -> None:
    """What is watched is told as what is declared."""
    undo = tracking.watch("stdlib")
    REGISTRY["log"] = open(tmp_path / "log", "w")
    (finding,) = tracking.report().findings
    REGISTRY["log"].close()
    undo()
    assert str(finding.held_by[0]) == f"{HERE}['log'] (module-global)"


CYCLES = """
import gc, socket
gc.disable()
class Node: pass

def of_two():
    one, other = Node(), Node()
    one.other, other.one = other, one
    one.file = open(__file__)

def of_one_in_a_list():
    one = Node()
    one.children = [Node()]
    one.children[0].parent, one.children[0].socket = one, socket.socket()

def of_a_callback():
    one = Node()
    one.callback, one.file = lambda: one, open(__file__, "rb", 0)

def of_an_error():
    file = open(__file__)
    try: raise ValueError
    except ValueError as error: kept = error

def of_a_list():
    files = [open(__file__, "rb")]
    files.append(files)

def below_a_cycle():
    one, lower = Node(), Node()
    one.me, one.lower, lower.file = one, lower, open(__file__)

import lifetrack
@lifetrack.tracked
class Backend:
    def close(self): pass

def of_its_own_release():
    backend = Backend()
    backend.at_exit = backend.close

for make in (of_two, of_one_in_a_list, of_a_callback, of_an_error, of_a_list, below_a_cycle, of_its_own_release): make()
for finding in lifetrack.find_leaks(held_by=True):
    print(finding.site.function, *(" > ".join(each.path) + " " + each.verdict for each in finding.held_by), sep=": ")
"""


def test_files_in_cycles(run_python: Any, tmp_path: Any) -> None:
    """The nearest cycle of the program's is told, and the way down from there; nothing of ours on the file is one."""
    program = tmp_path / "program.py"
    program.write_text(CYCLES)
    done = run_python("", str(program), python_flags=["-m", "lifetrack", "run"])
    lines = [f"{line} reference-cycle" for line in (
        "of_two: __main__.Node (reference cycle) > file",
        "of_one_in_a_list: __main__.Node (reference cycle) > socket",
        "of_a_callback: __main__.Node (reference cycle) > file",
        "of_an_error: frame of of_an_error, program.py:23 (reference cycle) > file",
        "of_a_list: list (reference cycle) > [0]",
        "below_a_cycle: __main__.Node (reference cycle) > lower (__main__.Node) > file",
        "of_its_own_release: __main__.Backend (reference cycle) > at_exit (method Backend.close) > __self__",
    )]  # fmt: skip
    assert done.stdout.splitlines() == lines, done.stderr


COLLECTED = """
import gc, sys
class Node: pass
class Collects:
    def find_spec(self, name, path=None, target=None):
        if name == "lifetrack.holders.explain":
            gc.set_threshold(1)
            kept.extend([] for _ in range(1000))
            gc.set_threshold(100_000)
kept = []
gc.set_threshold(100_000)
sys.meta_path.insert(0, Collects())
import lifetrack
tracker = lifetrack.Tracker()
tracker.start(level="stacks", watch="stdlib", report=False)
with tracker.scope("job"):
    one = Node()
    one.me, one.file = one, open(__file__)
    del one
print(*(" > ".join(each.path) for finding in tracker.report().findings for each in finding.held_by))
"""


def test_collector_that_comes_while_what_explains_is_loaded(run_python: Any, tmp_path: Any) -> None:
    """It does not take what is being explained; else something else at the same address would be."""
    program = tmp_path / "program.py"
    program.write_text(COLLECTED)
    done = run_python(program)
    assert done.stdout == "__main__.Node (reference cycle) > file\n", done.stderr


def test_a_lent_context_is_explained_or_left_open(tracking: Tracker) -> None:
    """A context manager that was entered and not left is told by what keeps it."""

    @tracking.acquires
    @contextmanager
    def lent() -> Iterator[int]:
        yield 1

    REGISTRY["cm"] = lent()
    REGISTRY["cm"].__enter__()
    (finding,) = tracking.report().findings
    assert all("lifetrack" not in str(holder.path[0]) for holder in finding.held_by)


def test_why_alive_needs_no_tracking(tracker: Tracker) -> None:
    """Any object can be asked about, whether tracking is on or off."""
    REGISTRY["x"] = Backend()
    assert str(tracker.why_alive(REGISTRY["x"])[0]) == f"{HERE}['x'] (module-global)"
    REGISTRY.clear()


def test_searches_of_several_processes_are_summed() -> None:
    """A merged report tells the pauses of all, and the longest of any."""
    from lifetrack.reports.merging import _search
    from lifetrack.reports.model import TrackerInfo

    infos = [TrackerInfo(search=Search(1, 0.5, 0.5, 2)), TrackerInfo(), TrackerInfo(search=Search(2, 0.3, 0.2, 0))]
    assert _search(infos) == Search(3, 0.8, 0.5, 2)
    assert _search([TrackerInfo()]) is None


def test_at_exit_holders_are_told(run_python: Any, tmp_path: Any) -> None:
    """The final report of a program tells holders: in its main module, in an exception, by an exit handler."""
    program = tmp_path / "program.py"
    program.write_text(
        "import atexit, lifetrack\n"
        "@lifetrack.tracked\n"
        "class Backend:\n"
        "    def close(self): pass\n"
        "REGISTRY = {'openssl': Backend()}\n"
        "atexit.register(Backend().close.__get__(Backend()))\n"
        "def fail():\n"
        "    mine = Backend()\n"
        "    raise ValueError\n"
        "fail()\n"
    )
    report = tmp_path / "report.json"
    run_python("", "run", f"--report={report}", str(program), python_flags=["-m", "lifetrack"])
    found = {
        finding["site"]["line"]: [(holder["verdict"], holder["path"]) for holder in finding["held_by"]]
        for finding in json.loads(report.read_text())["findings"]
        if finding["rule"] == "LT101"
    }
    assert found[5] == [("module-global", ["__main__ (module)", "REGISTRY (dict)", "['openssl']"])]
    assert found[8][0][0] == "traceback"
    assert found[8][0][1][-1] == "mine"


def test_what_is_no_object_has_no_holder(tracker: Tracker) -> None:
    """Nobody holds a raw descriptor or a segment but our own records, of which a report does not tell."""
    tracker.start(policy="record", watch="stdlib", report=False)
    with tracker.scope("job"):
        reader, writer = os.pipe()
        memory = SharedMemory(create=True, size=10)
        memory.close()
        stack = contextlib.ExitStack()
        stack.callback(int)
    found = {each.resource.type: len(each.held_by) for each in tracker.report().findings}
    for number in (reader, writer):
        os.close(number)
    memory.unlink()
    stack.close()
    assert found.pop("contextlib.ExitStack") > 0
    assert found == {"os.pipe": 0, "multiprocessing.shared_memory.segment": 0}
