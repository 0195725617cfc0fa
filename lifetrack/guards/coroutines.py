"""Guards of coroutine functions: plain functions that answer as coroutine functions do."""

from __future__ import annotations

import sys
from typing import Any

_CO_COROUTINE = 0x80


def mark_coroutine(guard: Any, original: object) -> None:
    """Let ``iscoroutinefunction`` say of a guard what it says of its original; on 3.11 only that of asyncio does.

    The guard stays a plain function, so that a misuse is noticed at the call and not when the result is awaited.
    """
    code = getattr(original, "__code__", None)
    if code is None or not code.co_flags & _CO_COROUTINE:
        return
    if sys.version_info >= (3, 12):
        import inspect

        inspect.markcoroutinefunction(guard)
        return
    coroutines = sys.modules.get("asyncio.coroutines")
    if coroutines is not None:
        guard._is_coroutine = getattr(coroutines, "_is_coroutine", None)
