"""Golden reports: a compact program for every rule, and the text and JSON that its report has to be.

python tests/golden/golden.py [RULE...]     write the golden files anew, after a look at what has changed
"""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent.parent)]

import lifetrack  # noqa: E402
from lifetrack.reports.json_form import as_dict  # noqa: E402
from lifetrack.reports.model import Report  # noqa: E402
from lifetrack.reports.reading import load, report_from  # noqa: E402
from lifetrack.values.findings import Finding  # noqa: E402

PROGRAMS, REPORTS = HERE / "programs", HERE / "reports"
#: What differs from run to run or from machine to machine, and what stands for it.
_CHANGING = (
    (re.compile(r"\b\d+ \(((?:/dev/|/proc/|socket|sleep)[^)]*)\)"), r"N (\1)"),
    (re.compile(r"descriptor \d+"), "descriptor N"),
    (re.compile(r"0x[0-9a-f]+"), "0x0"),
    (re.compile(r"\bthread \d+\b"), "thread N"),
    (re.compile(r"\b[\d.]+ s so far\b"), "T s so far"),
    (re.compile(r"\bafter [\d.]+ s\b"), "after T s"),
)
_PROCESS = {
    "pid": 1, "parent_pid": 0, "python": "3", "platform": "any", "command": ["app.py"],
    "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:01Z", "ending": "normal",
}  # fmt: skip


def programs() -> list[str]:
    """Give the names of the programs; the first five letters are the rule."""
    return sorted(path.stem for path in PROGRAMS.glob("LT*.py"))


def is_possible(name: str) -> bool:
    """Whether this machine has what a program needs."""
    wanted = re.findall(r"^# needs: (\S+)$", (PROGRAMS / f"{name}.py").read_text(encoding="utf-8"), re.MULTILINE)
    return all(hasattr(os, "fork") if need == "fork" else os.path.exists(need) for need in wanted)


def run(name: str) -> Report:
    """Run a program in this process and give its report, with everything left out that changes."""
    path = PROGRAMS / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    module = types.ModuleType(f"golden_{name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    watch = re.findall(r"^# watch: (\S+)$", source, re.MULTILINE)
    gc.collect()
    lifetrack.start("stacks", policy="record", report=False, watch=watch)
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
        gc.collect()
        other = module.__dict__.get("report")
        report = _with(lifetrack.report() if other is None else load(other), module.__dict__.get("asked", ()))
        if other is not None:
            shutil.rmtree(os.path.dirname(other))
    finally:
        lifetrack.stop()
        module.__dict__.get("tidy", gc.collect)()
        del sys.modules[module.__name__]
    return report_from(normal(as_dict(report)), name)


def _with(report: Report, asked: Sequence[Finding]) -> Report:
    """Add what a program has asked for by itself; no report has that."""
    totals = replace(report.totals, findings=report.totals.findings + len(asked))
    return replace(report, findings=(*report.findings, *asked), totals=totals)


def normal(report: dict[str, Any]) -> dict[str, Any]:
    """Give the same whoever runs it, wherever and whenever."""
    cleaned: dict[str, Any] = _clean(report)
    cleaned["process"] = dict(_PROCESS)
    cleaned["lasting"] = cleaned["tracker"]["unseen"] = []
    cleaned["tracker"]["watched"] = []
    cleaned["totals"]["unknown"] = 0
    del cleaned["lasting"], cleaned["tracker"]["unseen"]
    cleaned["tracker"].pop("search", None)
    for finding in _all(cleaned["findings"]):
        if finding["resource"]["type"].startswith("thread that Python does not know"):  # its name is the program's
            finding["message"] = finding["message"].replace(finding["resource"]["label"], "program")
            finding["resource"]["label"] = "program"
    kinds = {name for finding in _all(cleaned["findings"]) for name in (finding["resource"]["type"],)}
    cleaned["types"] = [row for row in cleaned["types"] if row["type"] in kinds]
    for each in ("acquired", "released", "live"):
        cleaned["totals"][each] = sum(row[each] for row in cleaned["types"])
    return cleaned


def _all(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        yield finding
        yield from _all(finding["children"])


def _clean(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _clean(each, name) for name, each in value.items()}
    if isinstance(value, list):
        if key == "stack":  # what called the program is no part of it, and libraries change from Python to Python
            value = [site for site in value if site["file"].startswith(str(PROGRAMS))]
        return [_clean(each) for each in value]
    if key == "time":
        return None
    if key in {"since", "until"}:
        return None if value is None else 0.0
    if key == "pid":
        return 1
    if isinstance(value, str):
        text = value.replace(str(PROGRAMS) + os.sep, "")
        for pattern, words in _CHANGING:
            text = pattern.sub(words, text)
        return text
    return value


def rendered(report: Report) -> dict[str, str]:
    """Give the golden files of a report by the ending of their names; files are told from the programs' folder."""
    before = os.getcwd()
    os.chdir(PROGRAMS)
    try:
        data = as_dict(report)
        return {".txt": report.to_text(), ".json": json.dumps(_clean(data), indent=1, ensure_ascii=True) + "\n"}
    finally:
        os.chdir(before)


def write(names: list[str]) -> None:
    """Write the golden files of these programs anew, or of all."""
    for name in names or programs():
        if not is_possible(name):
            print(f"{name}: left as it was, this machine lacks what it needs")
            continue
        for ending, text in rendered(run(name)).items():
            path = REPORTS / f"{name}{ending}"
            changed = not path.exists() or path.read_text(encoding="utf-8") != text
            path.write_text(text, encoding="utf-8", newline="\n")
            if changed:
                print(f"{path.relative_to(HERE)}: written")


if __name__ == "__main__":
    write(sys.argv[1:])
