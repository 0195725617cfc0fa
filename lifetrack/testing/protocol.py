"""The whole protocol of a plugin: every legal and every illegal sequence is tried on what a factory makes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from lifetrack.testing.cases import CASES, Skip
from lifetrack.testing.clocks import FakeClock
from lifetrack.testing.results import FAILED, PASSED, SKIPPED, Outcome, ProtocolError, ProtocolReport
from lifetrack.testing.subject import Subject
from lifetrack.unittests.sessions import tracking
from lifetrack.values.errors import ConfigurationError, LifetrackError

_Factory = Callable[[], Any]


def check_protocol(
    factory: Callable[[], object] | Callable[[], Awaitable[object]],
    *,
    release: str | None = None,
    use: Callable[[Any], object] | None = None,
    child: Callable[[Any], object] | None = None,
    failing: Callable[[], object] | None = None,
    skip: Collection[str] = (),
) -> ProtocolReport:
    """Make objects with ``factory`` and try every sequence of acquire, use and release on them.

    The class may be declared with ``@tracked``, and is then held to its declaration; any other object is tracked by
    ``release`` or by the usual names. ``use`` is one legal use, by default nothing is used while it is live; ``child``
    makes something that depends on the object; ``failing`` is a factory whose construction raises. ``skip`` names
    expectations that do not hold by design. Factory, uses and release methods may be coroutine functions.

    Gives what was tried; raises ProtocolError that names every expectation that failed, and ConfigurationError where
    the factory gives what is not acquired, and in a running event loop, where :func:`acheck_protocol` is to be awaited.
    """
    subject = Subject(factory, release, use, child, failing)
    names = _checked(skip)
    with tracking("raise") as tracker, FakeClock():  # nothing is waited for: a grace is over at once
        subject.tracker = tracker
        if _is_in_loop():
            raise ConfigurationError("check_protocol() runs its own event loop: await acheck_protocol() in this one")
        if subject.is_async():
            return asyncio.run(_judged(subject, names))
        return _driven(subject, names)


async def acheck_protocol(
    factory: Callable[[], object] | Callable[[], Awaitable[object]],
    *,
    release: str | None = None,
    use: Callable[[Any], object] | None = None,
    child: Callable[[Any], object] | None = None,
    failing: Callable[[], object] | None = None,
    skip: Collection[str] = (),
) -> ProtocolReport:
    """Do the same as :func:`check_protocol` in the running event loop."""
    subject = Subject(factory, release, use, child, failing)
    names = _checked(skip)
    with tracking("raise") as tracker, FakeClock():
        subject.tracker = tracker
        return await _judged(subject, names)


def _checked(skip: Collection[str]) -> frozenset[str]:
    if isinstance(skip, str):
        raise ConfigurationError(f"skip= takes several names: write skip=({skip!r},)")
    known = [case.name for case in CASES]
    for name in skip:
        if name not in known:
            raise ConfigurationError(f"unknown expectation {name!r}: use names of {', '.join(known)}")
    return frozenset(skip)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _driven(subject: Subject, skip: frozenset[str]) -> ProtocolReport:
    """Run without an event loop, which nothing of the subject needs."""
    judging = _judged(subject, skip)
    try:
        judging.send(None)
    except StopIteration as end:
        report: ProtocolReport = end.value
        return report
    finally:
        judging.close()
    raise ConfigurationError("something waits for an event loop: make the factory a coroutine function")


async def _judged(subject: Subject, skip: frozenset[str]) -> ProtocolReport:
    outcomes = []
    for case in CASES:
        if case.name in skip:
            outcomes.append(Outcome(case.name, case.expected, SKIPPED, "by request"))
            continue
        try:
            happened = await case.trial(subject)
        except Skip as reason:
            outcomes.append(Outcome(case.name, case.expected, SKIPPED, str(reason)))
            continue
        except ConfigurationError:  # what was handed over cannot be exercised
            raise
        except Exception as error:  # whatever the plugin raises is what happened
            happened = _told(error)
        finally:
            await subject.tidy()
        outcomes.append(Outcome(case.name, case.expected, FAILED if happened else PASSED, happened))
    report = ProtocolReport(subject.name, tuple(outcomes))
    if report.failed:
        raise ProtocolError(report)
    return report


def _told(error: Exception) -> str:
    """Tell an exception: ours by its message, another one by its type and place, for its text may be secret."""
    if isinstance(error, LifetrackError):
        return f"it raised {type(error).__name__}: {error}"
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ is not None else []
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"it raised {type(error).__name__}{place}"
