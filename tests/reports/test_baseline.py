"""The baseline file: what may stand in it, and what an update keeps."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import stat
from typing import TYPE_CHECKING

import pytest

from lifetrack.reports.baseline import Baseline, Known, known_of, parse_baseline, read_baseline, relative
from lifetrack.reports.baseline_text import render, renewed, write_baseline
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'format = "lifetrack-baseline"\nversion = 1\n'
NAME = "0123456789abcdef"


def entry(name: str = NAME, **changes: object) -> Known:
    values = {"rule": "LT103", "type": "app.B", "site": "app.py in f", "code": "B()", "test": "t.py::t", "count": 2}
    return Known(name, **{**values, **changes})


def finding(rule: str = "LT103", line: int = 1, file: str = __file__) -> Finding:
    site = Site(file, line, "f")
    return Finding(rule, Certainty.PROVEN, "m", Resource(1, "app.B"), site, (), OwnerName("process", "process"))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Text with quotes, line breaks, control letters and lone surrogates comes back, or in escaped form."""
    path = tmp_path / "b.toml"
    baseline = Baseline(path)
    known = entry(code='open("x\\n")\t\x7fü', expires=dt.date(2030, 1, 2), issue="https://x/1")
    baseline.entries[NAME] = known
    baseline.entries["f" * 16] = entry("f" * 16, code="\ud800")
    assert write_baseline(baseline)
    again = read_baseline(path).entries
    assert again[NAME] == known
    assert again["f" * 16].code == "\\ud800"
    write_baseline(read_baseline(path))
    assert read_baseline(path).entries == again


def test_entries_stand_in_the_order_of_their_places(tmp_path: Path) -> None:
    """Whatever the order of finding, the file is the same, so that two branches change different lines."""
    names = ["a" * 16, "b" * 16, "c" * 16]
    entries = {name: entry(name, site=site) for name, site in zip(names, ("z.py in f", "a.py in f", "m.py in f"))}
    one = render(Baseline(tmp_path / "b", entries))
    other = render(Baseline(tmp_path / "b", dict(reversed(entries.items()))))
    assert one == other
    assert one.index("b" * 16) < one.index("c" * 16) < one.index("a" * 16)
    assert ":" not in one.partition("version")[2].replace("::", "")  # no line numbers


def test_an_update_keeps_what_people_wrote(tmp_path: Path) -> None:
    """Comments above and inside an entry, reason, issue, expiry and text of several lines stay; the rest is renewed."""
    path = tmp_path / "b.toml"
    path.write_text(
        f"# our own words\n{HEAD}\n# about one\n# in two lines\n[known.{NAME}]  # here too\nrule = 'LT103'\n"
        'type = "app.B"\ncount = 2  # was three\nreason = """\nlong [story]\n"""\n# inside\nexpires = 2030-01-01\n'
    )
    baseline = read_baseline(path)
    baseline.entries[NAME] = renewed(baseline.entries[NAME], entry(count=1, code="B(1)"))
    write_baseline(baseline)
    text = path.read_text()
    for kept in ("# our own words", "# about one\n# in two lines\n[known.", "# here too", "# was three", "# inside"):
        assert kept in text
    known = read_baseline(path).entries[NAME]
    assert (known.count, known.code, known.expires) == (1, "B(1)", dt.date(2030, 1, 1))
    assert known.reason == "long [story]\n"


def test_what_cannot_be_kept_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    """Entries written in another form of TOML are read, but not rewritten behind their author's back."""
    path = tmp_path / "b.toml"
    text = f'{HEAD}[known]\n{NAME} = {{rule = "LT103", type = "app.B", count = 1, reason = "mine"}}\n'
    path.write_text(text)
    baseline = read_baseline(path)
    baseline.entries[NAME] = dataclasses.replace(baseline.entries[NAME], count=5)
    with pytest.raises(ConfigurationError, match="losing what was written by hand"):
        write_baseline(baseline)
    assert path.read_text() == text


def test_the_file_keeps_its_permissions(tmp_path: Path) -> None:
    """A file that a team shares is not made private."""
    path = tmp_path / "b.toml"
    path.write_text(HEAD)
    os.chmod(path, 0o664)
    baseline = read_baseline(path)
    baseline.entries[NAME] = entry()
    write_baseline(baseline)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert [each.name for each in tmp_path.iterdir()] == ["b.toml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = \n", ["line 1", "mend"]),
        (f"{HEAD}<<<<<<< ours\n", ["line 3", "merge"]),
        ("version = 1\n", ["format"]),
        ('format = "lifetrack-baseline"\nversion = 2\n', ["version 2", "update lifetrack"]),
        (f"{HEAD}other = 1\n", ["'other'"]),
        (f"{HEAD}known = 1\n", ["no table"]),
        (f"{HEAD}[known.xyz]\n", ["known.xyz", "fingerprint"]),
        (f"{HEAD}[known.{NAME}]\nrule = 'LT103'\n", [NAME, "'type'"]),
        (f"{HEAD}[known.{NAME}]\nrule = 'LT999'\n", ["LT999", "rules"]),
        (f"{HEAD}[known.{NAME}]\ncount = 0\n", ["count", "1 or more"]),
        (f"{HEAD}[known.{NAME}]\ncount = true\n", ["count", "1 or more"]),
        (f"{HEAD}[known.{NAME}]\nexpires = 'soon'\n", ["expires", "2026-12-31"]),
        (f"{HEAD}[known.{NAME}]\nreason = 1\n", ["reason", "quotes"]),
        (f"{HEAD}[known.{NAME}]\nowner = 'me'\n", ["owner", "unknown name"]),
    ],
)
def test_what_is_wrong_is_named(text: str, words: list[str]) -> None:
    """Each mistake is one line that names the file, the place and the mend."""
    with pytest.raises(ConfigurationError) as caught:
        parse_baseline("b.toml", text)
    message = str(caught.value)
    assert "\n" not in message
    for word in ["baseline file 'b.toml'", *words]:
        assert word in message


def test_a_mark_of_the_byte_order_is_none_of_the_text(tmp_path: Path) -> None:
    """Some editors put it in front."""
    path = tmp_path / "b.toml"
    path.write_text(HEAD, encoding="utf-8-sig")
    assert read_baseline(path).entries == {}


def test_a_missing_file(tmp_path: Path) -> None:
    """It is an error that names it and says how it is made; an update makes it, but no folder."""
    with pytest.raises(ConfigurationError, match=r"gone\.toml.*--lifetrack-update-baseline"):
        read_baseline(tmp_path / "gone.toml")
    assert read_baseline(tmp_path / "gone.toml", may_be_new=True).entries == {}
    with pytest.raises(ConfigurationError, match="no directory"):
        read_baseline(tmp_path / "no" / "gone.toml", may_be_new=True)


def test_the_last_day_is_accepted() -> None:
    """An entry expires when the day that it names is over."""
    known = entry(expires=dt.date(2026, 5, 1))
    assert not known.has_expired(dt.date(2026, 5, 1))
    assert known.has_expired(dt.date(2026, 5, 2))


def test_a_leak_is_the_same_whenever_the_collector_ran() -> None:
    """Collected, left by a scope or live at exit: the entry of one accepts the others, but no misuse."""
    known = known_of(finding("LT103"), "/", "t", 1)
    baseline = Baseline("b", {known.fingerprint: known})
    assert all(baseline.accepts(finding(rule)) for rule in ("LT101", "LT102", "LT103", "LT104"))
    assert not baseline.accepts(finding("LT201"))
    assert not baseline.accepts(finding("LT103", line=2))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/home/a/project/src/app.py", "src/app.py"),
        ("C:\\work\\project\\app.py", "app.py"),
        ("/venv/lib/python3.11/site-packages/x/y.py", "x/y.py"),
        ("/usr/lib/python3.11/socket.py", "socket.py"),
    ],
)
def test_paths_are_the_same_on_every_machine(file: str, name: str) -> None:
    """A file is named from the root of the project or of its packages."""
    assert relative(file, "/home/a/project") == name
