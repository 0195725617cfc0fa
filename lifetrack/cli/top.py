"""``lifetrack top``: the live resources of a running process, read from its journal without touching the process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from lifetrack.cli.printing import print_text
from lifetrack.journal.description import description_of
from lifetrack.journal.files import is_journal, siblings_of
from lifetrack.journal.format import ENDING
from lifetrack.journal.nouns import site_in
from lifetrack.journal.processes import is_running
from lifetrack.journal.reading import ending_of
from lifetrack.journal.scanning import Book, read_book
from lifetrack.reports.paths import clean, shortest
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass

_HEADS = ("LIVE", "PER SECOND", "OLDEST", "YOUNGEST", "TYPE", "ACQUIRED AT")
_ROWS = 40
#: Rates are taken over a second at least.
_LEAST_SPAN = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """The live resources of one type from one site. Ages are in seconds, ``rate`` in acquisitions each second."""

    live: int
    rate: float
    oldest: float
    youngest: float
    type: str
    site: str


def journal_of(subject: str) -> str:
    """Give the journal of a process by its number, or that which is named.

    Raises ConfigurationError where there is none.
    """
    if not subject.isdecimal() or os.path.exists(subject):
        return subject
    try:
        with open(f"/proc/{subject}/maps", encoding="utf-8", errors="surrogateescape") as maps:
            paths = {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if line.count("/")}
    except (FileNotFoundError, ProcessLookupError):
        raise ConfigurationError(f"top: there is no process {subject}: name a running one, or a journal") from None
    except OSError as error:
        raise ConfigurationError(
            f"top: process {subject} cannot be looked at ({error.strerror}): name its journal"
        ) from None
    found = sorted(path for path in paths if is_journal(path))
    about = [(path, description_of(path)) for path in found]
    mine = [path for path, each in about if each.told["pid"] == int(subject) and each.word(ENDING) == 0]
    if not mine:
        raise ConfigurationError(
            f"top: process {subject} writes no journal: start it with 'lifetrack run --journal FILE'"
        )
    return mine[0]


def _books(path: str) -> list[Book]:
    main = read_book(path)
    books = [main]
    for each in siblings_of(path):
        try:
            other = read_book(each)
        except ConfigurationError:
            continue
        if other.description.told["run"] == main.description.told["run"] and is_running(other.description.told):
            books.append(other)
    return books


class Table:
    """What was seen of a journal the last time, for the rates."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._before: dict[int, tuple[float, int]] = {}

    def look(self) -> tuple[list[str], list[Row]]:
        """Give the heading, a line for each process, and the rows, most live ones first."""
        books = _books(self._path)
        heads = [self._head(book) for book in books]
        rows = [row for book in books for row in _rows(book)]
        rows.sort(key=lambda row: (-row.live, row.type, row.site))
        return heads, rows

    def _head(self, book: Book) -> str:
        told = book.description.told
        live = sum(1 for held in book.resources if held.is_open) + sum(kind.unkept for kind in book.kinds)
        acquired = sum(kind.acquired for kind in book.kinds)
        now = _now(book)
        before = self._before.get(told["pid"])
        self._before[told["pid"]] = now, acquired
        since, count = before or (told["clock"], 0)
        rate = (acquired - count) / max(0.05 if before else _LEAST_SPAN, now - since)
        state = "at work for" if is_running(told) else f"ended ({ending_of(book)}) after"
        dropped = f", {book.unkept} not kept" if book.unkept else ""
        command = " ".join(map(str, told["command"][:1])) or "python"
        return (
            f"process {told['pid']} ({clean(os.path.basename(command))}), {state} {_age(now - told['clock'])}: "
            f"{live} live, {acquired} acquired, {rate:.1f} each second{dropped}"
        )


def _now(book: Book) -> float:
    """Give the time on the process's clock: that of its last event where it is over."""
    told = book.description.told
    if is_running(told):
        return time.perf_counter()  # one clock for all processes of a machine
    return max((held.time for held in book.resources), default=float(told["clock"]))


def _rows(book: Book) -> Iterable[Row]:
    now = _now(book)
    groups: dict[tuple[str, str], list[float]] = {}
    recent: dict[tuple[str, str], list[float]] = {}
    for held in book.resources:
        site = site_in(held.stack)
        key = held.kind.name, "-" if site is None else f"{shortest(site.file)}:{site.line}"
        recent.setdefault(key, []).append(held.time)
        if held.is_open:
            groups.setdefault(key, []).append(held.time)
    for (kind, where), times in groups.items():
        yield Row(len(times), _rate(recent[kind, where], now), now - min(times), now - max(times), kind, where)


def _rate(times: list[float], now: float) -> float:
    """Give how many were acquired each second of late: of those that the journal still has."""
    return len(times) / max(_LEAST_SPAN, now - min(times))


def _age(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"{seconds:.1f}s"
    if seconds < 3600:
        return f"{int(seconds // 60)}m{int(seconds % 60):02d}s"
    return f"{int(seconds // 3600)}h{int(seconds % 3600 // 60):02d}m"


def _cells(row: Row) -> tuple[str, ...]:
    return str(row.live), f"{row.rate:.1f}", _age(row.oldest), _age(row.youngest), clean(row.type), clean(row.site)


def _plain(heads: list[str], rows: list[Row]) -> str:
    table = [_HEADS, *map(_cells, rows[:_ROWS])]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADS))]
    lines = [*heads, ""]
    for line in table:
        right = [cell.rjust(width) for cell, width in zip(line[:4], widths[:4], strict=True)]
        lines.append("  ".join([*right, line[4].ljust(widths[4]), line[5]]).rstrip())
    if len(rows) > _ROWS:
        lines.append(f"... and {len(rows) - _ROWS} more rows")
    return "\n".join(lines) + "\n"


def top(subject: str, *, once: bool, interval: float) -> bool:
    """Show the table once, or anew every ``interval`` seconds until Ctrl-C; tell whether somebody read it."""
    table = Table(journal_of(subject))
    if once:
        return print_text(_plain(*table.look()))
    try:
        if sys.stdout.isatty():
            try:
                from lifetrack.reports.live import follow

                return follow(_HEADS, lambda: _shown(table), interval)
            except ImportError:  # without rich it is shown as plain text
                pass
        while print_text(_plain(*table.look()) + "\n"):
            time.sleep(interval)
    except KeyboardInterrupt:
        return True
    return False


def _shown(table: Table) -> tuple[str, list[tuple[str, ...]]]:
    heads, rows = table.look()
    return "\n".join(heads), [_cells(row) for row in rows[:_ROWS]]


def parse_interval(text: str) -> float:
    """Read a number of seconds; raise ConfigurationError for what is none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.05 <= seconds <= 3600:
        raise ConfigurationError(f"--interval {text!r}: use a number of seconds from 0.05 to 3600")
    return seconds
