"""The baseline: findings that are known and accepted for a while, in a file that people read, review and edit.

A TOML file with one table for each fingerprint. ``count`` is how many resources are accepted; more is growth. What
people write, ``reason``, ``issue``, ``expires`` and comments, survives every update.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lifetrack.reports.files import AnyPath
from lifetrack.reports.paths import code_of
from lifetrack.values import portable as _portable  # noqa: F401 - for fingerprints, asked for wherever a misuse is
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Finding
from lifetrack.values.making import dataclass
from lifetrack.values.rules import RULES
from lifetrack.values.settings import shown

FORMAT, VERSION = "lifetrack-baseline", 1
#: The table that holds the entries.
TABLE = "known"
_HEX_DIGITS = 16
#: Which of these a leak becomes depends on when the collector runs, so an entry of one accepts the others too.
_TIMING = ("LT101", "LT102", "LT103", "LT104")
_TEXTS = ("rule", "type", "site", "code", "test", "reason", "issue")
_NEEDED = ("rule", "type", "count")


@dataclass(frozen=True, slots=True)
class Known:
    """One accepted finding. ``site`` is file and function, ``test`` the first test that it was seen in, as a hint.

    ``expires`` is the last day on which it is accepted; None for no such day.
    """

    fingerprint: str
    rule: str
    type: str
    site: str = ""
    code: str = ""
    test: str = ""
    count: int = 1
    reason: str = ""
    issue: str = ""
    expires: dt.date | None = None

    def has_expired(self, today: dt.date | None = None) -> bool:
        """Whether its last day is over; ``today`` is that of the local clock."""
        return self.expires is not None and (today or dt.datetime.now().astimezone().date()) > self.expires

    @property
    def words(self) -> str:
        """The entry as a line of a summary names it."""
        return f"{self.rule} {self.type}" + (f" at {self.site}" if self.site else "") + f" [{self.fingerprint}]"


class Baseline:
    """All entries of one file, by fingerprint; ``text`` is what the file holds, empty for a new one."""

    def __init__(self, path: AnyPath, entries: Mapping[str, Known] | None = None, text: str = "") -> None:
        self.path = os.fspath(path)
        self.entries: dict[str, Known] = dict(entries or {})
        self.text = text

    def find(self, finding: Finding) -> Known | None:
        """Give the entry that a finding belongs to, expired or not; None for a new one."""
        return next((self.entries[name] for name in _fingerprints(finding) if name in self.entries), None)

    def accepts(self, finding: Finding) -> bool:
        """Whether a finding is known and has not expired; how many there may be is another question."""
        known = self.find(finding)
        return known is not None and not known.has_expired()


def _fingerprints(finding: Finding) -> Iterator[str]:
    yield finding.fingerprint
    if finding.rule in _TIMING:
        yield from (replace(finding, rule=rule).fingerprint for rule in _TIMING if rule != finding.rule)


def known_of(finding: Finding, root: str, test: str, count: int) -> Known:
    """Make the entry of a finding; ``root`` is the folder that paths are told from."""
    site = finding.site
    where = "" if site is None else f"{relative(site.file, root)} in {site.function}"
    code = "" if site is None else code_of(site)
    return Known(finding.fingerprint, finding.rule, finding.resource.type, where, code, test, count)


def relative(file: str, root: str) -> str:
    """Name a file in the same words on every machine: from ``root``, from its packages' folder, else its last part."""
    path = file.replace("\\", "/")
    home = root.replace("\\", "/").rstrip("/") + "/"
    for folder in ("/site-packages/", "/dist-packages/"):
        if folder in path:
            return path.rpartition(folder)[2]
    return path[len(home) :] if path.startswith(home) else path.rpartition("/")[2]


def read_baseline(path: AnyPath, *, may_be_new: bool = False) -> Baseline:
    """Read a baseline; one that is missing is new where it ``may_be_new``.

    Raises ConfigurationError that names the file, the place in it and the mend.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise problem(path, "it is not an ordinary file: name another one")  # a device may have no end
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        if may_be_new:
            _check_folder(path)
            return Baseline(path)
        mend = "make it with --lifetrack-update-baseline, or name another file"
        raise problem(path, f"there is no such file: {mend}") from None
    except UnicodeDecodeError:
        raise problem(path, "it is not text in UTF-8: take it from version control again") from None
    except OSError as error:
        raise problem(path, f"it cannot be read ({error.strerror}): name another file") from None
    return parse_baseline(path, text)


def _check_folder(path: AnyPath) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise problem(path, f"there is no directory {folder!r}: make it first, or name another file")


def parse_baseline(path: AnyPath, text: str) -> Baseline:
    """Read the text of a baseline; raise ConfigurationError for what is wrong in it. ``path`` is for messages."""
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        mend = "mend this line (a merge may have left its marks, or the same table twice)"
        raise problem(path, f"{error}: {mend}") from None
    if data.get("format") != FORMAT:
        raise problem(path, f'it is no baseline: it has no line format = "{FORMAT}"')
    if data.get("version") != VERSION:
        raise problem(path, f"its version {shown(data.get('version'))} is not {VERSION}: update lifetrack")
    unknown = sorted(data.keys() - {"format", "version", TABLE})
    if unknown:
        raise problem(path, f"unknown name {unknown[0]!r}: entries are tables [{TABLE}.FINGERPRINT]")
    tables = data.get(TABLE, {})
    if not isinstance(tables, dict):
        raise problem(path, f"{TABLE!r} is no table: entries are tables [{TABLE}.FINGERPRINT]")
    return Baseline(path, {name: _known(path, name, table) for name, table in tables.items()}, text)


def _known(path: AnyPath, name: str, table: Any) -> Known:
    where = f"[{TABLE}.{name}]"
    if len(name) != _HEX_DIGITS or set(name) - set("0123456789abcdef"):
        raise problem(path, f"{where}: a fingerprint has {_HEX_DIGITS} digits 0-9a-f: copy it from a report")
    if not isinstance(table, dict):
        raise problem(path, f"{where} is no table")
    for key, value in table.items():
        complaint = _complaint(key, value)
        if complaint:
            raise problem(path, f"{where} {key}: {complaint}")
    missing = [key for key in _NEEDED if key not in table]
    if missing:
        raise problem(path, f"{where} lacks {missing[0]!r}: update the baseline, or add it")
    values = {key: value for key, value in table.items() if key != "expires"}
    return Known(name, **values, expires=_date(table.get("expires")))


def _complaint(key: str, value: object) -> str:
    """Say what is wrong with one value; empty if nothing is."""
    if key in _TEXTS:
        if not isinstance(value, str):
            return "write text in quotes"
        return f"unknown rule {value!r}: 'lifetrack rules' lists them" if key == "rule" and value not in RULES else ""
    if key == "count":
        right = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        return "" if right else f"{shown(value)} is no number of resources: use 1 or more, or take the table out"
    if key == "expires":
        return _complaint_of_date(value)
    return f"unknown name: use {', '.join((*_TEXTS, 'count'))} or expires"


def _complaint_of_date(value: object) -> str:
    try:
        _date(value)
    except ValueError:
        return f"{shown(value)} is no date: write it as 2026-12-31"
    return ""


def _date(value: object) -> dt.date | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str):
        return dt.date.fromisoformat(value)
    raise ValueError


def problem(path: AnyPath, what: str) -> ConfigurationError:
    """Make the error that names the file."""
    return ConfigurationError(f"baseline file {os.fspath(path)!r}: {what}")
