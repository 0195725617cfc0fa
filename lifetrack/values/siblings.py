"""Siblings: how the other resources of one site ended, and where a leak parted from them."""

from __future__ import annotations

from collections.abc import Iterable

from lifetrack.values.making import dataclass
from lifetrack.values.stacks import Site

#: How a leak parted from its siblings: by an exception, by a transfer, or because it was made for another caller.
EXCEPTION, TRANSFER, CALLER = "exception", "transfer", "caller"


@dataclass(frozen=True, slots=True)
class ReleasedAt:
    """How many resources of one site were released at a place; ``site`` is None for all places beyond those kept."""

    site: Site | None
    count: int


@dataclass(frozen=True, slots=True)
class Siblings:
    """What became of all resources of one type that one site has acquired.

    ``released`` counts those whose duty was met, ``acquired`` these and all that leaked or are live. Where not
    ``exact``, both are about the first 10,000 of the type only. ``places`` are those of the releases, the most
    frequent first.
    """

    acquired: int
    released: int
    places: tuple[ReleasedAt, ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Parted:
    """Where a leak parted from its siblings that were released.

    ``how`` is one of :data:`EXCEPTION`, :data:`TRANSFER` and :data:`CALLER`; ``detail`` names the exception, the new
    owner or the calling function. ``others`` is the caller for whom most of the others were acquired.
    """

    how: str
    detail: str
    site: Site | None
    others: Site | None = None


def summed(families: Iterable[Siblings]) -> Siblings:
    """Add up what is known of the same site in several processes."""
    acquired, released, exact = 0, 0, True
    counts: dict[Site | None, int] = {}
    for each in families:
        acquired, released, exact = acquired + each.acquired, released + each.released, exact and each.exact
        for place in each.places:
            counts[place.site] = counts.get(place.site, 0) + place.count
    places = sorted(counts.items(), key=lambda item: (item[0] is None, -item[1], str(item[0])))
    return Siblings(acquired, released, tuple(ReleasedAt(*each) for each in places), exact)
