"""Waiting and being cancelled, under asyncio and trio (and so anyio): nothing of theirs is imported for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from lifetrack.ledger.moment import running_trio


async def pause(seconds: float) -> None:
    """Let other tasks run for a moment, whatever the event loop.

    Under trio a wait in a cancelled scope would end at once, and one outside would be a place more at which a task can
    be cancelled; the moment is short, so it is not one.
    """
    trio = running_trio()
    if trio is not None:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        return
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        await asyncio.sleep(seconds)
    else:  # another event loop: a moment of its time is better than a dependency on it
        time.sleep(seconds)  # noqa: ASYNC251


def is_cancellation(error: BaseException) -> bool:
    """Whether it is the cancellation of a task, as asyncio or trio raise it; anyio raises theirs."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    kinds = (getattr(asyncio, "CancelledError", None), getattr(trio, "Cancelled", None))
    return any(kind is not None and isinstance(error, kind) for kind in kinds)


def joined(message: str, errors: Sequence[BaseException]) -> BaseException:
    """Give the one exception that stands for several; all of them are kept.

    Ordinary errors make a group. What ends a task, a generator or the process must be seen by whoever waits for it,
    and asyncio looks at the type alone: so it is given bare, with the group of the others as its cause. Trio looks into
    groups, and takes its own cancellations out of them: there they stay with the others, which go on.
    """
    endings = [error for error in errors if not isinstance(error, (Exception, BaseExceptionGroup))]
    rest = [error for error in errors if isinstance(error, (Exception, BaseExceptionGroup))]
    if len(errors) == 1 and not isinstance(errors[0], Exception):
        errors[0].add_note(message)
        return errors[0]
    if not endings:
        return BaseExceptionGroup(message, rest)
    urgent = next((error for error in endings if not is_cancellation(error)), endings[0])
    if rest and type(urgent).__module__.partition(".")[0] == "trio":
        return BaseExceptionGroup(message, [urgent, *rest])
    others = [error for error in errors if error is not urgent and not _is_like(error, urgent)]
    if not others:
        urgent.add_note(message)
        return urgent
    if urgent.__cause__ is not None:
        others.append(urgent.__cause__)
    urgent.__cause__ = BaseExceptionGroup(message, others)
    return urgent


def _is_like(error: BaseException, other: BaseException) -> bool:
    """Whether one cancellation says as much as the other: each release that is awaited may raise one more."""
    return is_cancellation(error) and is_cancellation(other)
