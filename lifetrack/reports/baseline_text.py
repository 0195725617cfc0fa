"""Writing a baseline: what the machine knows is renewed line by line, what people wrote stays where it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from lifetrack.reports.baseline import FORMAT, TABLE, VERSION, Baseline, Known, parse_baseline, problem
from lifetrack.reports.files import AnyPath
from lifetrack.values.errors import ConfigurationError

_PREAMBLE = f"""\
# Findings of lifetrack that are known and accepted for a while; `pytest --lifetrack-update-baseline` writes them.
# For people: reason = "why", issue = "https://...", expires = 2026-12-31 (the last day). An update keeps them,
# and comments.
format = "{FORMAT}"
version = {VERSION}
"""
_HEADER = re.compile(rf"\s*\[\s*{TABLE}\s*\.\s*[\"']?([0-9a-f]{{16}})[\"']?\s*\]\s*(?:#.*)?$")
_LINE = re.compile(r"""(\s*)([a-z]+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^#"']+?)(\s*\#.*)?$""")
#: What an update renews, and what it writes only into a new entry.
_OURS = ("rule", "type", "site", "code", "test", "count")
_THEIRS = ("reason", "issue", "expires")
_SHORT = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def render(baseline: Baseline) -> str:
    """Give the text of a baseline with its present entries, sorted by place; people's lines and comments are kept.

    Raises ConfigurationError where the text is written in a way that cannot be kept, and changes nothing then.
    """
    preamble, blocks = _split(baseline.text)
    entries = sorted(baseline.entries.values(), key=_order)
    tables = [
        _renewed(blocks[each.fingerprint], each) if each.fingerprint in blocks else _new(each) for each in entries
    ]
    text = "\n\n".join([preamble.rstrip("\n") or _PREAMBLE.rstrip("\n"), *tables]) + "\n"
    if not _says(text, baseline):
        mend = "write each entry as a table [known.FINGERPRINT] with one line for each name"
        raise problem(baseline.path, f"it cannot be updated without losing what was written by hand: {mend}")
    return text


def _says(text: str, baseline: Baseline) -> bool:
    try:
        said = parse_baseline(baseline.path, text).entries
    except ConfigurationError:
        return False
    return said == {name: _printable(known) for name, known in baseline.entries.items()}


def _printable(known: Known) -> Known:
    """Give an entry as a file can hold it: half of a pair of surrogates is no text."""
    values = {each.name: getattr(known, each.name) for each in fields(known)}
    changes: dict[str, Any] = {name: _encodable(text) for name, text in values.items() if isinstance(text, str)}
    return replace(known, **changes)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_baseline(baseline: Baseline) -> bool:
    """Write a baseline if it has changed, and give whether it has; raise ConfigurationError if it cannot be written."""
    text = render(baseline)
    if text == baseline.text:
        return False
    try:
        _replace(baseline.path, text.encode("utf-8"))
    except OSError as error:
        raise problem(baseline.path, f"it could not be written ({error.strerror}): check its permissions") from error
    baseline.text = text
    return True


def renewed(old: Known, found: Known) -> Known:
    """Bring an entry up to date: what was found now, with what people wrote about it."""
    return replace(found, fingerprint=old.fingerprint, rule=old.rule, reason=old.reason, issue=old.issue,
                   expires=old.expires)  # fmt: skip


def _order(known: Known) -> tuple[str, str, str, str, str]:
    return known.site, known.code, known.rule, known.type, known.fingerprint


def _split(text: str) -> tuple[str, dict[str, list[str]]]:
    """Part a text into what stands before the first entry, and the lines of each entry with the comments above it."""
    preamble: list[str] = []
    blocks: dict[str, list[str]] = {}
    current = preamble
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header is not None:
            start = len(current)
            while start and current[start - 1].lstrip().startswith("#"):
                start -= 1
            above, current[start:] = current[start:], []
            current = blocks[header[1]] = [*above]
        current.append(line)
    return "\n".join(preamble), blocks


def _new(known: Known) -> str:
    lines = [f"[{TABLE}.{known.fingerprint}]"]
    for each in fields(known):
        value = getattr(known, each.name)
        if each.name != "fingerprint" and (value or each.name == "reason"):
            lines.append(f"{each.name} = {_value(value)}")
    return "\n".join(lines)


def _renewed(block: list[str], known: Known) -> str:
    lines, missing = [], {name for name in _OURS if getattr(known, name)}
    for line in block:
        match = _LINE.match(line)
        if match is None or match[2] not in _OURS:
            lines.append(line)
            continue
        missing.discard(match[2])
        fresh = _value(getattr(known, match[2]))
        lines.append(line if match[3].strip() == fresh else f"{match[1]}{match[2]} = {fresh}{match[4] or ''}")
    while lines and not lines[-1].strip():
        lines.pop()
    lines += [f"{name} = {_value(getattr(known, name))}" for name in _OURS if name in missing]
    return "\n".join(lines)


def _value(value: object) -> str:
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return '"' + "".join(_letters(_encodable(text))) + '"'


def _letters(text: str) -> Iterable[str]:
    for letter in text:
        if letter in _SHORT:
            yield _SHORT[letter]
        elif letter.isprintable():
            yield letter
        else:
            yield f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def _replace(path: AnyPath, data: bytes) -> None:
    """Put the new content in place of the old at once; who may read the file stays as it is."""
    target = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(target), f".lifetrack-{os.urandom(8).hex()}.tmp")
    mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else None
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        try:
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
