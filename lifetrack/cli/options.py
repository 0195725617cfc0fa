"""The options of ``lifetrack run``, all validated before the program starts."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace

from lifetrack.cli.bad_usage import Parser
from lifetrack.cli.program import CODE, MODULE, SCRIPT, Program, find_program
from lifetrack.journal.plans import SIZE_VARIABLE, VARIABLE, JournalPlan, plan_of
from lifetrack.reports.files import check_writable
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Certainty
from lifetrack.values.settings import Level, Policy, parse_fail_on, parse_level, parse_policy

_USAGE = "lifetrack run [OPTION]... (SCRIPT | -m MODULE | -c CODE) [ARGS...]"
_ABOUT = """Runs a program as Python would and reports on standard error when it ends. The exit status is the
program's own. What follows SCRIPT, MODULE or CODE belongs to the program."""
_WITH_VALUE = (
    "--level",
    "--policy",
    "--watch",
    "--report",
    "--fail-on",
    "--error-exitcode",
    "--journal",
    "--journal-size",
)
_KINDS = {"-m": (MODULE, "MODULE"), "-c": (CODE, "CODE")}
_MAX_STATUS = 255


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
    journal: JournalPlan | None


def parse_run(arguments: list[str]) -> RunOptions:
    """Give what the arguments ask for; raise ConfigurationError or SystemExit for bad usage."""
    own, kind, rest = _split(arguments)
    options = _parser().parse_args(own)
    level = parse_level(options.level)
    policy = parse_policy(options.policy, default="record")
    fail_on = parse_fail_on(options.fail_on)
    error_exitcode = _status(options.error_exitcode)
    for path in options.report:
        check_writable(path)
    return RunOptions(
        program=_program(kind, rest),
        level=level,
        policy=policy,
        watch=tuple(name.strip() for name in options.watch.split(",") if name.strip()),
        # Absolute, because the program may change its directory.
        reports=tuple(os.path.abspath(path) for path in options.report),
        fail_on=fail_on,
        error_exitcode=error_exitcode,
        children=options.children,
        witness=options.witness,
        journal=_journal(options, kind, rest),
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


def _journal(options: argparse.Namespace, kind: str, words: list[str]) -> JournalPlan | None:
    path = options.journal or os.environ.get(VARIABLE)
    if not path:
        return None
    plan = plan_of(path, options.journal_size or os.environ.get(SIZE_VARIABLE) or None)
    flag = {MODULE: ("-m",), CODE: ("-c",)}.get(kind, ())
    return replace(plan, command=(*flag, *(words if kind != CODE else words[1:])))


def _status(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_STATUS):
        raise ConfigurationError(f"--error-exitcode {text!r}: use a whole number from 0 to {_MAX_STATUS}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("lifetrack run", _ABOUT, _USAGE)
    add = parser.add_argument
    add("--level", default="stacks", metavar="L", help="off, counts, sites, stacks (default) or full")
    add("--policy", default="record", metavar="P", help="raise, warn, record (default), or LT202=record,*=raise")
    add("--watch", default="stdlib", metavar="LIST", help="what to watch, comma separated (default: stdlib)")
    add("--report", action="append", default=[], metavar="FILE", help="write a report too, .json or .txt; repeatable")
    add("--fail-on", default="proven", metavar="C", help="proven (default), suspected, hint or never")
    add("--error-exitcode", metavar="N", help="exit with N if there is a finding at or above --fail-on")
    add("--journal", metavar="FILE", help="keep every event in this file as it happens, for 'show' after a crash")
    add("--journal-size", metavar="N", help="the most bytes of one journal, such as 64M (default: 16M)")
    add("--children", action="store_true", help="follow child processes too, and merge their reports into this one")
    add("--witness", action="store_true", help="ask the operating system, too, what is left open; needs psutil")
    return parser
