"""A made-up library: a harbour lends boats, which it keeps for the next passenger."""

from __future__ import annotations

from ferry.harbour import Boat, Harbour

__all__ = ["Boat", "Harbour"]
