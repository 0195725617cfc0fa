"""The options of ``lifetrack run``, all validated before the program starts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lifetrack.cli.program import CODE, MODULE, SCRIPT, Program, find_program
from lifetrack.configuration import RUN, SERVICE, SETTINGS, checked, find_table, from_environment, from_table
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Certainty
from lifetrack.values.making import dataclass
from lifetrack.values.settings import Level, Policy, parse_policy

if TYPE_CHECKING:
    import argparse

    from lifetrack.journal.plans import JournalPlan

_USAGE = "lifetrack run [OPTION]... (SCRIPT | -m MODULE | -c CODE) [ARGS...]"
_ABOUT = """Runs a program as Python would and reports on standard error when it ends. The exit status is the
program's own. What follows SCRIPT, MODULE or CODE belongs to the program."""
_WITH_VALUE = (
    "--level", "--policy", "--watch", "--report", "--fail-on", "--error-exitcode", "--journal", "--journal-size",
    *(f"--{name.replace('_', '-')}" for name in SERVICE),
)  # fmt: skip
_SWITCHES = ("--children", "--witness")
_KINDS = {"-m": (MODULE, "MODULE"), "-c": (CODE, "CODE")}
_DEFAULTS: dict[str, Any] = {
    "level": Level.STACKS,
    "policy": parse_policy("record"),
    "watch": ("stdlib",),
    "report": (),
    "fail_on": Certainty.PROVEN,
    "error_exitcode": None,
    "children": False,
    "witness": False,
    "journal": None,
    "journal_size": None,
}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What ``lifetrack run`` was asked to do, validated; ``reports`` are absolute paths."""

    program: Program
    level: Level
    policy: Policy
    watch: tuple[str, ...]
    reports: tuple[str, ...]
    fail_on: Certainty | None
    error_exitcode: int | None
    children: bool
    witness: bool
    service: dict[str, Any]
    journal: JournalPlan | None


def parse_run(arguments: list[str]) -> RunOptions:
    """Give what the arguments ask for; raise ConfigurationError or SystemExit for bad usage."""
    own, kind, rest = _split(arguments)
    written = {**from_table(find_table(os.getcwd()), RUN), **from_environment(RUN)}
    settings = {**_DEFAULTS, **written, **checked(_given(own), _flag, os.getcwd(), RUN)}
    return RunOptions(
        program=_program(kind, rest),
        level=settings["level"],
        policy=settings["policy"],
        watch=settings["watch"],
        reports=settings["report"],
        fail_on=settings["fail_on"],
        error_exitcode=settings["error_exitcode"],
        children=settings["children"],
        witness=settings["witness"],
        service={name: settings[name] for name in SERVICE if name in settings},
        journal=_journal(settings["journal"], settings["journal_size"], kind, rest),
    )


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """Part our own options from the program: its kind, and its name with its arguments (empty: none is given)."""
    own: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return own, SCRIPT, rest
        if word[:2] in _KINDS:  # also in one word, as in -mtimeit
            kind, what = _KINDS[word[:2]]
            program = [word[2:], *rest] if word[2:] else rest
            if not program:
                raise ConfigurationError(f"{word} needs its {what}")
            return own, kind, program
        if not word.startswith("-"):
            return own, SCRIPT, [word, *rest]
        if word in _WITH_VALUE and rest:
            word = f"{word}={rest.pop(0)}"
        own.append(word)
    return own, SCRIPT, []


def _program(kind: str, words: list[str]) -> Program:
    if not words:
        raise ConfigurationError("nothing to run: give a SCRIPT, -m MODULE or -c CODE")
    return find_program(kind, words[0], tuple(words[1:]))


def _journal(plan: JournalPlan | None, size: int | None, kind: str, words: list[str]) -> JournalPlan | None:
    if plan is None:
        return None
    flag = {MODULE: ("-m",), CODE: ("-c",)}.get(kind, ())
    return replace(plan, bound=size or plan.bound, command=(*flag, *(words if kind != CODE else words[1:])))


def _given(own: list[str]) -> dict[str, object]:
    """Give what stands on the command line, which goes before everything that is written elsewhere."""
    plain = _given_plainly(own)
    options = vars(_parser().parse_args(own)) if plain is None else plain
    return {name: value for name, value in options.items() if name in SETTINGS[RUN] and value is not None}


def _given_plainly(own: list[str]) -> dict[str, object] | None:
    """Read options that are written out, which needs no parser; None where there are others, or wrong ones."""
    found: dict[str, object] = {}
    reports: list[str] = []
    for word in own:
        flag, given, value = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if not given and flag in _SWITCHES:
            found[name] = True
        elif not value or flag not in _WITH_VALUE:
            return None
        elif name == "report":
            reports.append(value)
        else:
            found[name] = value
    return {**found, "report": reports} if reports else found


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parser() -> argparse.ArgumentParser:
    from lifetrack.cli.parser import Parser

    parser = Parser("lifetrack run", _ABOUT, _USAGE)
    add = parser.add_argument
    add("--level", metavar="L", help="off, counts, sites, stacks (default) or full")
    add("--policy", metavar="P", help="raise, warn, record (default), or LT202=record,*=raise")
    add("--watch", metavar="LIST", help="what to watch, comma separated (default: stdlib)")
    add(
        "--report",
        action="append",
        metavar="FILE",
        help="write a report too, by its ending: .json, .txt, .html, .dot, .svg, .trace.json, .sarif; repeatable",
    )
    add("--fail-on", metavar="C", help="proven (default), suspected, hint or never")
    add("--error-exitcode", metavar="N", help="exit with N if there is a finding at or above --fail-on")
    add("--journal", metavar="FILE", help="keep every event in this file as it happens, for 'show' after a crash")
    add("--journal-size", metavar="N", help="the most bytes of one journal, such as 64M (default: 16M)")
    add(
        "--children",
        action="store_true",
        default=None,
        help="follow child processes too, and merge their reports into this one",
    )
    add(
        "--witness",
        action="store_true",
        default=None,
        help="ask the operating system, too, what is left open; needs psutil",
    )
    _add_service(parser)
    return parser


def _add_service(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dump-signal", metavar="SIG", help="report when this signal comes, such as SIGUSR2, and go on")
    add("--dump-to", metavar="FILE", help="where such reports go; {pid} and {number} are filled in (default: stderr)")
    add("--held-limits", metavar="LIST", help="seconds by type, as app.Session=5,app.*=60: beyond is LT108")
    add("--live-limits", metavar="LIST", help="how many may be live, by type, as app.Session=100: beyond is LT107")
    add("--growth-every", metavar="S", help="count every S seconds, and report places that keep growing (LT107)")
    add("--check-every", metavar="S", help="look at limits every S seconds (default: as the limits need)")
    add("--sinks", metavar="LIST", help="logging, otel[:URL], prometheus[:PORT]: who is told while the program runs")
