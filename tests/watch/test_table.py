"""Every row of the tables, both ways: the leak is found at its line, and what is released is not spoken of."""

from __future__ import annotations

import bz2
import contextlib
import gc
import gzip
import io
import lzma
import multiprocessing
import multiprocessing.pool
import os
import selectors
import shelve
import socketserver
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dbm import dumb
from multiprocessing.managers import SyncManager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


class Kind(NamedTuple):
    """How a program makes one resource, and how it releases it."""

    type: str
    make: Callable[[Path], Any]
    release: Callable[[Any], object]
    #: Types of the parts that are told with it.
    parts: tuple[str, ...] = ()
    #: Whether somebody else keeps it alive, so that it cannot be dropped.
    is_held: bool = False


def _close(resource: Any) -> None:
    resource.close()


def _gzip(folder: Path) -> Any:
    return gzip.open(folder / "file.gz", "wb")  # site: gzip


def _gzip_text(folder: Path) -> Any:
    return gzip.open(folder / "file.gz", "wt", encoding="utf-8")  # site: gzip text


def _bz2(folder: Path) -> Any:
    return bz2.open(folder / "file.bz2", "wb")  # site: bz2


def _lzma(folder: Path) -> Any:
    return lzma.open(folder / "file.xz", "wb")  # site: lzma


def _zip(folder: Path) -> Any:
    return zipfile.ZipFile(folder / "file.zip", "w")  # site: zip


def _zip_member(folder: Path) -> Any:
    with zipfile.ZipFile(folder / "file.zip", "w") as archive:
        archive.writestr("name", "text")
    with zipfile.ZipFile(folder / "file.zip") as archive:
        return archive.open("name")  # site: zip member


def _tar(folder: Path) -> Any:
    return tarfile.open(folder / "file.tar", "w")  # site: tar


def _tar_gz(folder: Path) -> Any:
    return tarfile.open(folder / "file.tar.gz", "w:gz")  # site: tar.gz


def _shelf(folder: Path) -> Any:
    return shelve.open(os.fspath(folder / "shelf"))  # site: shelf


def _dumb(folder: Path) -> Any:
    return dumb.open(os.fspath(folder / "dumb"))  # site: dumb


def _selector(folder: Path) -> Any:
    return selectors.DefaultSelector()  # site: selector


def _server(folder: Path) -> Any:
    return socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)  # site: server


def _threads(folder: Path) -> Any:
    return ThreadPoolExecutor(1)  # site: threads


def _processes(folder: Path) -> Any:
    return ProcessPoolExecutor(1)  # site: processes


def _child(folder: Path) -> Any:
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()  # site: child
    return process


def _pool(folder: Path) -> Any:
    return multiprocessing.get_context("fork").Pool(1)  # site: pool


def _end_pool(pool: Any) -> None:
    pool.close()
    pool.join()


def _manager(folder: Path) -> Any:
    manager = SyncManager(ctx=multiprocessing.get_context("fork"))
    manager.start()  # site: manager
    return manager


def _memory(folder: Path) -> Any:
    return SharedMemory(create=True, size=16)  # site: memory


def _end_memory(memory: Any) -> None:
    memory.close()
    memory.unlink()


def _pipe(folder: Path) -> Any:
    reader, writer = multiprocessing.Pipe(duplex=False)  # site: pipe
    writer.close()
    return reader


KINDS = {
    "gzip": Kind("gzip.GzipFile", _gzip, _close, ("_io.BufferedWriter",)),
    "gzip text": Kind("gzip.GzipFile", _gzip_text, _close, ("_io.BufferedWriter",)),
    "bz2": Kind("bz2.BZ2File", _bz2, _close, ("_io.BufferedWriter",)),
    "lzma": Kind("lzma.LZMAFile", _lzma, _close, ("_io.BufferedWriter",)),
    "zip": Kind("zipfile.ZipFile", _zip, _close, ("_io.BufferedRandom",)),
    "zip member": Kind("zipfile.ZipExtFile", _zip_member, _close),
    "tar": Kind("tarfile.TarFile", _tar, _close, ("_io.BufferedWriter",)),
    "tar.gz": Kind("tarfile.TarFile", _tar_gz, _close, ("gzip.GzipFile",)),
    "shelf": Kind("shelve.DbfilenameShelf", _shelf, _close),
    "dumb": Kind("dbm.dumb._Database", _dumb, _close),
    "selector": Kind("selectors.EpollSelector", _selector, _close),
    "server": Kind("socketserver.TCPServer", _server, lambda server: server.server_close(), ("socket.socket",)),
    "threads": Kind("concurrent.futures.thread.ThreadPoolExecutor", _threads, lambda pool: pool.shutdown()),
    "processes": Kind("concurrent.futures.process.ProcessPoolExecutor", _processes, lambda pool: pool.shutdown()),
    "child": Kind("multiprocessing.context.ForkProcess", _child, lambda process: process.join(), is_held=True),
    "pool": Kind(
        "multiprocessing.pool.Pool", _pool, _end_pool, ("multiprocessing.context.ForkProcess",), is_held=True
    ),
    "manager": Kind(
        "multiprocessing.managers.SyncManager", _manager, lambda manager: manager.shutdown(),
        ("multiprocessing.context.ForkProcess",), is_held=True,
    ),
    "memory": Kind("multiprocessing.shared_memory.SharedMemory", _memory, _end_memory),
    "pipe": Kind("multiprocessing.connection.Connection", _pipe, _close),
}  # fmt: skip
each_kind = pytest.mark.parametrize("name", KINDS)
DROPPED = [name for name, kind in KINDS.items() if not kind.is_held]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def of_type(findings: list[Finding], kind: Kind) -> list[Finding]:
    return [found for found in findings if found.resource.type == kind.type]


@each_kind
def test_live_at_the_end_of_a_scope(
    name: str, watching: Tracker, line_of: Callable[[Finding], str], tmp_path: Path
) -> None:
    """What a scope leaves open is LT103 at the line that acquired it, with its parts below it; nothing else is told."""
    kind = KINDS[name]
    with watching.scope("job"):
        resource = kind.make(tmp_path)
    findings = of_type(watching.find_leaks(), kind)
    everything = [found.resource.type for found in watching.find_leaks() if found.resource.type != "threading.Thread"]
    kind.release(resource)
    assert [(found.rule, found.hint is not None) for found in findings] == [("LT103", True)]
    assert f"# site: {name}" in line_of(findings[0])
    assert {child.resource.type for child in findings[0].children} >= set(kind.parts)
    assert everything[:1] == [kind.type] or kind.type in everything
    assert not set(kind.parts) & set(everything)


@pytest.mark.parametrize("name", DROPPED)
def test_dropped(name: str, watching: Tracker, line_of: Callable[[Finding], str], tmp_path: Path) -> None:
    """What is dropped without its release is LT102 at the line that acquired it."""
    kind = KINDS[name]
    resource = kind.make(tmp_path)
    rest = (lambda: _end_memory(SharedMemory(resource_name))) if name == "memory" else None
    resource_name = resource.name if name == "memory" else ""
    del resource
    gc.collect()
    findings = of_type(watching.find_leaks(), kind)
    if rest is not None:
        rest()
    assert [found.rule for found in findings] == ["LT102"]
    assert f"# site: {name}" in line_of(findings[0])


@pytest.mark.parametrize("name", DROPPED)
def test_dropped_in_a_cycle(name: str, watching: Tracker, tmp_path: Path) -> None:
    """The cycle collector's release is a leak too."""
    kind = KINDS[name]
    ring: list[Any] = [kind.make(tmp_path)]
    ring.append(ring)
    resource_name = ring[0].name if name == "memory" else ""
    del ring
    gc.collect()
    findings = of_type(watching.find_leaks(), kind)
    if resource_name:
        _end_memory(SharedMemory(resource_name))
    assert [found.rule for found in findings] == ["LT102"]


@each_kind
def test_released(name: str, watching: Tracker, tmp_path: Path) -> None:
    """What is released is not spoken of, nor is anything that came with it, and it is counted."""
    kind = KINDS[name]
    with watching.scope("job"):
        resource = kind.make(tmp_path)
        kind.release(resource)
    assert watching.find_leaks() == []
    del resource
    gc.collect()
    assert watching.find_leaks() == []
    totals = {total.type: total for total in watching.snapshot().types}[kind.type]
    assert totals.live == 0
    assert totals.released == totals.acquired > 0


@each_kind
def test_released_by_a_with_block(name: str, watching: Tracker, tmp_path: Path) -> None:
    """The end of a 'with' block is a release; what has none needs closing()."""
    kind = KINDS[name]
    with watching.scope("job"):
        resource = kind.make(tmp_path)
        if hasattr(resource, "__exit__"):
            with resource:
                pass
        else:
            kind.release(resource)
        if name == "pool":
            resource.join()
    del resource
    gc.collect()
    assert watching.find_leaks() == []


def test_readers_of_what_is_in_memory(watching: Tracker, tmp_path: Path) -> None:
    """What only reads from somebody else's file has nothing to give back; what writes there has something to finish."""
    for name in ("gzip", "bz2", "lzma", "zip", "tar", "tar.gz"):
        kind = KINDS[name]
        kind.make(tmp_path).close()
    member = _zip_member(tmp_path)
    member.close()
    read = {path.suffix: io.BytesIO(path.read_bytes()) for path in tmp_path.iterdir()}
    written = io.BytesIO()
    with watching.scope("job"):
        kept: list[Any] = [gzip.open(read[".gz"]), bz2.open(read[".bz2"]), lzma.open(read[".xz"])]
        kept += [archive := zipfile.ZipFile(read[".zip"]), archive.open("name"), tarfile.open(fileobj=read[".tar"])]
        read[".gz"].seek(0)
        with contextlib.suppress(tarfile.ReadError):
            kept.append(tarfile.open(fileobj=read[".gz"], mode="r:gz"))
        silent = watching.find_leaks()
        zipfile.ZipFile(written, "w")
    gc.collect()
    assert silent == []
    assert [found.resource.type for found in watching.find_leaks()] == ["zipfile.ZipFile"]


def test_subclass_that_lacks_what_its_base_has(watching: Tracker, tmp_path: Path) -> None:
    """Whatever a row asks of a program's own subclass, watching it raises nothing."""

    class Odd(zipfile.ZipFile):
        @property
        def _filePassed(self) -> int:
            raise LookupError

        @_filePassed.setter
        def _filePassed(self, value: int) -> None:
            """Keep nothing."""

        @property
        def fp(self) -> Any:
            return vars(self).get("file")

        @fp.setter
        def fp(self, file: Any) -> None:
            vars(self)["file"] = file

    archive = Odd(io.BytesIO(), "w")
    assert "Odd" in str([found.resource.type for found in watching.find_leaks()])
    vars(archive)["file"] = None
    assert watching.find_leaks() == []
