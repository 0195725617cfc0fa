"""Compressed files, archives and persistent dictionaries: they own the file that they opened themselves."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, attributes, declare, is_none, is_true

_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"
_WRITTEN = f"{_WITH}: what was written is complete only then"


def _own_compressed(file: Any) -> tuple[object, ...]:
    """The file below a BZ2File or LZMAFile, if that opened it."""
    return (file._fp,) if file._closefp else ()


def _own_archive(archive: Any) -> tuple[object, ...]:
    return () if archive._filePassed else (archive.fp,)


def _own_tar(archive: Any) -> tuple[object, ...]:
    """The file below an archive; the layer that decompresses for it is made for it alone."""
    file = archive.fileobj
    made_here = not archive._extfileobj or type(file).__name__ in {"GzipFile", "BZ2File", "LZMAFile"}
    return (file,) if made_here else ()


def _archive_of(member: Any) -> object:
    """The archive that a member is read from: the one to be told when it was read."""
    return getattr(getattr(member._fileobj, "_close", None), "__self__", None)


ARCHIVES: tuple[Row, ...] = (
    Row(
        ("gzip",), "gzip", "GzipFile", CLASSES,
        declare("close", released_when=is_none("fileobj"), hint=_WRITTEN), parts=attributes("myfileobj"),
    ),
    Row(
        ("bz2",), "bz2", "BZ2File", CLASSES,
        declare("close", released_when=is_none("_fp"), hint=_WRITTEN), parts=_own_compressed,
    ),
    Row(
        ("lzma",), "lzma", "LZMAFile", CLASSES,
        declare("close", released_when=is_none("_fp"), hint=_WRITTEN), parts=_own_compressed,
    ),
    Row(
        ("zipfile",), "zipfile", "ZipFile", CLASSES,
        declare("close", released_when=is_none("fp"), hint=_WRITTEN), parts=_own_archive,
    ),
    Row(
        ("zipfile",), "zipfile", "ZipExtFile", CLASSES,
        declare("close", released_when=is_true("closed"),
                hint=f"{_WITH}: the file of its archive stays open until then"),
        parent=_archive_of,
    ),
    Row(
        ("zipfile",), "zipfile", "_ZipWriteFile", CLASSES,
        declare("close", released_when=is_true("closed"), hint=_WRITTEN), parent=lambda member: member._zipfile,
    ),
    Row(
        ("tarfile",), "tarfile", "TarFile", CLASSES,
        declare("close", released_when=is_true("closed"), hint=_WRITTEN), parts=_own_tar,
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
