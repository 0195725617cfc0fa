"""The tests that need a process with little in it, and those that bring much into theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


@pytest.mark.parametrize("name", ["holders", "guards/test_zoo_leaks.py", "libraries", "pools", "test_start_heap.py"])
def test_apart(name: str) -> None:
    """The first two go through everything in memory; the next import what watching goes through; the last thaws all."""
    optimise = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    command = [sys.executable, *optimise, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", str(TESTS / name)]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        command, cwd=TESTS.parent, env=alone, capture_output=True, text=True, timeout=300, check=False
    )
    print(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert " passed" in done.stdout
