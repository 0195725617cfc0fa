"""The tests that need a process with little in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def test_holders() -> None:
    """Each of these walks over everything in memory, which is ten times as much with all tests collected."""
    optimise = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    command = [sys.executable, *optimise, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", str(TESTS / "holders")]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        command, cwd=TESTS.parent, env=alone, capture_output=True, text=True, timeout=300, check=False
    )
    print(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert " passed" in done.stdout
