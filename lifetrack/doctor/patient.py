"""The process in which things are leaked: it runs the specimens one after the other, and says what became of each.

It reads its orders, one line of JSON, from standard input, and writes one line for each trial: once when it begins and
once when it is over, so that whoever waits knows which one has taken the process with it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from lifetrack.doctor.outcomes import CAUGHT, MISSED, PASSED_OVER
from lifetrack.doctor.trials import Trial, all_trials
from lifetrack.tracker import Tracker, default_tracker
from lifetrack.values.errors import MissingExtraError
from lifetrack.values.findings import Finding
from lifetrack.watchers.table import KNOWN

Said = tuple[str, str]


class UntriedError(Exception):
    """Something cannot be tried here; the text says why."""


def main() -> None:
    """Do what the orders say."""
    warnings.simplefilter("ignore")  # the interpreter's own ones about what is leaked here
    orders = json.loads(sys.stdin.readline())
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    tracker = default_tracker()
    tracker.start(orders["level"], policy="record", watch=KNOWN, report=False)
    trials = all_trials(tuple(orders["names"]))
    with tempfile.TemporaryDirectory(prefix="lifetrack-doctor-") as folder:
        for number in orders["numbers"]:
            _say(out, number)
            _say(out, number, *_tried(tracker, trials[number], os.path.join(folder, str(number)), orders["peers"]))


def _say(out: TextIO, *words: object) -> None:
    out.write(json.dumps(words) + "\n")
    out.flush()


def _tried(tracker: Tracker, trial: Trial, folder: str, peers: dict[str, int]) -> Said:
    """Try one thing; what it raises is told, and never ends the examination."""
    try:
        said = _leaked(tracker, trial, f"{folder}-leak", peers)
        if said[0] == CAUGHT and trial.is_released():
            return _released(tracker, trial, f"{folder}-release", peers) or said
        return said
    except UntriedError as reason:
        return PASSED_OVER, str(reason)
    except ModuleNotFoundError as error:
        return PASSED_OVER, f"there is no module {error.name}"
    except MissingExtraError as error:
        return PASSED_OVER, str(error)
    except OSError as error:
        return PASSED_OVER, f"the system refuses it: {error.strerror or type(error).__name__}"
    except Exception as error:
        return MISSED, f"its specimen does not run here: {type(error).__name__}: {error}"


class _Specimen:
    """The program of a trial in a folder of its own."""

    def __init__(self, trial: Trial, folder: str, peers: dict[str, int]) -> None:
        os.mkdir(folder)
        self.file = os.path.join(folder, "specimen.py")
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(trial.text or "")
        self._leak, self._release = (compile(part, self.file, "exec") for part in trial.parts())
        self.names: dict[str, Any] = {
            "__name__": "specimen", "__file__": self.file, "folder": folder, "path": os.path.join(folder, "file"),
            "peers": peers, "untried": _untried,
        }  # fmt: skip

    def leak(self) -> None:
        exec(self._leak, self.names)  # noqa: S102 - a program of our own, or of who brings a row

    def release(self) -> None:
        exec(self._release, self.names)  # noqa: S102 - as above


def _untried(reason: str) -> None:
    raise UntriedError(reason)


def _leaked(tracker: Tracker, trial: Trial, folder: str, peers: dict[str, int]) -> Said:
    """Leak it in a scope, which must tell of it, and at the right line."""
    specimen = _Specimen(trial, folder, peers)
    with tracker.scope(trial.name, witness=trial.witness) as scope:
        specimen.leak()
    findings = tracker.find_leaks(scope=scope) if trial.row is not None else list(tracker.report().findings)
    specimen.release()
    wanted = _wanted(tracker, trial, findings)
    hit = next((found for found in wanted if _is_at(found, specimen.file, trial.line())), None)
    if hit is not None:
        return CAUGHT, f"{hit.rule} {hit.resource.type}"
    if wanted:
        return MISSED, f"{wanted[0].rule} was found, but not at the line that leaked it"
    return MISSED, "nothing was found" if not findings else f"{findings[0].rule} was found of something else only"


def _released(tracker: Tracker, trial: Trial, folder: str, peers: dict[str, int]) -> Said | None:
    """Release it in its scope: nothing may be told of it then. Give what was wrong."""
    specimen = _Specimen(trial, folder, peers)
    with tracker.scope(trial.name) as scope:
        specimen.leak()
        specimen.release()
    told = _wanted(tracker, trial, tracker.find_leaks(scope=scope))
    return (MISSED, f"it is told as {told[0].rule} though it was released") if told else None


def _types(tracker: Tracker, trial: Trial) -> list[str]:
    """Give the types that a row has recorded so far."""
    ledger = tracker.ledger
    kinds = () if ledger is None or trial.row is None else ledger.kinds
    declaration = None if trial.row is None else trial.row.declaration
    return list(dict.fromkeys(kind.type_name for kind in kinds if kind.declaration is declaration and kind.acquired))


def _wanted(tracker: Tracker, trial: Trial, findings: Iterable[Finding]) -> list[Finding]:
    """Give the findings, and what stands below them, that are about what was tried."""
    if trial.row is None:
        return [found for found in _all(findings) if found.rule == trial.rule]
    types = _types(tracker, trial)
    return [found for found in _all(findings) if found.resource.type in types]


def _all(findings: Iterable[Finding]) -> Iterator[Finding]:
    for found in findings:
        yield found
        yield from _all(found.children)


def _is_at(found: Finding, file: str, line: int | None) -> bool:
    """Whether a finding names this line: of a leak the acquisition, of a misuse any of its events."""
    sites = [found.site] if found.is_leak else [event.stack[0] for event in found.events if event.stack]
    return line is None or any(site is not None and (site.file, site.line) == (file, line) for site in sites)
