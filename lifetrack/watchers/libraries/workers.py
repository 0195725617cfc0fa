"""Worker processes: the pools of joblib and loky, of which the reusable one belongs to the process, and torch's."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, declare, is_true
from lifetrack.watchers.tables.workers import workers_of


def _is_shut(executor: Any) -> bool:
    return bool(executor._flags.shutdown or executor._flags.broken)


POOLS: tuple[Row, ...] = tuple(
    Row(
        (watch,), f"{package}.process_executor", "ProcessPoolExecutor", CLASSES,
        declare("shutdown", released_when=_is_shut,
                hint="use it in a 'with' block, or call shutdown() in a 'finally' clause"),
        usual=False, parts=workers_of, grows=True, not_from=(f"{package}.reusable_executor",),
    )
    for watch, package in (("joblib", "joblib.externals.loky"), ("loky", "loky"))
)  # fmt: skip

# -- torch ---------------------------------------------------------------------------------------------------------

_LOADERS = "torch.utils.data.dataloader"


def _always(_: object) -> bool:
    return True


def _if_persistent(loader: Any) -> object:
    """The loader, if it keeps its iterator with the workers for the next time."""
    return loader if loader.persistent_workers else None


def _workers(iterator: Any) -> tuple[object, ...]:
    """The processes of an iterator, and its thread that pins memory."""
    return (*iterator._workers, getattr(iterator, "_pin_memory_thread", None))


# An iterator ends its workers when it has come to its end or is dropped, and there is no other way. They are daemons.
TORCH: tuple[Row, ...] = (
    Row(
        ("torch",), _LOADERS, "DataLoader", CLASSES,
        declare("_shutdown_workers", hollow=True, ends_with_process=_always,
                hint="drop the loader when it has done its work: its workers are persistent, and live as long"),
        usual=False, quiet=True, keeps=("_get_iterator",), keeper=_if_persistent,
    ),
    Row(
        ("torch",), _LOADERS, "_MultiProcessingDataLoaderIter", CLASSES,
        declare("_shutdown_workers", released_when=is_true("_shutdown"), ends_with_process=_always,
                hint="go through it to its end, or drop it (del): its workers live until then"),
        usual=False, quiet=True, parts=_workers,
    ),
)  # fmt: skip

ROWS: tuple[Row, ...] = (*POOLS, *TORCH)
