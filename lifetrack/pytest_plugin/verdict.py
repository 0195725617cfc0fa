"""Verdicts on findings that no running test can be failed for."""

from __future__ import annotations

from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.territory import FILES, INSTALLED, USER
from lifetrack.values.findings import Finding


def fails_run(finding: Finding, place: Place) -> bool:
    """Whether a late finding fails the run: a test's or a fixture's does.

    What the process acquired does only where the user's own code did it, not a library that it imported: nobody here
    can mend that.
    """
    if place is not PROCESS:
        return True
    sites = finding.events[0].stack if finding.events else ()
    owners = (FILES[site.file] for site in sites or (() if finding.site is None else (finding.site,)))
    return next((owner for owner in owners if owner in {USER, INSTALLED}), None) == USER
