"""What the pytest plugin adds to whole suites in instructions of the processor, counted by valgrind's cachegrind.

    python benchmarks/suite_instructions.py [--folder DIR] [WORD...]      # only suites whose name has a word

Seconds of two equal runs differ by a tenth on a busy machine; these numbers by a hundredth, as the collector comes now
and then. They say nothing of the system's own time. A suite takes thirty times as long as without. Needs valgrind
(Debian: valgrind). The suites are fetched as by ``plugin.py suites``, into DIR if one is given, where they stay.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from instructions import counted
from suites import MORE, ROOT, SUITES, Suite, go_on_alone, prepare, python_of

_PLUGIN = ("-p", "lifetrack.pytest_plugin", "--lifetrack-fail-on=never")


def of_suite(suite: Suite, folder: Path, more: tuple[str, ...]) -> int:
    """Count what one run of a suite takes."""
    where = next(path for path in (folder / "suites" / suite.name).iterdir() if path.is_dir())
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "HOME": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each run would rewrite the assertions of the tests anew
    command = [python_of(suite, folder), "-m", "pytest", "-q", "-p", "no:cacheprovider", *shlex.split(suite.arguments)]
    return counted([*command, *more], environment, cwd=where, stdin=subprocess.DEVNULL)


def main() -> int:
    """Print a line for each suite: billions of instructions without lifetrack, and the ratios at two levels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
    if shutil.which("valgrind") is None:
        print("this needs valgrind (Debian: valgrind)", file=sys.stderr)
        return 2
    chosen = [each for each in SUITES + MORE if not options.words or any(word in each.name for word in options.words)]
    if not options.apart:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (options.folder or Path(temporary)).resolve()
            prepare(folder, chosen)
            return go_on_alone(
                [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--folder", str(folder), "--apart"]
            )
    for suite in chosen:
        plain = of_suite(suite, options.folder, ())
        counts, stacks = (
            of_suite(suite, options.folder, (*_PLUGIN, f"--lifetrack={level}")) / plain
            for level in ("counts", "stacks")
        )
        print(f"{suite.name:12} {plain / 1e9:7.2f} billion  counts {counts:.3f}  stacks {stacks:.3f}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
