"""Over ``os.fork`` a child inherits handles, not duties."""

from __future__ import annotations

import os

import pytest

if not hasattr(os, "fork"):
    pytest.skip("needs os.fork", allow_module_level=True)

HEAD = """
import os, sys, lifetrack
from lifetrack import Owned, Owner, borrow, transfer
@lifetrack.tracked
class Resource:
    def use(self): return 1
    def close(self): print("closed", os.getpid() == parent, flush=True)
@lifetrack.tracked(fork_safe=True)
class Safe(Resource): pass
parent = os.getpid()
lifetrack.start("LEVEL", policy="POLICY")
def tell():
    report = lifetrack.report()
    print([(f.rule, f.misuse and f.misuse.event, f.misuse and f.misuse.pid == os.getpid()) for f in report.findings],
          report.totals.acquired, report.totals.released, report.totals.live, flush=True)
def child(work):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            EXIT
    if os.waitpid(pid, 0)[1] != 0:
        print("child failed", flush=True)
"""


@pytest.fixture
def forked(run_python, tmp_path):
    """Run a program that forks; give the lines that it and its child printed."""

    def forked(program, *, policy="record", level="stacks", leave="os._exit(code)"):
        head = HEAD.replace("LEVEL", level).replace("POLICY", policy).replace("EXIT", leave)
        script = tmp_path / "program.py"
        script.write_text(head + program, encoding="utf-8")
        out, err, status = run_python(script)
        assert status == 0, err
        return out.splitlines(), err

    return forked


@pytest.mark.parametrize("leave", ["os._exit(code)", "sys.exit(code)"])
def test_the_end_of_a_child_reports_nothing_of_its_parents(forked, leave):
    """The child ends in silence, by whatever way; the parent's leak is told once, by the parent."""
    lines, err = forked("kept = Resource()\nchild(lambda: None)\ntell()", leave=leave)
    assert lines == ["[('LT101', None, None)] 1 0 1"]
    assert err.count("LT101") == 1


@pytest.mark.parametrize("level", ["sites", "stacks", "full"])
def test_use_and_release_in_the_child(forked, level):
    """Both are LT402 in the child and nothing in the parent; totals are each process's own."""
    lines, err = forked(
        """
kept, gone = Resource(), Resource()
gone.close()
def work():
    kept.use()
    kept.close()
    tell()
child(work)
tell()
kept.close()
tell()
""",
        level=level,
    )
    assert lines == [
        "closed True", "closed False", "[('LT402', 'used', True), ('LT402', 'released', True)] 0 0 0",
        "[('LT101', None, None)] 2 1 1", "closed True", "[] 2 2 0",
    ]  # fmt: skip
    assert err == ""


def test_under_raise_the_child_is_refused(forked):
    """The release of what was inherited raises and does not run."""
    lines, _ = forked(
        """
kept = Resource()
def work():
    for step in (kept.use, kept.close):
        try:
            step()
        except lifetrack.OwnershipError as error:
            print(str(error)[:5], error.finding.misuse.event, flush=True)
child(work)
kept.close()
""",
        policy="raise",
    )
    assert lines == ["LT402 used", "LT402 released", "closed True"]


def test_owners_and_handles_in_the_child(forked):
    """What a child's copy of an owner or a handle closes is inherited all the same."""
    lines, _ = forked(
        """
pool = Owner("pool")
transfer(Resource(), to=pool)
handle = Owned(Resource())
def work():
    pool.close()
    handle.release()
    tell()
child(work)
pool.close()
handle.release()
tell()
"""
    )
    assert lines == [
        "closed False", "closed False", "[('LT402', 'released', True), ('LT402', 'released', True)] 0 0 0",
        "closed True", "closed True", "[] 2 2 0",
    ]  # fmt: skip


def test_what_is_fork_safe_and_what_is_the_childs_own(forked):
    """Fork-safe resources may be used and released; what the child acquires it releases, or leaks by itself."""
    lines, _ = forked(
        """
safe, kept = Safe(), Resource()
def work():
    safe.use()
    safe.close()
    own = Resource()
    own.use()
    with Owner("child's") as owner:
        transfer(own, to=owner)
    tell()
    own = Resource()
    tell()
child(work)
safe.close()
kept.close()
tell()
""",
        policy="raise",
    )
    assert lines == [
        "closed False", "closed False", "[] 1 1 0", "[('LT101', None, None)] 2 1 1",
        "closed True", "closed True", "[] 2 2 0",
    ]  # fmt: skip


def test_a_scope_that_is_open_while_forking(forked):
    """A child that leaves its parent's scope leaks nothing of the parent's; the parent judges it once."""
    lines, _ = forked(
        """
with lifetrack.scope("job"):
    kept = Resource()
    pid = os.fork()
if pid == 0:
    tell()
    os._exit(0)
os.waitpid(pid, 0)
tell()
"""
    )
    assert lines == ["[] 0 0 0", "[('LT103', None, None)] 1 0 1"]
