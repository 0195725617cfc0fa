"""The workers of torch's loaders of data: they end with the iterator that started them, or with the loader.

torch itself is a large thing to install. Where it is not, a stand-in of the same shape has real processes as well.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
STAND_IN = """
import multiprocessing

CONTEXT = multiprocessing.get_context("fork")

class DataLoader:
    def __init__(self, dataset, num_workers=0, persistent_workers=False):
        self.dataset, self.num_workers, self.persistent_workers = dataset, num_workers, persistent_workers
        self._iterator = None

    def _get_iterator(self):
        return _MultiProcessingDataLoaderIter(self)

    def __iter__(self):
        if not self.persistent_workers:
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        self._iterator.items = iter(self.dataset)
        return self._iterator

def _worker_loop(done):
    done.wait()

class _MultiProcessingDataLoaderIter:
    def __init__(self, loader):
        self._shutdown, self._workers, self._persistent = False, [], loader.persistent_workers
        self.items, self._workers_done_event = iter(loader.dataset), CONTEXT.Event()
        for _ in range(loader.num_workers):
            worker = CONTEXT.Process(target=_worker_loop, args=(self._workers_done_event,), daemon=True)
            worker.start()
            self._workers.append(worker)

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return next(self.items)
        except StopIteration:
            if not self._persistent:
                self._shutdown_workers()
            raise

    def _shutdown_workers(self):
        if not self._shutdown:
            self._shutdown = True
            self._workers_done_event.set()
            for worker in self._workers:
                worker.join()

    def __del__(self):
        self._shutdown_workers()
"""
ITERATOR, LOADER = "_MultiProcessingDataLoaderIter", "DataLoader"
PROCESS = "Process"
Make = Callable[..., Any]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a loader of four numbers with one worker; of torch where that is installed."""
    own = importlib.util.find_spec("torch") is None
    if own:
        folder = tmp_path / "site-packages" / "torch" / "utils" / "data"
        folder.mkdir(parents=True)
        (folder / "dataloader.py").write_text(STAND_IN)
        monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))

    def made(**options: Any) -> Any:
        module = importlib.import_module("torch.utils.data.dataloader")
        more = {} if own else {"batch_size": None}
        return module.DataLoader([1, 2, 3, 4], num_workers=1, **more, **options)

    yield made
    gc.collect()
    for name in [name for name in sys.modules if own and name.partition(".")[0] == "torch"]:
        del sys.modules[name]


def told(tracker: Tracker) -> list[tuple[str, str, list[str]]]:
    """The findings: rule, class, and the classes below it."""
    gc.collect()
    return [
        (found.rule, last(found.resource.type), [last(child.resource.type) for child in found.children])
        for found in tracker.find_leaks()
    ]


def last(name: str) -> str:
    return name.rpartition(".")[2].removeprefix("Fork").removeprefix("Spawn")


@pytest.mark.parametrize("names", [(), ("torch",)], ids=["stdlib", "torch"])
def test_iterator_that_ends_its_workers(watching: Callable[..., Tracker], make: Make, names: tuple[str, ...]) -> None:
    """One that comes to its end, and one that a loop has left and dropped, end their workers: by design no leak."""
    tracker = watching(*names)
    before = tracker.report().totals
    with tracker.scope("job"):
        loader = make()
        assert len(list(loader)) == 4
        for _ in loader:
            break
        for _ in make(persistent_workers=True):
            pass
    assert told(tracker) == []
    after = tracker.report().totals
    assert (after.unknown - before.unknown, after.acquired - before.acquired >= 3) == (0, True)


def test_iterator_that_is_kept(watching: Callable[..., Tracker], make: Make, line_of: Callable[[Finding], str]) -> None:
    """An iterator in the middle that outlives its scope is one finding, with its workers below it."""
    tracker = watching("torch")
    loader = make()
    with tracker.scope("job"):
        kept = iter(loader)  # site
        next(kept)
    (finding,) = tracker.find_leaks()
    assert told(tracker) == [("LT103", ITERATOR, [PROCESS])]
    assert "# site" in line_of(finding)
    assert "drop it" in finding.message
    assert len(list(kept)) == 3
    assert next(entry for entry in tracker.report().types if last(entry.type) == ITERATOR).live == 0


def test_persistent_workers_belong_to_the_loader(watching: Callable[..., Tracker], make: Make) -> None:
    """They are no leak of the scope that first used the loader; a loader made there is one, if it has them."""
    tracker = watching("torch")
    outer = make(persistent_workers=True)
    with tracker.scope("first use"):
        assert len(list(outer)) == 4
    assert told(tracker) == []
    with tracker.scope("job"):
        idle, inner = make(persistent_workers=True), make(persistent_workers=True)
        assert len(list(inner)) == 4
    assert told(tracker) == [("LT103", LOADER, [ITERATOR])]
    del idle, inner


def test_workers_end_with_the_process(watching: Callable[..., Tracker], make: Make) -> None:
    """An iterator that is live when the process ends is no leak: its workers are daemons."""
    tracker = watching("torch")
    kept = iter(make())
    next(kept)
    assert told(tracker) == []
    del kept
