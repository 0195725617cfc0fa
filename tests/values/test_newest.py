"""The newest keys of a dictionary, while other threads change it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lifetrack.values.newest import newest, since

CHECKOUT = Path(__file__).resolve().parents[2]

#: A dictionary that was large and is small again keeps its place for many until the next one is put in.
CHANGING = """
import sys, threading, time

END = time.monotonic() + 0.7
sys.setswitchinterval(1e-6)

def in_threads(*functions):
    def repeat(function):
        while time.monotonic() < END:
            function()
    threads = [threading.Thread(target=repeat, args=(each,)) for each in functions for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

PLAIN = """
from lifetrack.values.newest import newest, since

changing = {}

def change():
    me = threading.get_ident() << 40
    for number in range(me, me + 20000):
        changing[number] = [number]
    for number in range(me, me + 20000):
        del changing[number]
    for number in range(me, me + 3000):
        changing[number] = [number]
        del changing[number]

def ask():
    newest(changing)
    since(changing, -1)

in_threads(change, ask)
"""

#: The ledger is interrupted after each step by what another thread might do: at one of them it is made smaller.
STEPS = '''
import sys
import lifetrack

@lifetrack.tracked
class Thing:
    def close(self):
        pass

def change(number):
    for thing in [Thing() for _ in range(number)]:
        thing.close()

def full(least):
    """Give how many items fit into a dictionary, beyond a number, before it is made anew."""
    sample, size = {}, 0
    while len(sample) <= least or sys.getsizeof(sample) == size:
        size = sys.getsizeof(sample)
        sample[len(sample)] = None
    return len(sample) - 1

def churn():
    for _ in range(10):
        Thing().close()

def step(frame, event, argument):
    if event == "line" and frame.f_code.co_filename.endswith(("ledger.py", "owners.py")):
        churn()
    return step

lifetrack.start(policy="record", report=False)
for owned in (False, True):
    pool = lifetrack.Owner("pool")
    kept = [Thing() for _ in range(10)]
    for thing in kept if owned else ():
        lifetrack.transfer(thing, to=pool)
    change(full(150_000) - 150)
    scope = lifetrack.scope("outer").__enter__()
    change(40)
    open_there = Thing()
    sys.settrace(step)
    scope.__exit__(None, None, None)
    pool.close()
    sys.settrace(None)
    for thing in () if owned else kept:
        thing.close()
found = [finding.rule for finding in lifetrack.find_leaks()]
print(found.count("LT103"))
'''


def test_in_order() -> None:
    """The newest first; all of them where the mark is gone; nothing of an empty one."""
    keys = dict.fromkeys([3, -1, 7, 5])
    assert newest(keys) == 5
    assert since(keys, -1) == [5, 7]
    assert since(keys, 5) == []
    assert since(keys, 4) == [5, 7, -1, 3]
    assert (newest({}), since({}, 1)) == (None, [])


def run(code: str) -> tuple[int, str, str]:
    """Run it as a process of its own, which may not survive; give its status and what it wrote."""
    command = [sys.executable, "-X", "faulthandler", "-c", code]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def test_while_others_change_it() -> None:
    """The interpreter does not survive a reverse iterator of a dictionary that was made smaller meanwhile."""
    assert run(CHANGING + PLAIN) == (0, "", "")


def test_a_scope_ends_while_others_release() -> None:
    """Between two steps another thread may have acquired and released so much that the ledger is made smaller."""
    assert run(STEPS) == (0, "2\n", "")
