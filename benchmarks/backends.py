"""What a collection of backends costs, as two ratios: ``python benchmarks/backends.py``.

- ``get()`` / a look-up in a plain dictionary under a lock.
- ``populate()`` / ``importlib.metadata.entry_points()`` and loading and calling what it finds.

Both sides of a ratio take turns in the same process, in short slices; a side counts with its fastest slice. The figure
is the median of several processes. Populating is timed with a distribution of ten plugins among all that are installed,
a fresh collection each time; importing the plugins' module is not part of either side after the first time. The status
is 1 if a figure is over its target.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

GROUP, PLUGINS = "lifetrack_benchmark.backends", 10
TARGETS = {"get() / dict look-up under a lock": 1.5, "populate() / entry_points() and load": 1.2}
_GET = """
def locked(rounds):
    for _ in range(rounds):
        with lock:
            backend = table[name]

def unlocked(rounds):
    for _ in range(rounds):
        backend = get(name)
"""


def install(folder: Path) -> None:
    """Write a distribution as an installer leaves it."""
    classes = "\n".join(f"class B{n}(Base):\n    name = 'b{n}'" for n in range(PLUGINS))
    (folder / "lifetrack_benchmark.py").write_text(f"class Base:\n    def close(self): pass\n{classes}\n")
    info = folder / "lifetrack_benchmark-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lifetrack-benchmark\nVersion: 1.0\n")
    lines = "\n".join(f"b{n} = lifetrack_benchmark:B{n}" for n in range(PLUGINS))
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}\n")


def fastest(sides: dict[str, Callable[[int], Any]], rounds: int, turns: int) -> dict[str, float]:
    """Time both sides in turns; give the least seconds of one round for each."""
    best = dict.fromkeys(sides, float("inf"))
    for turn in range(turns):
        for name in list(sides) if turn % 2 else list(reversed(sides)):
            began = perf_counter()
            sides[name](rounds)
            best[name] = min(best[name], (perf_counter() - began) / rounds)
    return best


def worker(turns: int) -> dict[str, float]:
    """Measure in this process."""
    from lifetrack import BackendCollection

    with tempfile.TemporaryDirectory() as name:
        install(Path(name))
        sys.path.insert(0, name)
        import lifetrack_benchmark  # type: ignore[import-not-found]

        backends: Any = BackendCollection("benchmark", kind=lifetrack_benchmark.Base, groups=GROUP)
        backends.populate()
        names: dict[str, Any] = {
            "lock": threading.Lock(), "table": {each: backends.get(each) for each in backends.names()},
            "get": backends.get, "name": "b7",
        }  # fmt: skip
        exec(_GET, names)
        look = fastest({"plain": names["locked"], "ours": names["unlocked"]}, 20_000, turns)

        def plain(rounds: int) -> None:
            for _ in range(rounds):
                _ = {each.name: each.load()() for each in entry_points(group=GROUP)}

        def ours(rounds: int) -> None:
            for _ in range(rounds):
                BackendCollection("benchmark", kind=lifetrack_benchmark.Base, groups=GROUP).populate()

        search = fastest({"plain": plain, "ours": ours}, 1, turns * 2)
    figures = [side["ours"] / side["plain"] for side in (look, search)]
    return {**dict(zip(TARGETS, figures, strict=True)), "seconds of get()": look["ours"],
            "seconds of populate()": search["ours"]}  # fmt: skip


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description="what a collection of backends costs, as ratios")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, default=40, help="how often each side takes its turn in a process")
    parser.add_argument("--processes", type=int, default=5)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(worker(options.turns)))
        return 0
    command = [sys.executable, __file__, "--worker", "--turns", str(options.turns)]
    measured = [
        json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(options.processes)
    ]
    middle = {name: statistics.median(each[name] for each in measured) for name in measured[0]}
    print(f"Python {platform.python_version()}, {options.processes} processes")
    over = False
    for name, target in TARGETS.items():
        verdict = "ok" if round(middle[name], 2) <= target else "over"
        over = over or verdict == "over"
        print(f"{name:<40} {middle[name]:>6.2f} {target:>6.2f}  {verdict}")
    print(f"get(): {middle['seconds of get()'] * 1e9:.0f} ns; populate() of {PLUGINS} plugins: "
          f"{middle['seconds of populate()'] * 1e3:.2f} ms")  # fmt: skip
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main())
