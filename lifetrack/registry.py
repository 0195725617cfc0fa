"""The registry: which classes are declared, whether tracking is on or off. It keeps no class alive."""

from __future__ import annotations

import weakref

from lifetrack.instrument.classes import Classes
from lifetrack.values.declarations import Declaration


class Registry:
    """The declared classes of one tracker, oldest first."""

    def __init__(self) -> None:
        self._declared: list[tuple[weakref.ref[type], Declaration]] = []

    def add(self, cls: type, declaration: Declaration) -> None:
        """Remember a declaration; a later one of the same class replaces the earlier."""
        self._declared = [(ref, old) for ref, old in self._declared if ref() is not None and ref() is not cls]
        self._declared.append((weakref.ref(cls), declaration))

    def install(self, classes: Classes) -> None:
        """Instrument every declared class."""
        for ref, declaration in self._declared:
            cls = ref()
            if cls is not None:
                classes.install(cls, declaration)
