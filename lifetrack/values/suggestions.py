"""Suggestions: the source as it could be, so that a resource is released."""

from __future__ import annotations

from lifetrack.values.making import dataclass
from lifetrack.values.stacks import Site


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to write at a place instead: one sentence, and the code; empty where the sentence says it all.

    ``site`` is the place to change: that of the acquisition, or of the caller who gets the resource.
    """

    site: Site
    text: str
    code: str = ""
