"""Names for people: absolute and short paths, and text that cannot harm a terminal."""

from __future__ import annotations

import os
import re
import sys

from lifetrack.values.findings import Finding
from lifetrack.values.stacks import Site

# Told by the shape of the path, so that a report of another machine reads the same here.
_INSTALLED = re.compile(r"[/\\](?:site-packages|dist-packages)[/\\]")
_LIBRARY = re.compile(
    r"[/\\](?:site-packages|dist-packages)[/\\]|[/\\][Ll]ib(?:64)?[/\\](?:python\d[.\d]*t?|pypy\d[.\d]*)[/\\]"
)
#: Where installers put the little scripts that start installed programs.
_SCRIPTS = os.path.dirname(os.path.abspath(sys.executable or "python"))
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


def is_artificial(file: str) -> bool:
    """Whether this is a name such as ``<string>`` rather than a path."""
    return file.startswith("<") and file.endswith(">")


def is_standard(file: str) -> bool:
    """Whether a file looks like the standard library's."""
    return is_library(file) and _INSTALLED.search(file) is None and os.path.dirname(file) != _SCRIPTS


def is_library(file: str) -> bool:
    """Whether a file looks like the standard library's or an installed package's rather than the user's own."""
    if file.startswith(("<frozen ", _STANDARD)) or os.path.dirname(file) == _SCRIPTS:
        return True
    return _LIBRARY.search(file) is not None


def is_third_party(finding: Finding) -> bool:
    """Whether an installed package acquired the resource, and no code of the user's took part in that.

    A resource of the standard library's belongs to the installed package that asked for it.
    """
    site = finding.site
    if site is None or not is_library(site.file):
        return False
    sites = finding.events[0].stack if finding.events else ()
    return any(_INSTALLED.search(each.file) for each in (site, *sites))


def absolute(file: str) -> str:
    """Give the absolute path; names such as ``<string>`` stay, and so does a path that nothing is known about."""
    if not file or is_artificial(file) or os.path.isabs(file):
        return file
    # The main script may be known by the relative name it was started with, from a directory that was left since.
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(main, str) and os.path.isabs(main) and main.endswith(os.sep + os.path.normpath(file)):
        return main
    try:
        return os.path.abspath(file)
    except OSError:  # the working directory is gone
        return file


def shortest(file: str) -> str:
    """Give the path relative to the working directory where that is shorter than the absolute one."""
    path = absolute(file)
    if not os.path.isabs(path):
        return path
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the working directory is gone, or the path is on another drive
        return path
    return relative if len(relative) < len(path) else path


def code_of(site: Site) -> str:
    """Give the source line, or nothing where it cannot be had: a report never fails for want of a source."""
    try:
        return site.code
    except Exception:
        return ""


def clean(text: str) -> str:
    """Escape what is not printable: control sequences, line breaks, lone surrogates; tabs become spaces."""
    text = text.replace("\t", " ")
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "backslashreplace").decode("ascii")
        for letter in text
    )
