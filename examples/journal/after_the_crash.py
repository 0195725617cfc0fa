"""A worker is killed while it holds a lease; its journal tells which one.

Run ``python examples/journal/after_the_crash.py``. By hand it would be::

    lifetrack run --level sites --journal worker.journal worker.py
    lifetrack show worker.journal
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

import lifetrack


@lifetrack.tracked
class Lease:
    """A lease of something that others wait for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def release(self) -> None:
        """Give it back."""


def work() -> None:
    """Take leases and give them back, until the system kills us."""
    pool = lifetrack.Owner("pool of leases")
    for number in range(100):
        lease = Lease(f"lease {number}")
        if number == 99:
            lifetrack.transfer(lease, to=pool)
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        lease.release()


def main() -> None:
    """Run the worker, and show its journal."""
    with tempfile.TemporaryDirectory() as folder:
        journal = os.path.join(folder, "worker.journal")
        command = [sys.executable, "-m", "lifetrack"]
        worker = ["run", "--level", "sites", "--journal", journal, os.path.abspath(__file__), "work"]
        done = subprocess.run([*command, *worker], check=False)
        print(f"the worker ended with status {done.returncode}", flush=True)
        subprocess.run([*command, "top", journal, "--once"], check=True)
        subprocess.run([*command, "show", journal], check=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        work()
    else:
        main()
