"""Visibility: our warnings are seen where nobody has said which warnings are, although Python hides their kind."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from lifetrack.values.errors import LeakWarning
from lifetrack.values.settings import Policy


class Visibility:
    """One filter of ours among the warning filters, while it is needed."""

    def __init__(self) -> None:
        self._filter: tuple[Any, ...] | None = None

    def show(self, policy: Policy) -> None:
        """Let our warnings be seen, if the policy warns at all and nobody else has decided about them."""
        if self._filter is not None or "warn" not in (policy.default, *policy.rules.values()):
            return
        if not _hidden_by_default():
            return
        before = list(warnings.filters)
        warnings.simplefilter("default", LeakWarning)
        self._filter = next((item for item in warnings.filters if item not in before), None)

    def restore(self) -> None:
        """Take the filter out again."""
        if self._filter is not None and self._filter in warnings.filters:
            warnings.filters.remove(self._filter)  # type: ignore[attr-defined]
        self._filter = None


def _hidden_by_default() -> bool:
    """Whether our warnings are hidden, and only because Python hides ResourceWarning where nobody says otherwise."""
    ours = (item for item in warnings.filters if issubclass(LeakWarning, item[2]) and item[1] is None is item[3])
    return not sys.warnoptions and next(ours, None) == ("ignore", None, ResourceWarning, None, 0)
