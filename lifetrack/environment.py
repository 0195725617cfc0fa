"""Starting from the environment: ``LIFETRACK=<level>``, and in a child of a followed program."""

from __future__ import annotations

import os
import sys

from lifetrack.journal.plans import SIZE_VARIABLE as JOURNAL_SIZE
from lifetrack.journal.plans import VARIABLE as JOURNAL
from lifetrack.start_heap import put_aside
from lifetrack.tracker import default_tracker
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from lifetrack.values.settings import parse_policy
from lifetrack.watchers.watching import check_names

#: The variables that ask for a service, and the options that they stand for.
_SERVICE = {
    f"LIFETRACK_{option.upper()}": option
    for option in ("dump_signal", "dump_to", "held_limits", "live_limits", "growth_every", "check_every", "sinks")
}
#: What else is read here, unless ``lifetrack run`` or pytest reads it: both have settings that go before these.
_PLAIN = {"LIFETRACK_POLICY": "policy", "LIFETRACK_WATCH": "watch"}
#: What ``multiprocessing`` and loky start for themselves: no program of anybody's. The second one forks the workers.
_TRACKER, _SERVER = ".resource_tracker import main", "multiprocessing.forkserver"


def start_from_environment() -> None:
    """Start the default tracker at the level that ``LIFETRACK`` names, with what other variables ask for.

    A bad value is one clear line, and none starts.
    """
    name = "LIFETRACK"
    given: dict[str, object] = {}
    try:
        for variable in [each for each in os.environ if each in _SERVICE]:
            from lifetrack.service.options import READERS

            name, option = variable, _SERVICE[variable]
            given[option] = READERS[option](os.environ[variable])
        for variable in _plain():
            name, option = variable, _PLAIN[variable]
            given[option] = (parse_policy if option == "policy" else check_names)(os.environ[variable])
        name = "LIFETRACK"
        path, size = os.environ.get(JOURNAL) or None, os.environ.get(JOURNAL_SIZE) or None
        default_tracker().start(os.environ[name], journal=path, journal_size=size, **given)  # type: ignore[arg-type]
    except (ConfigurationError, MissingExtraError) as error:
        if name == "LIFETRACK" and (_is_ours() or "_pytest" in sys.modules):
            return  # they read it themselves, and say so
        sys.stderr.write(f"lifetrack: error: environment variable {_named(error, name)}: {error}\n")


def _plain() -> list[str]:
    found = [each for each in _PLAIN if os.environ.get(each)]
    return [] if not found or "_pytest" in sys.modules or _is_ours() else found


def _named(error: Exception, name: str) -> str:
    text = str(error)
    if text.startswith("journal size"):
        return JOURNAL_SIZE
    return JOURNAL if text.startswith("journal ") else name


def begin_in_child() -> None:
    """Track a process that a followed program has started, as that one's orders say.

    Does nothing where the run is over, where the folder is not its user's alone, and in another ``lifetrack run``.
    """
    from lifetrack.children.exchange import Exchange
    from lifetrack.children.following import VARIABLE, Following

    exchange = Exchange(os.environ[VARIABLE])
    program = _program()
    if _TRACKER in program or _is_ours() or not exchange.is_sound():
        return
    tracker = default_tracker()
    try:
        orders = exchange.orders()
        following = Following(exchange, tracker.company.reporter, tracker.disown)
        settings = orders.settings
        tracker.start(
            settings.level,
            policy=settings.policy,
            watch=orders.watch,
            report=False,
            frames=settings.frames,
            journal=orders.journal,
        )
    except ConfigurationError:
        return  # the folder was taken away in this moment
    tracker.company.join(following)
    if _SERVER not in program:
        following.begin()
    put_aside()


def _program() -> str:
    """Give the text of a program that was handed over by ``-c``."""
    words = sys.orig_argv
    return words[words.index("-c") + 1] if "-c" in words[:-1] else ""


def _is_ours() -> bool:
    words = sys.orig_argv[1:]
    if "-m" in words[:-1]:
        return words[words.index("-m") + 1].partition(".")[0] == "lifetrack"
    return any(os.path.basename(word) in {"lifetrack", "lifetrack.exe"} for word in words[:3])
