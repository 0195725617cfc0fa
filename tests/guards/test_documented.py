"""The page about kinds of classes tells of every specimen, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.guards import zoo_builtin, zoo_generated, zoo_written
from tests.guards.zoo import SPECIMENS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kinds-of-classes.md"
__all__ = ["zoo_builtin", "zoo_generated", "zoo_written"]


def rows():
    """Give the cells of each row of the table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_every_specimen_stands_in_the_table():
    """The last column names each specimen once."""
    named = [name for row in rows() for name in re.findall(r"`(\w+)`", row[-1])]
    assert sorted(named) == sorted(SPECIMENS)


def test_the_column_about_guards_is_true():
    """A row says "full" alone exactly where every specimen in it is guarded on every version."""
    sometimes = {"ctypes_structure"}
    for row in rows():
        names = set(re.findall(r"`(\w+)`", row[-1]))
        assert (row[1] == "full") == names.isdisjoint(sometimes)
        if row[1] == "full":
            assert not any(SPECIMENS[name].unguarded for name in names)
