"""The independent account: what each process writes by itself of what it does, line by line, and what came of it.

A line ``begin`` comes before each call, ``done`` after it. So what is between the two may or may not have happened; all
else has to stand in the journal exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = """
import os, random, sys, threading
import lifetrack

account, seed, threads, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
out = os.open(account, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


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


def work(number):
    chance = random.Random(seed * 100 + number)
    live = {}
    step = 0
    while step < limit:
        step += 1
        what = chance.random()
        if what < 0.55 or not live:
            name = f"{number}-{step}"
            make = chance.choice((make_here, make_there))
            say("begin", "acquire", name, make.__name__)
            live[name] = make(name)
            say("done", "acquire", name, make.__name__)
        elif what < 0.85:
            name = chance.choice(list(live))
            say("begin", "release", name, "-")
            live.pop(name).close()
            say("done", "release", name, "-")
        else:
            name, owner = chance.choice(list(live)), chance.choice(owners)
            say("begin", "transfer", name, owner.name.replace(" ", "_"))
            lifetrack.transfer(live[name], to=owner)
            say("done", "transfer", name, owner.name.replace(" ", "_"))


say("ready")
others = [threading.Thread(target=work, args=(n,), name=f"worker {n}") for n in range(1, threads)]
for each in others:
    each.start()
work(0)
for each in others:
    each.join()
say("over")
os._exit(0)
"""


@dataclass
class Told:
    """What is known of one resource: where it was made, its owner, and whether it is live; and what may be besides."""

    made: str
    owner: str = "process"
    live: bool = True
    maybe_owner: str | None = None
    maybe_live: bool | None = None


@dataclass
class Account:
    """Every resource by name; those that may have come to be; how many lines there were."""

    known: dict[str, Told] = field(default_factory=dict)
    maybe: dict[str, str] = field(default_factory=dict)
    lines: int = 0


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
    if what == "acquire":
        if when == "begin":
            account.maybe[name] = about
        else:
            account.known[name] = Told(account.maybe.pop(name))
        return
    told = account.known[name]
    if what == "release":
        told.maybe_live = False if when == "begin" else None
        told.live = when == "begin"
    else:
        told.maybe_owner = about if when == "begin" else None
        told.owner = told.owner if when == "begin" else about
