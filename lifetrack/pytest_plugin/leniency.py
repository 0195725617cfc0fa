"""What is not held against a test: third-party code that nobody here can mend, and what the baseline accepts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lifetrack.ledger.territory import FILES, INSTALLED, USER
from lifetrack.values.findings import Finding
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from lifetrack.reports.baseline import Baseline

_FOLDERS = ("/site-packages/", "/dist-packages/")


class Leniency:
    """What the whole run knows: the packages that count as the user's own, and the baseline.

    ``accepts_all`` is true while the baseline is written.
    """

    def __init__(self, own: Iterable[str] = (), baseline: Baseline | None = None, *, accepts_all: bool = False) -> None:
        self._own = set(own)
        self.baseline = baseline
        self.accepts_all = accepts_all

    def own_package_of(self, path: str) -> None:
        """Count the package of a test file that is itself installed as the user's own."""
        package = _package(path)
        if package is not None:
            self._own.add(package)

    def is_known(self, finding: Finding) -> bool:
        """Whether the baseline accepts a finding."""
        return self.baseline is not None and self.baseline.accepts(finding)

    def is_third_party(self, finding: Finding) -> bool:
        """Whether no code of the user's took part in acquiring it.

        A resource of the standard library's belongs to the installed package that asked for it.
        """
        site = finding.site
        if site is None or FILES[site.file] == USER:
            return False
        sites = finding.events[0].stack if finding.events else ()
        place = next((each for each in (*sites, site) if FILES[each.file] in {USER, INSTALLED}), None)
        return place is not None and self._is_foreign(place)

    def _is_foreign(self, place: Site) -> bool:
        return FILES[place.file] == INSTALLED and _package(place.file) not in self._own


def _package(path: str) -> str | None:
    """Give the import name of the package that an installed file belongs to; None for a file that is not installed."""
    words = path.replace("\\", "/")
    for folder in _FOLDERS:
        if folder in words:
            return os.path.splitext(words.rpartition(folder)[2].partition("/")[0])[0]
    return None
