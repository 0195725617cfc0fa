"""The independent account: what each process writes by itself of what it does, line by line, and what came of it.

A line ``begin`` comes before each call, ``done`` after it. So what is between the two may or may not have happened; all
else has to stand in the journal exactly. At a moment of its own choice a process may end itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = """
import ctypes, os, random, sys, threading, time
import lifetrack

account, seed, threads, ending = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
out = os.open(account, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
MANY = 200


class Part:
    def __init__(self, name):
        self.name = name

    def close(self):
        pass


class Other(Part):
    pass


Part = lifetrack.tracked(Part)
owners = [lifetrack.Owner(f"owner {n}") for n in range(3)]


def say(*words):
    os.write(out, (" ".join(map(str, words)) + "\\n").encode())


def make_here(name):
    return lifetrack.track(Part(name), label=name)


def make_there(name):
    return lifetrack.track(Other(name), label=name)


def release(thing):
    thing.close()


def work(number):
    chance = random.Random(seed * 100 + number)
    live = {}
    step = 0
    while True:
        step += 1
        what = chance.random()
        if not live or (what < 0.4 and len(live) < MANY):
            name = f"{number}-{step}"
            make = chance.choice((make_here, make_there))
            say("begin", "acquire", name, make.__name__)
            live[name] = make(name)
            say("done", "acquire", name, make.__name__)
        elif what < 0.75:
            name = chance.choice(list(live))
            say("begin", "release", name, "-")
            release(live.pop(name))
            say("done", "release", name, "-")
        elif what < 0.85:
            name = chance.choice(list(live))
            say("begin", "borrow", name, "-")
            with lifetrack.borrow(live[name]):
                pass
            say("done", "borrow", name, "-")
        else:
            name, owner = chance.choice(list(live)), chance.choice(owners)
            say("begin", "transfer", name, owner.name.replace(" ", "_"))
            lifetrack.transfer(live[name], to=owner)
            say("done", "transfer", name, owner.name.replace(" ", "_"))


def end():
    time.sleep(random.random() * 0.15)
    if ending == "_exit":
        os._exit(3)
    if ending == "segfault":
        ctypes.string_at(0)
    if ending == "abort":
        os.abort()


say("ready")
for each in (end, *(lambda n=n: work(n) for n in range(1, threads))):
    thread = threading.Thread(target=each, daemon=True)
    number = threads if each is end else each.__defaults__[0]
    thread.name = f"worker {number}"
    thread.start()
work(0)
"""


@dataclass
class Told:
    """What is known of one resource: where it was made, its owner, and whether it is live; and what may be besides."""

    made: str
    owner: str = "process"
    live: bool = True
    maybe_owner: str | None = None
    maybe_live: bool | None = None
    events: list[str] = field(default_factory=list)
    maybe_events: list[str] = field(default_factory=list)


@dataclass
class Account:
    """Every resource by name; those that may have come to be; how many lines there were."""

    known: dict[str, Told] = field(default_factory=dict)
    maybe: dict[str, str] = field(default_factory=dict)
    lines: int = 0


_EVENTS = {"borrow": ["borrowed", "returned"], "transfer": ["transferred"]}


def read_account(path: Path) -> Account:
    """Read an account; a last line that was cut off says nothing."""
    account = Account()
    for line in path.read_text().splitlines(keepends=True):
        words = line.split()
        if not line.endswith("\n") or len(words) != 4:
            continue
        account.lines += 1
        _take(account, *words)
    return account


def _take(account: Account, when: str, what: str, name: str, about: str) -> None:
    about = about.replace("_", " ") if what == "transfer" else about
    begins = when == "begin"
    if what == "acquire":
        if begins:
            account.maybe[name] = about
        else:
            account.known[name] = Told(account.maybe.pop(name))
        return
    told = account.known[name]
    if what == "release":
        told.maybe_live = False if begins else None
        told.live = begins
        return
    told.maybe_events = _EVENTS[what] if begins else []
    if not begins:
        told.events += _EVENTS[what]
    if what == "transfer":
        told.maybe_owner = about if begins else None
        told.owner = told.owner if begins else about
