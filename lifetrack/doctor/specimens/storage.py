"""Specimens of archives, compressed files, persistent dictionaries and logs."""

from __future__ import annotations

STORAGE: dict[tuple[str, str], str] = {
    ("gzip", "GzipFile"): """
import gzip
resource = gzip.open(path, "wb")  # leak
# release
resource.close()
""",
    ("bz2", "BZ2File"): """
import bz2
resource = bz2.open(path, "wb")  # leak
# release
resource.close()
""",
    ("lzma", "LZMAFile"): """
import lzma
resource = lzma.open(path, "wb")  # leak
# release
resource.close()
""",
    ("zipfile", "ZipFile"): """
import zipfile
resource = zipfile.ZipFile(path, "w")  # leak
# release
resource.close()
""",
    ("zipfile", "ZipExtFile"): """
import zipfile
with zipfile.ZipFile(path, "w") as archive:
    archive.writestr("name", "text")
with zipfile.ZipFile(path) as archive:
    resource = archive.open("name")  # leak
# release
resource.close()
""",
    ("zipfile", "_ZipWriteFile"): """
import zipfile
archive = zipfile.ZipFile(path, "w")
resource = archive.open("name", "w")  # leak
# release
resource.close()
archive.close()
""",
    ("tarfile", "TarFile"): """
import tarfile
resource = tarfile.open(path, "w")  # leak
# release
resource.close()
""",
    ("shelve", "DbfilenameShelf"): """
import shelve
resource = shelve.open(path)  # leak
# release
resource.close()
""",
    ("dbm.dumb", "_Database"): """
import dbm.dumb
resource = dbm.dumb.open(path)  # leak
# release
resource.close()
""",
    ("logging", "FileHandler"): """
import logging
resource = logging.FileHandler(path)  # leak
# release
resource.close()
""",
}
