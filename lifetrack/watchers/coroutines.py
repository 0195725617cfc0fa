"""Telling coroutine functions, without the modules that know everything about functions."""

from __future__ import annotations

from typing import Any

_IS_COROUTINE = 0x80  # of the flags of code: CO_COROUTINE


def is_coroutine_function(function: Any) -> bool:
    """Whether calling it gives something to await, as seen from how it was written."""
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & _IS_COROUTINE)
