"""The command ``lifetrack``, also as ``python -m lifetrack``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from lifetrack.cli.bad_usage import BAD_USAGE, complain
from lifetrack.cli.printing import print_text
from lifetrack.values.errors import ConfigurationError, MissingExtraError

_USAGE = """lifetrack run [OPTION]... (SCRIPT | -m MODULE | -c CODE) [ARGS...]
       lifetrack show FILE [--format FORMAT] [-o OUT]
       lifetrack diff OLD NEW [--format text|json] [-o OUT]
       lifetrack merge FILE... -o OUT
       lifetrack top PID|FILE [--once] [--interval SECONDS]
       lifetrack rules [LTnnn]
       lifetrack doctor [--level L] [--watch LIST]
       lifetrack --version"""
_NO_COMMAND = "a command is needed: run, show, diff, merge, top, rules or doctor"
_ABOUT = """Tells which resources a program does not release, or misuses: files, sockets, plugins, ...

commands:
  run     run a program and report on standard error when it ends
  show    print a stored report or a journal, or turn it into another format
  diff    tell what is new, gone and grown between two reports or journals
  merge   make one report of several
  top     show what a running program holds, from its journal
  rules   list the rules, or explain one
  doctor  leak one resource of each kind, and tell whether each is caught here

'lifetrack COMMAND --help' tells more about one."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv``, by default the process's own, and give the exit status.

    Raises SystemExit as argparse does, and for ``run`` whatever the program raises.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    command = arguments[0] if arguments else ""
    try:
        if command == "doctor":
            return _doctor(arguments[1:])
        if command == "diff":
            return _diff(arguments[1:])
        if command != "run":
            return _status(_other(command, arguments))
        program = _prepared(arguments[1:])
    except (ConfigurationError, MissingExtraError) as error:
        complain(str(error))
        return BAD_USAGE
    return program()  # whatever that raises is the program's


def _prepared(arguments: list[str]) -> Callable[[], int]:
    from lifetrack.values.collector import without_collector

    with without_collector():
        from lifetrack.cli.options import parse_run

        options = parse_run(arguments)
        from lifetrack.cli.run import prepare

        return prepare(options)


def _other(command: str, arguments: list[str]) -> bool:
    if command == "show":
        return _show(arguments[1:])
    if command == "merge":
        return _merge(arguments[1:])
    if command == "top":
        return _top(arguments[1:])
    if command == "rules":
        return _rules(arguments[1:])
    if command == "--version" and len(arguments) == 1:
        return print_text(f"lifetrack {_version()}\n")
    from lifetrack.cli.parser import Parser

    parser = Parser("lifetrack", _ABOUT, _USAGE)
    if command not in ("-h", "--help"):
        unknown = f"unknown command {command!r}: use run, show, diff, merge, top, rules or doctor"
        parser.error(unknown if command else _NO_COMMAND)
    return print_text(parser.format_help())


def _show(arguments: list[str]) -> bool:
    from lifetrack.cli.parser import Parser
    from lifetrack.cli.show import show
    from lifetrack.reports.forms import NAMES

    parser = Parser(
        "lifetrack show",
        "Prints a report that 'lifetrack run --report FILE.json' wrote, or the journal of '--journal FILE'.",
    )
    parser.add_argument("file", metavar="FILE", help="the report or journal")
    parser.add_argument("--format", metavar="FORMAT", help=f"{', '.join(NAMES)}; by the ending of OUT, else text")
    parser.add_argument("-o", dest="out", metavar="OUT", help="write to this file instead of standard output")
    options = parser.parse_args(arguments)
    return show(options.file, options.format, options.out)


def _diff(arguments: list[str]) -> int:
    from lifetrack.cli.diff import diff
    from lifetrack.cli.parser import Parser

    parser = Parser("lifetrack diff", "Tells what is new, gone and grown between two reports.")
    parser.add_argument("old", metavar="OLD", help="the earlier report")
    parser.add_argument("new", metavar="NEW", help="the later report")
    parser.add_argument("--format", metavar="text|json", help="text unless OUT ends in .json")
    parser.add_argument("-o", dest="out", metavar="OUT", help="write to this file instead of standard output")
    parser.add_argument("--fail-on", metavar="C", default="proven", help="proven (default), suspected, hint or never")
    parser.add_argument("--error-exitcode", metavar="N", help="exit with N if such a finding is new or has grown")
    given = parser.parse_args(arguments)
    read, status = diff(given.old, given.new, given.format, given.out, given.fail_on, given.error_exitcode)
    return status or _status(read)


def _merge(arguments: list[str]) -> bool:
    from lifetrack.cli.merge import merge
    from lifetrack.cli.parser import Parser

    parser = Parser("lifetrack merge", "Makes one report of several reports or journals.")
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a report or journal; the first is about the main process"
    )
    parser.add_argument(
        "-o", dest="out", metavar="OUT", required=True, help="write to this file, in the form that its ending names"
    )
    options = parser.parse_args(arguments)
    return merge(options.files, options.out)


def _top(arguments: list[str]) -> bool:
    from lifetrack.cli.parser import Parser
    from lifetrack.cli.top import parse_interval, top

    parser = Parser("lifetrack top", "Shows what a running program holds, from its journal; Ctrl-C ends it.")
    parser.add_argument("subject", metavar="PID|FILE", help="a process that writes a journal, or a journal")
    parser.add_argument("--once", action="store_true", help="show it once, as plain text")
    parser.add_argument("--interval", metavar="SECONDS", default="1", help="how often to look (default: 1)")
    options = parser.parse_args(arguments)
    return top(options.subject, once=options.once, interval=parse_interval(options.interval))


def _rules(arguments: list[str]) -> bool:
    from lifetrack.cli.parser import Parser
    from lifetrack.cli.rules import explain_rule, list_rules

    parser = Parser("lifetrack rules", "Lists the rules, or explains one.")
    parser.add_argument("rule", metavar="LTnnn", nargs="?", help="a rule's id or name")
    options = parser.parse_args(arguments)
    return print_text(list_rules() if options.rule is None else explain_rule(options.rule))


def _doctor(arguments: list[str]) -> int:
    from lifetrack.cli.doctor import doctor
    from lifetrack.cli.parser import Parser

    parser = Parser(
        "lifetrack doctor",
        "Leaks one resource of each watched kind in a child process, and tells whether each is caught here: 1 if not.",
    )
    parser.add_argument("--level", default="stacks", metavar="L", help="sites, stacks (default) or full")
    parser.add_argument("--watch", default="", metavar="LIST", help="only these names, comma separated (default: all)")
    options = parser.parse_args(arguments)
    all_caught, read = doctor(options.level, options.watch, _version())
    return _status(read) if all_caught else 1


def _status(read: bool) -> int:
    if read:
        return 0
    # Nobody reads any more. What is still buffered goes nowhere, or the interpreter would complain about it at exit.
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass
    return 1


def _version() -> str:
    known = getattr(sys.modules["lifetrack"], "__version__", None)
    if isinstance(known, str):
        return known
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lifetrack")
    except PackageNotFoundError:
        return "of an unknown version"
