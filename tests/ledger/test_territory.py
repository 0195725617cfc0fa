"""Whose file it is decides which line a finding names."""

from __future__ import annotations

import os
import sys

import pytest

import lifetrack
from lifetrack.ledger.territory import INSTALLED, OURS, STDLIB, USER, classify

STANDARD = os.path.dirname(os.__file__)
SCRIPTS = os.path.dirname(os.path.abspath(sys.executable))
PACKAGE = os.path.dirname(os.path.abspath(lifetrack.__file__))


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        (os.path.join(PACKAGE, "tracker.py"), OURS),
        ("<lifetrack acquire>", OURS),
        (os.path.join(STANDARD, "gzip.py"), STDLIB),
        ("<frozen runpy>", STDLIB),
        (os.path.join(STANDARD, "site-packages", "black", "__init__.py"), INSTALLED),
        ("/usr/lib/python3/dist-packages/apt/__init__.py", INSTALLED),
        (os.path.join(SCRIPTS, "black"), INSTALLED),
        (os.path.join(SCRIPTS, "deeper", "app.py"), USER),
        ("/home/me/app.py", USER),
        ("/home/me/lifetrack_app/app.py", USER),
        (PACKAGE + "_of_mine.py", USER),
        ("<stdin>", USER),
        ("<string>", USER),
        ("app.py", USER),
    ],
)
def test_a_file_is_told_by_where_it_is(file: str, whose: int) -> None:
    """A name that only begins like ours, or like a folder of installed packages, is the user's own."""
    assert classify(file) == whose
