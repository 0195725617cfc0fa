"""A backend for another system: importing it fails here, as that of a plugin may."""

from __future__ import annotations

raise ImportError("SChannel is a part of Windows; nobody has written this backend")
