"""The expectations of a protocol, in the order in which they are tried."""

from __future__ import annotations

import gc
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from lifetrack.testing.subject import Subject, refusal, settled
from lifetrack.values.declarations import INIT
from lifetrack.values.errors import LifetrackError
from lifetrack.values.findings import Finding

_MANY = 5


class Skip(Exception):  # noqa: N818 - it is no error
    """An expectation that cannot be tried; the text says what is missing."""


class Case(NamedTuple):
    """One expectation: ``trial`` gives what happened instead, empty where it was met."""

    name: str
    expected: str
    trial: Callable[[Subject], Awaitable[str]]


CASES: list[Case] = []


def _case(name: str, expected: str) -> Callable[[Callable[[Subject], Awaitable[str]]], None]:
    return lambda trial: CASES.append(Case(name, expected, trial))


def _listed(findings: list[Finding]) -> str:
    return "; ".join(f"{finding.rule} {finding.name}: {finding.message}" for finding in findings)


async def _clean(subject: Subject, steps: Callable[[], Awaitable[None]]) -> str:
    return _listed(await subject.leaks_of(steps))


async def _refused(action: Callable[[], Any], *rules: str) -> str:
    error = await refusal(action)
    if error is None:
        return "nothing was raised"
    if error.finding is None or error.finding.rule not in rules:
        return f"it raised {type(error).__name__}: {error}"
    return ""


# -- legal ---------------------------------------------------------------------------------------------------------


@_case("release", "what is acquired and released leaves nothing open")
async def _release(subject: Subject) -> str:
    async def steps() -> None:
        obj = await subject.make()
        await subject.release(obj)

    return await _clean(subject, steps)


@_case("use", "a live object can be used, then released")
async def _use(subject: Subject) -> str:
    async def steps() -> None:
        obj = await subject.make()
        if not await subject.use(obj):
            raise Skip("say how with use=")
        await subject.release(obj)

    return await _clean(subject, steps)


@_case("many", "several live objects can be released in any order")
async def _many(subject: Subject) -> str:
    async def steps() -> None:
        made = [await subject.make() for _ in range(_MANY)]
        for obj in (*made[1::2], *made[0::2]):
            await subject.release(obj)

    return await _clean(subject, steps)


@_case("re-entrant", "one object can be made and released while another one is live, again and again")
async def _reentrant(subject: Subject) -> str:
    async def steps() -> None:
        outer = await subject.make()
        for _ in range(_MANY):
            await subject.release(await subject.make())
        await subject.release(outer)

    return await _clean(subject, steps)


async def _in_block(obj: Any, body: Callable[[], Awaitable[None]]) -> None:
    if hasattr(obj.__class__, "__aexit__"):
        async with obj:
            await body()
    elif hasattr(obj.__class__, "__exit__"):
        with obj:
            await body()
    else:
        raise Skip("it is no context manager")


@_case("with-block", "a 'with' block releases it")
async def _with_block(subject: Subject) -> str:
    async def steps() -> None:
        obj = await subject.make()
        await _in_block(obj, _nothing)

    return await _clean(subject, steps)


class _Own(Exception):  # noqa: N818 - it is thrown to be caught
    """Raised in a block by the exercise."""


@_case("with-block-left", "a 'with' block that an exception leaves releases it all the same")
async def _with_block_left(subject: Subject) -> str:
    async def fail() -> None:
        raise _Own

    async def steps() -> None:
        obj = await subject.make()
        try:
            await _in_block(obj, fail)
        except _Own:
            return

    return await _clean(subject, steps)


@_case("exit-after-release", "the end of a 'with' block after an explicit release is no double release")
async def _exit_after_release(subject: Subject) -> str:
    async def steps() -> None:
        obj = await subject.make()
        await _in_block(obj, lambda: subject.release(obj))

    return await _clean(subject, steps)


async def _nothing() -> None:
    """Do nothing."""


# -- illegal -------------------------------------------------------------------------------------------------------


@_case("use-after-release", "every use after the release is refused (LT201)")
async def _use_after_release(subject: Subject) -> str:
    obj = await subject.make()
    if subject.rules(obj).guard == "none":
        raise Skip('its uses are not guarded: guard="none"')
    uses = subject.uses(obj)
    if not uses:
        raise Skip("it has no public methods: say how it is used with use=")
    await subject.release(obj)
    told = [(name, await _refused(use, "LT201")) for name, use in uses.items()]
    return "; ".join(f"{name}(): {happened}" for name, happened in told if happened)


@_case("double-release", "a second release is refused (LT202), or does nothing where it is declared idempotent")
async def _double_release(subject: Subject) -> str:
    obj = await subject.make()
    await subject.release(obj)
    if subject.rules(obj).idempotent:
        await subject.release(obj)
        return ""
    if subject.rules(obj).guard == "none":
        raise Skip('its release is not guarded: guard="none"')
    return await _refused(lambda: subject.release(obj), "LT202")


@_case("other-thread", "another thread may release it, or is refused (LT401) where it is bound to its own")
async def _other_thread(subject: Subject) -> str:
    obj = await subject.make()
    if subject.is_released_by_coroutine(obj):
        raise Skip("its release is awaited")
    raised: list[BaseException] = []

    def release() -> None:
        try:
            subject.release_here(obj)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=release, name="lifetrack.testing")
    thread.start()
    thread.join()
    if not subject.rules(obj).thread_bound:
        if raised:
            raise raised.pop()
        return ""
    error = raised.pop() if raised else None
    if isinstance(error, LifetrackError) and error.finding is not None and error.finding.rule == "LT401":
        return ""
    return "the release in another thread was let through" if error is None else f"it raised {type(error).__name__}"


@_case("left-open", "what is not released is found at the end of its scope (LT103)")
async def _left_open(subject: Subject) -> str:
    async def steps() -> None:
        await subject.make()

    found = await subject.leaks_of(steps)
    return "" if any(finding.rule == "LT103" for finding in found) else _listed(found) or "nothing was found"


@_case("collected", "what is dropped without its release is collected and found (LT102)")
async def _collected(subject: Subject) -> str:
    async def steps() -> None:
        await subject.make_and_forget()
        gc.collect()

    found = await subject.leaks_of(steps)
    if any(finding.rule == "LT102" for finding in found):
        return ""
    alive = any(finding.rule == "LT103" for finding in found)
    return "something keeps it alive" if alive else _listed(found) or "nothing was found"


@_case("failing-constructor", "a construction that raises leaves nothing open")
async def _failing_constructor(subject: Subject) -> str:
    failing = subject.failing
    if failing is None:
        raise Skip("hand over a factory that raises with failing=")
    happened = ["its construction did not raise"]

    async def steps() -> None:
        try:
            await settled(failing())
        except LifetrackError:
            raise
        except Exception:
            happened.clear()

    found = await subject.leaks_of(steps)
    return "".join(happened) or _listed(found)  # what a construction gives that does not raise is no leak of it


@_case("use-before-acquire", "a use before the acquire method ran is refused (LT205)")
async def _use_before_acquire(subject: Subject) -> str:
    obj = await subject.make()
    rules = subject.rules(obj)
    await subject.release(obj)
    if rules.acquire == INIT:
        raise Skip("it is acquired by its constructor")
    try:
        raw = obj.__class__()
    except TypeError:
        raise Skip("its constructor needs arguments") from None
    uses = subject.uses(raw)
    if not uses:
        raise Skip("it has no public methods but those that acquire and release")
    return await _refused(next(iter(uses.values())), "LT205")


@_case("children-first", "its children can be released before it")
async def _children_first(subject: Subject) -> str:
    async def steps() -> None:
        obj = await subject.make()
        child = await subject.make_child(obj)
        if child is None:
            raise Skip("say with child= how what depends on it is made")
        await subject.release_child(child)
        await subject.release(obj)

    return await _clean(subject, steps)


@_case("parent-first", "a release before that of its children is told (LT303)")
async def _parent_first(subject: Subject) -> str:
    happened: list[str] = []

    async def steps() -> None:
        obj = await subject.make()
        child = await subject.make_child(obj)
        if child is None:
            raise Skip("say with child= how what depends on it is made")
        happened.append(await _refused(lambda: subject.release(obj), "LT303"))
        try:
            await subject.release_child(child)
        except LifetrackError:
            return  # its parent is gone, which was to be shown

    await subject.leaks_of(steps)
    return "".join(happened)
