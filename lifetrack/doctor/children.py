"""Whether child processes are followed here: a program that leaks in each sort of child, run with ``--children``."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import Any

from lifetrack.doctor import launch
from lifetrack.doctor.outcomes import CAUGHT, MISSED, PASSED_OVER, Outcome
from lifetrack.values.settings import Level

_GROUP, _PATIENCE = "children", 60.0

_OTHER = "kept = open(__file__)  # leak: subprocess\n"
_PROGRAM = """
import multiprocessing
import os
import subprocess
import sys

def leak():
    global kept
    kept = open(__file__)  # leak: spawn

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=leak)
    process.start()
    process.join()
    subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "other.py")])
    if hasattr(os, "fork"):
        number = os.fork()
        if number:
            os.waitpid(number, 0)
        else:
            kept = open(__file__)  # leak: fork
"""
_SORTS = {"spawn": "multiprocessing by spawn", "subprocess": "a Python started by subprocess", "fork": "os.fork()"}


def followed(level: Level) -> list[Outcome]:
    """Try each sort of child."""
    with tempfile.TemporaryDirectory(prefix="lifetrack-doctor-") as folder:
        texts = {"program.py": _PROGRAM, "other.py": _OTHER}
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(text)
        report, problem = _run(folder, level)
    if report is None:
        return [Outcome(_GROUP, name, MISSED, problem) for name in _SORTS.values()]
    return [_judged(sort, report, _line(texts.values(), sort)) for sort in _SORTS]


def _run(folder: str, level: Level) -> tuple[dict[str, Any] | None, str]:
    report = os.path.join(folder, "report.json")
    words = ["run", "--children", "--level", level.word, "--report", report, os.path.join(folder, "program.py")]
    try:
        subprocess.run(  # noqa: S603 - this Python, with a program of ours
            launch.command("from lifetrack.cli.main import main; sys.exit(main())", *words),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=launch.environment(), cwd=folder, timeout=_PATIENCE, check=False,
        )  # fmt: skip
        with open(report, encoding="utf-8") as file:
            return json.load(file), ""
    except subprocess.TimeoutExpired:
        return None, f"the program did not end within {_PATIENCE:.0f} seconds"
    except (OSError, ValueError):
        return None, "the program has left no report"


def _line(texts: Any, sort: str) -> tuple[int, str]:
    return next(
        (number, line) for text in texts for number, line in enumerate(text.splitlines(), 1)
        if line.endswith(f"# leak: {sort}")
    )  # fmt: skip


def _judged(sort: str, report: dict[str, Any], wanted: tuple[int, str]) -> Outcome:
    name = _SORTS[sort]
    if sort == "fork" and not hasattr(os, "fork"):
        return Outcome(_GROUP, name, PASSED_OVER, "this system has no fork()")
    number, text = wanted
    for found in report["findings"]:
        site, processes = found["site"], found.get("processes", [])
        if site and site["line"] == number and site["code"] == text.strip():
            if all(process["pid"] == report["process"]["pid"] for process in processes):
                return Outcome(_GROUP, name, MISSED, "its leak is told of the wrong process")
            return Outcome(_GROUP, name, CAUGHT, f"{found['rule']} {found['resource']['type']}")
    return Outcome(_GROUP, name, MISSED, "nothing was found")
