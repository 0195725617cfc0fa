"""What stands in a module, without asking it: one that is imported lazily would be run by that."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def variables_of(module: object) -> dict[str, Any]:
    """Give a module's own variables; none of what only stands in for a module, as it likes."""
    if not issubclass(type(module), ModuleType):
        return {}
    variables: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return variables
