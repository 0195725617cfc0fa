"""joblib's workers: the reusable ones belong to the process, an executor of the program's own does not."""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

joblib = pytest.importorskip("joblib")


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """No workers are left for other tests."""
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def told(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_parallel_work(watching: Callable[..., Tracker], backend: str) -> None:
    """Parallel() leaves nothing that a scope could be blamed for."""
    tracker = watching("joblib")
    with tracker.scope("job"):
        work = (joblib.delayed(operator.neg)(number) for number in range(4))
        assert joblib.Parallel(n_jobs=2, backend=backend)(work) == [0, -1, -2, -3]
    assert told(tracker) == []


def test_executor(watching: Callable[..., Tracker]) -> None:
    """An executor that is not shut down is one finding; one in a block is none."""
    from joblib.externals.loky.process_executor import ProcessPoolExecutor

    tracker = watching("joblib")
    with tracker.scope("job"):
        with ProcessPoolExecutor(1) as other:
            other.submit(len, "four")
        executor = ProcessPoolExecutor(1)
        assert executor.submit(len, "four").result() == 4
    found = told(tracker)
    executor.shutdown()
    assert found == [("LT103", "joblib.externals.loky.process_executor.ProcessPoolExecutor")]
    assert tracker.report().totals.live == 0


def test_the_tracker_of_loky_is_no_child_of_the_programs(run_python: Callable[..., Any], tmp_path: Path) -> None:
    """It outlives the program by design, and was told as lost."""
    script = tmp_path / "program.py"
    script.write_text(
        "import joblib, operator\n"
        "if __name__ == '__main__':\n"
        "    print(joblib.Parallel(n_jobs=2)(joblib.delayed(operator.neg)(number) for number in range(3)))\n",
        encoding="utf-8",
    )
    done = run_python("", "run", "--children", str(script), python_flags=["-m", "lifetrack"], cwd=tmp_path)
    assert done.stdout == "[0, -1, -2]\n"
    assert "no findings" in done.stderr
    assert "lost" not in done.stderr
