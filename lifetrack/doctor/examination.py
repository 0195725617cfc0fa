"""The examination: a child process leaks one thing after the other, and this process hears what became of each."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

from lifetrack.doctor import launch
from lifetrack.doctor.children import followed
from lifetrack.doctor.outcomes import MISSED, PASSED_OVER, Outcome
from lifetrack.doctor.peers import peers
from lifetrack.doctor.trials import Trial, all_trials
from lifetrack.values.settings import Level
from lifetrack.watchers.table import STDLIB

#: For how many seconds one thing may be tried; it takes a tenth of one as a rule.
PATIENCE = 30.0


def examine(level: Level, names: tuple[str, ...] = ()) -> list[Outcome]:
    """Try everything that these watch names stand for, in the order of the table; everything there is, if none.

    Raises OSError where no child process can be started.
    """
    trials = all_trials(names)
    with ThreadPoolExecutor(1) as beside:
        children = None if names and STDLIB not in names else beside.submit(followed, level)
        told = _told(trials, {"level": level.word, "names": names})
        return told if children is None else [*told, *children.result()]


def _told(trials: Sequence[Trial], orders: dict[str, Any]) -> list[Outcome]:
    """Try these; a child that is lost is followed by another one, which goes on after what the first was at."""
    outcomes = {number: reason for number, trial in enumerate(trials) if (reason := _not_here(trial)) is not None}
    with peers() as ports:
        while rest := [number for number in range(len(trials)) if number not in outcomes]:
            for number, verdict, words in _heard({**orders, "numbers": rest, "peers": ports}, rest):
                outcomes[number] = _outcome(trials[number], verdict, words)
    return [outcomes[number] for number in range(len(trials))]


def _outcome(trial: Trial, verdict: str, words: str) -> Outcome:
    return Outcome(trial.group, trial.name, verdict, words)


def _not_here(trial: Trial) -> Outcome | None:
    """Say why something need not be tried; None if it is to be tried."""
    if trial.text is None:
        return _outcome(trial, MISSED, "it has no specimen: its row needs one")
    if trial.row is None:
        return None
    top = trial.module.partition(".")[0]
    if top not in sys.stdlib_module_names:  # of which nothing is imported here: that is the child's to do
        return _outcome(trial, PASSED_OVER, f"{top} is not installed") if _is_missing(top) else None
    if _is_missing(trial.module):
        return _outcome(trial, PASSED_OVER, f"there is no module {trial.module}")
    return None


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except (ImportError, ValueError):  # its package is not there, or has taken itself out
        return True


def _heard(orders: dict[str, Any], numbers: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    """Let one child do what it is told; when it is lost or gets stuck, the thing that it was at is missed."""
    with subprocess.Popen(  # noqa: S603 - this Python, with a program of ours
        launch.command("from lifetrack.doctor.patient import main; main()"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=launch.environment(), text=True,
    ) as child:  # fmt: skip
        said: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=_listen, args=(child, said), daemon=True)
        reader.start()
        try:
            _tell(child, json.dumps(orders))
            yield from _answers(child, said, numbers)
        finally:
            child.kill()
            reader.join()


def _tell(child: subprocess.Popen[str], words: str) -> None:
    try:
        if child.stdin is not None:
            child.stdin.write(f"{words}\n")
            child.stdin.close()
    except OSError:  # it has gone already; that is told below
        pass


def _listen(child: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    for line in child.stdout or ():
        said.put(line)
    said.put("")


def _answers(
    child: subprocess.Popen[str], said: queue.Queue[str], numbers: Sequence[int]
) -> Iterator[tuple[int, str, str]]:
    current, answered = numbers[0], 0
    while answered < len(numbers):
        try:
            line = said.get(timeout=PATIENCE)
        except queue.Empty:
            yield current, MISSED, f"it did not end within {PATIENCE:.0f} seconds"
            return
        if not line:
            yield current, MISSED, f"the process that tried it was lost (status {child.wait()})"
            return
        number, *rest = json.loads(line)
        current = number
        if rest:
            verdict, words = rest
            answered += 1
            yield number, verdict, words
