"""Compressed files, archives and persistent dictionaries: they own the file that they opened themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, attributes, declare, is_none, is_true

#: How GzipFile, BZ2File and LZMAFile say that they read.
_READS = (1, "rb")
_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"
_WRITTEN = f"{_WITH}: what was written is complete only then"


def _own_compressed(file: Any) -> tuple[object, ...]:
    """The file below a BZ2File or LZMAFile, if that opened it."""
    return (file._fp,) if file._closefp else ()


def _own_archive(archive: Any) -> tuple[object, ...]:
    """The file below a ZipFile, if that opened it."""
    return () if archive._filePassed else (archive.fp,)


def _own_tar(archive: Any) -> tuple[object, ...]:
    """The file below a TarFile; the layer that decompresses for it is made for it alone."""
    file = archive.fileobj
    made_here = not archive._extfileobj or type(file).__name__ in _LAYERS
    return (file,) if made_here else ()


# What only reads from somebody else's file, such as bytes in memory, has nothing to give back and nothing to complete.


def _is_idle_gzip(file: Any) -> bool:
    return file.fileobj is None or (file.mode in _READS and file.myfileobj is None)


def _is_idle_compressed(file: Any) -> bool:
    return file._fp is None or (file._mode in _READS and not file._closefp)


def _is_idle_zip(archive: Any) -> bool:
    return archive.fp is None or (archive.mode == "r" and bool(archive._filePassed))


#: The layers that tarfile puts on a file, and how each is asked whether it has a file of its own.
_LAYERS: dict[str, Callable[[Any], bool]] = {
    "GzipFile": _is_idle_gzip, "BZ2File": _is_idle_compressed, "LZMAFile": _is_idle_compressed,
}  # fmt: skip


def _is_idle_tar(archive: Any) -> bool:
    if archive.closed or archive.mode != "r":
        return bool(archive.closed)
    asks = _LAYERS.get(type(archive.fileobj).__name__)
    return bool(archive._extfileobj) if asks is None else asks(archive.fileobj)


def _archive_of(member: Any) -> object:
    """The archive that a member is read from: the one to be told when it was read."""
    return getattr(getattr(member._fileobj, "_close", None), "__self__", None)


def _is_idle_member(member: Any) -> bool:
    archive: Any = _archive_of(member)
    return bool(member.closed) or archive is None or bool(archive._filePassed)


ARCHIVES: tuple[Row, ...] = (
    Row(
        ("gzip",), "gzip", "GzipFile", CLASSES,
        declare("close", released_when=_is_idle_gzip, hint=_WRITTEN), parts=attributes("myfileobj"),
    ),
    Row(
        ("bz2",), "bz2", "BZ2File", CLASSES,
        declare("close", released_when=_is_idle_compressed, hint=_WRITTEN), parts=_own_compressed,
    ),
    Row(
        ("lzma",), "lzma", "LZMAFile", CLASSES,
        declare("close", released_when=_is_idle_compressed, hint=_WRITTEN), parts=_own_compressed,
    ),
    Row(
        ("zipfile",), "zipfile", "ZipFile", CLASSES,
        declare("close", released_when=_is_idle_zip, hint=_WRITTEN), parts=_own_archive,
    ),
    Row(
        ("zipfile",), "zipfile", "ZipExtFile", CLASSES,
        declare("close", released_when=_is_idle_member,
                hint=f"{_WITH}: the file of its archive stays open until then"),
        parent=_archive_of,
    ),
    Row(
        ("zipfile",), "zipfile", "_ZipWriteFile", CLASSES,
        declare("close", released_when=is_true("closed"), hint=_WRITTEN), parent=lambda member: member._zipfile,
    ),
    Row(
        ("tarfile",), "tarfile", "TarFile", CLASSES,
        declare("close", released_when=_is_idle_tar, hint=_WRITTEN), parts=_own_tar,
    ),
    Row(
        ("shelve",), "shelve", "DbfilenameShelf", CLASSES,
        declare("close", released_when=lambda shelf: type(shelf.dict).__name__ == "_ClosedDict", hint=_WRITTEN),
        parts=attributes("dict"),
    ),
    Row(
        ("dbm",), "dbm.dumb", "_Database", CLASSES,
        declare("close", released_when=is_none("_index"), hint=_WRITTEN),
    ),
)  # fmt: skip
