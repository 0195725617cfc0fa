"""What an event costs in instructions of the processor, counted by valgrind's cachegrind: the same in each run.

    python benchmarks/instructions.py [WORD...]      # only operations whose name has a word

Needs valgrind (Debian: valgrind). Seconds differ from run to run on a busy machine; these numbers do not, but say
nothing of caches and of the collector.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: The operation is done this often, twice, and the difference divided: what start and end take is in neither.
FEW, MANY = 20, 220


async def _nothing() -> None:
    pass


def _socket() -> None:
    socket.socket().close()


def _file() -> None:
    with open(os.devnull, encoding="utf-8"):
        pass


def _folder() -> None:
    with tempfile.TemporaryDirectory():
        pass


def _descriptor() -> None:
    os.close(os.open(os.devnull, os.O_RDONLY))


def _thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _loop() -> None:
    asyncio.run(_nothing())


async def _task() -> None:
    await asyncio.create_task(_nothing())


async def _stream() -> None:
    one, other = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=one)
    writer.close()
    await writer.wait_closed()
    other.close()


PLAIN = {
    "socket": _socket, "file": _file, "folder": _folder, "descriptor": _descriptor, "thread": _thread, "loop": _loop,
}  # fmt: skip
IN_A_LOOP = {"task": _task, "stream": _stream}


def work(name: str, times: int) -> None:
    """Do one operation so often."""

    async def in_a_loop() -> None:
        for _ in range(times):
            await IN_A_LOOP[name]()

    if name in IN_A_LOOP:
        asyncio.run(in_a_loop())
    else:
        for _ in range(times):
            PLAIN[name]()


def child(name: str, times: int, level: str) -> None:
    """Be the process whose instructions are counted; it ends at once, so that its end is not."""
    if level:
        import lifetrack

        lifetrack.start(level, watch="stdlib", policy="record")
    work(name, FEW)
    work(name, times)
    os._exit(0)


def counted(command: Sequence[str | os.PathLike[str]], environment: Mapping[str, str], **more: Any) -> int:
    """Count what a process takes, without those that it starts; raise SystemExit where that cannot be had."""
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run(
        [*tool, *command], env=environment, capture_output=True, text=True, errors="replace", check=False, **more
    )
    found = re.findall(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if not found:
        raise SystemExit(f"cachegrind has not said how many instructions it took: {done.stderr[-500:]}")
    return max(int(each.replace(",", "")) for each in found)  # its forks say so for themselves


def instructions(name: str, times: int, level: str) -> int:
    """Count what a process takes that does an operation so often."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    command = [sys.executable, __file__, "--child", name, str(times), level]
    return counted(command, environment)


def main(words: list[str]) -> int:
    """Print a line for each operation: thousands of instructions without lifetrack, and what each level adds."""
    if shutil.which("valgrind") is None:
        print("this needs valgrind (Debian: valgrind)", file=sys.stderr)
        return 2
    for name in [*PLAIN, *IN_A_LOOP]:
        if words and not any(word in name for word in words):
            continue
        plain, counts, stacks = (
            (instructions(name, MANY, level) - instructions(name, FEW, level)) / (MANY - FEW) / 1000
            for level in ("", "counts", "stacks")
        )
        print(f"{name:10} {plain:7.1f}  counts +{counts - plain:6.1f}  stacks +{stacks - plain:6.1f}", flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    raise SystemExit(main(sys.argv[1:]))
