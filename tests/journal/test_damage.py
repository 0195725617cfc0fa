"""Journals that are damaged, foreign, newer or cut off, and places where there can be none: one clear line each."""

from __future__ import annotations

import os
import resource
import struct
from pathlib import Path

import pytest

from lifetrack.journal.format import LEAD, layout, parse_bound
from lifetrack.journal.reading import load
from lifetrack.journal.scanning import read_book
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError

SIZE = 256 << 10


class Conn:
    """Something to release."""

    def close(self) -> None:
        """Release it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the journal of a tracker that acquired ten and released four."""
    tracker = Tracker()
    found = tmp_path / "a.journal"
    tracker.start("stacks", policy="record", report=False, journal=found, journal_size=SIZE)
    tracked = tracker.tracked(type("Conn", (Conn,), {"__module__": "app"}))
    kept = [tracked() for _ in range(10)]
    for each in kept[:4]:
        each.close()
    data = found.read_bytes()
    tracker.stop()
    found.unlink()
    found.write_bytes(data)  # as it was while it was being written
    return found


def _refused(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _write(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_the_untouched_journal_is_whole(path: Path) -> None:
    """Nothing is torn in it: what the other tests find comes from what they do."""
    book = read_book(str(path))
    assert (len(book.resources), sum(held.is_open for held in book.resources), book.torn) == (10, 6, 0)


def test_a_missing_journal_is_an_error_that_names_it(tmp_path: Path) -> None:
    """It says what to name instead."""
    assert "there is no such file" in _refused(tmp_path / "none.journal")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b'{"format": 1}', os.urandom(10000)])
def test_a_foreign_file_is_refused(tmp_path: Path, data: bytes) -> None:
    """What does not begin as a journal does is none."""
    path = tmp_path / "foreign"
    path.write_bytes(data)
    assert "it is not a lifetrack journal" in _refused(path)


def test_a_newer_version_is_refused(path: Path) -> None:
    """The error names both versions."""
    _write(path, 16, b"\x02")
    assert "its version is 2, this lifetrack reads 1" in _refused(path)


def test_a_damaged_description_is_refused(path: Path) -> None:
    """Its checksum does not fit any more."""
    _write(path, LEAD.size + 40, b"\xff")
    assert "its description is damaged" in _refused(path)


def test_a_journal_cut_off_in_its_description_is_refused(path: Path) -> None:
    """There is nothing to be read of it."""
    os.truncate(path, 5000)
    assert "cut off" in _refused(path)


def test_a_journal_that_was_cut_off_gives_what_is_there(path: Path) -> None:
    """The last record is torn by the cut, those after it are gone, and the rest is right."""
    table = layout(SIZE)["slots"]
    os.truncate(path, table.place(7) + 30)
    book = read_book(str(path))
    assert len(book.resources) == 7
    assert book.torn == 1
    report = load(str(path))
    assert not report.tracker.complete
    assert report.tracker.dropped == 1


def test_a_journal_that_was_cut_off_says_so(path: Path) -> None:
    """Also where nothing of what it had is left, its report is not taken for that of a program without resources."""
    os.truncate(path, layout(SIZE)["kinds"].at)
    report = load(str(path))
    assert (report.findings, report.tracker.complete) == ((), False)
    told = " ".join(report.to_text().split())
    assert f"journal: it is cut off after {layout(SIZE)['kinds'].at} of {SIZE} bytes" in told


@pytest.mark.parametrize("at", [0, 8, 12, 16, 64, 72])
def test_an_overwritten_record_is_recognised(path: Path, at: int) -> None:
    """Whatever part of a record is overwritten, it is counted as torn or shown without what cannot be known."""
    table = layout(SIZE)["slots"]
    _write(path, table.place(8) + at, b"\xee" * 8)
    book = read_book(str(path))
    whole = [held for held in book.resources if held.stack and held.stack[0].file == __file__]
    assert len(whole) >= 9 or len(book.resources) == 9
    assert book.torn == 1 or at == 16  # another time is a time too


def test_a_torn_name_is_recognised(path: Path) -> None:
    """The resource is told, without the place that cannot be read; nothing else changes."""
    table = layout(SIZE)["cells"]
    for number in range(table.count):
        _write(path, table.place(number) + 12, b"\xee")
    book = read_book(str(path))
    assert book.torn > 3
    assert len(book.resources) == 0  # of no type that is known
    load(str(path))


def test_an_unfinished_record_is_no_event(path: Path) -> None:
    """An acquisition of which the last word was not written has not been noted."""
    table = layout(SIZE)["slots"]
    _write(path, table.place(9) + 72, struct.pack("=Q", 1 << 40))
    book = read_book(str(path))
    assert (len(book.resources), book.torn) == (9, 1)
    (row,) = load(str(path)).types
    assert (row.acquired, row.live) == (9, 5)


@pytest.mark.parametrize(
    ("text", "size"), [("1M", 1 << 20), ("512K", 512 << 10), ("2g", 2 << 30), ("16MiB", 16 << 20), (262144, 262144)]
)
def test_sizes_are_read(text: object, size: int) -> None:
    """A number of bytes, or one with a unit."""
    assert parse_bound(text) == size


@pytest.mark.parametrize("text", ["", "lots", "1T", "-1M", "1.5M", "100", 0, True, "100G", None])
def test_bad_sizes_are_refused(text: object) -> None:
    """The error says what is possible."""
    with pytest.raises(ConfigurationError, match="journal size"):
        parse_bound(text)


def test_a_place_where_there_can_be_no_journal_is_named(tmp_path: Path) -> None:
    """A folder that is missing, a folder in place of a file, a link of nobody's: nothing is tracked then."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, word in {"no/such/j": "no directory", ".": "no ordinary file", "loop": "loop of symbolic links"}.items():
        tracker = Tracker()
        with pytest.raises(ConfigurationError, match=word):
            tracker.start(journal=tmp_path / name)
        assert not tracker.is_tracking()


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """The room is taken when the journal begins, so that nobody dies of it later; nothing is left behind."""
    tracker = Tracker()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(ConfigurationError, match=r"could not be made .*room for 16777216 bytes"):
            tracker.start(journal=tmp_path / "j")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not tracker.is_tracking()
    assert list(tmp_path.iterdir()) == []


def test_the_journal_is_its_owners_alone(tmp_path: Path, tracker: Tracker) -> None:
    """Its mode is 0600, and the caller's own symbolic link is followed."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    tracker.start("sites", report=False, journal=tmp_path / "link", journal_size="256K")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "real").stat().st_size == 256 << 10


def test_a_journal_is_named_when_tracking_starts(tmp_path: Path, tracker: Tracker) -> None:
    """Later its first events would lack, so that it is refused; the same one may be named again."""
    tracker.start("sites", report=False)
    with pytest.raises(ConfigurationError, match="tracking is on already"):
        tracker.start("stacks", journal=tmp_path / "j")
    tracker.stop()
    tracker.start("sites", report=False, journal=tmp_path / "j", journal_size="256K")
    tracker.start("stacks", report=False, journal=tmp_path / "j")
    assert load(str(tmp_path / "j")).level == "stacks"
