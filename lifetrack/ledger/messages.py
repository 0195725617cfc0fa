"""The sentence of a finding: what happened and what to do."""

from __future__ import annotations

from typing import NamedTuple

from lifetrack.values.declarations import CONTEXT_RELEASES, Declaration
from lifetrack.values.findings import LeftBy
from lifetrack.values.stacks import Site

_LEAKS = {
    "LT101": "was still live when the process ended",
    "LT102": "was garbage-collected without its release",
    "LT103": "was still live when {scope} ended",
    "LT104": "was left behind: its owner, {owner}, {got}{gone}",
    "LT105": "is only half released: its release {failed}",
    "LT106": "cannot be released by anybody: its construction {failed} when it had been acquired",
    "LT404": "was still held when {end}",
    "LT501": "came in {scope} and is still open, and no record explains it",
    "LT502": "came in {scope} and is still running, and no record explains it",
    "LT503": "came in {scope} and is still there, and no record explains it",
    "LT504": "is recorded as released, but the operating system still has it open as descriptor {descriptor}",
}
_MISUSES = {
    "LT109": "was released and is still held by {holder}: drop that reference too",
    "LT201": "was used after its release{meanwhile}: use it before, or release it later",
    "LT202": "was released twice{again}: release it once{otherwise}",
    "LT203": "was used through {handle}",
    "LT204": "was released but never acquired: acquire it first, or release what was acquired",
    "LT205": "was used before {acquire}() had run: call {acquire}() first",
    "LT206": "was released through {through}, but belongs to {owner}: release it there, or take it out there first",
    "LT301": "was released by somebody else than its owner, {owner}: {leave}, or transfer it first",
    "LT302": "was released while it was borrowed: release it when the borrow has ended",
    "LT303": "was released before {children}: release the children first",
    "LT304": "was still borrowed when its owner, {owner}, ended: end the borrow first, or share the resource",
    "LT305": "was used after its parent, {parent}, had been released: finish with it first, then release the parent",
    "LT403": "is held while {wanted}, and {others}{there}: take them in the same order everywhere, or guard them by "
    "one more lock",
    "LT401": "is bound to thread '{bound}' and was {event} in thread '{here}': {event_now} it in its own thread",
    "LT402": "was inherited over fork and {event} in the child process: {instead}, or declare it fork_safe=True",
}
_NEVER_ACQUIRED = {"LT204", "LT205"}
_OWN_MENDS = {
    "LT105": "let {release} finish{whole}, and release again after a failure",
    "LT404": "hold it by a 'with' block, which releases it on every way out",
    "LT106": "release in an 'except' clause of the constructor what it has acquired so far",
    "LT504": "look for a duplicate, a detach(), or a release that does nothing",
}
#: How an owner goes without releasing what it owns, by its kind.
_GONE = {
    "Owner": "went away without being closed",
    "Owned": "went away while holding it",
    "Shared": "was the last to share it and went away without a release",
    "object": "was released or collected without releasing it",
    "backend": "was released or collected without releasing it",
    "collection": "went away without its cleanup()",
}
#: What an owner shall do, by its kind; leaks of the rules below are mended there.
_OWNER_MENDS = {
    "Owner": "close the owner, best by a 'with' block",
    "Owned": "release the handle, best by a 'with' block",
    "Shared": "release every handle, best by a 'with' block",
    "object": "let the owner release it in its own release method",
    "backend": "let the backend release it in its own release method",
    "collection": "let the collection clean up, best by a 'with' block",
    "task": "let the task release it in a 'finally' clause",
    "thread": "let the thread release it in a 'finally' clause",
}
_MENDED_BY_OWNER = {"LT101", "LT102", "LT103", "LT104"}
_LEAVE = {
    "Owner": "let the owner release it",
    "Owned": "release the handle",
    "Shared": "release the handles",
    "collection": "let the collection release it",
}
#: The mend of what a generator holds that nobody goes on with.
SUSPENDED = "go through the generator to its end, or close() it, best by 'with contextlib.closing(...)'"
_CANCELLATIONS = {"CancelledError", "Cancelled"}


class Story(NamedTuple):
    """What a sentence may name."""

    subject: str
    site: Site | None
    #: What it was acquired in, or stands in.
    scope: str
    owner: str
    owner_kind: str
    error: str
    #: Where the last owner got the duty.
    given: Site | None
    transferred: bool
    left_by: LeftBy | None
    #: How many handles still share it.
    sharers: int
    words: dict[str, str]
    #: What ended, so that it is a leak.
    end: str = ""
    #: The backend, as an owner is named, of which it is a part at whatever depth; empty for what is none's.
    part_of: str = ""
    #: Where the generator stands that holds it.
    suspended: Site | None = None
    #: Whether it would release it if it were closed.
    cleans_up: bool = False


def _verb(declaration: Declaration) -> str:
    if not declaration.release:
        return "its release function"
    name = declaration.release[0]
    return "a 'with' block" if name in CONTEXT_RELEASES else f"{name}()"


def _mend(rule: str, story: Story, declaration: Declaration) -> str:
    release = _verb(declaration)
    if rule in _OWN_MENDS:
        whole = ", shielded from cancellation" if story.error in _CANCELLATIONS else ""
        return _OWN_MENDS[rule].format(release=release, whole=whole)
    if rule in _MENDED_BY_OWNER and story.owner_kind in _OWNER_MENDS:
        return _OWNER_MENDS[story.owner_kind]
    if story.cleans_up:
        return SUSPENDED
    if rule == "LT104":
        return "release it before, or transfer it to an owner that lives longer"
    if declaration.hint is not None:
        return declaration.hint
    if release.startswith("a "):
        return f"use {release}"
    return f"call {release} in a 'finally' clause or with 'with'"


def _at(site: Site | None) -> str:
    return "" if site is None else f" at {site}"


def _way(rule: str, story: Story) -> str:
    """Tell how it came there: by which owner, by which exception."""
    text = ""
    if story.transferred and rule != "LT104":
        text += f"; its last owner, {story.owner}, got it{_at(story.given)}"
    if story.sharers and rule != "LT104":
        text += f"; {story.sharers} handle{' still shares' if story.sharers == 1 else 's still share'} it"
    if story.suspended is not None:
        text += f"; it is held by the generator {story.suspended.function}(), suspended at {story.suspended}"
    if story.left_by is not None:
        function = "the function" if story.site is None else f"{story.site.function}()"
        where = "the module" if function == "<module>()" else function
        text += f"; {where} was left by {story.left_by.error}{_at(story.left_by.site)}"
    return text


def _handle(story: Story) -> str:
    """Say through what kind of handle it was used."""
    if story.owner_kind == "Shared":
        return "a handle that had let go of it: use one that still shares it, or let go later"
    if not story.transferred:
        return "a handle whose duty had moved: use the handle or owner that it moved to"
    return (
        f"a handle whose duty had moved to {story.owner}{_at(story.given)}: use it through that one, or move it later"
    )


def _known(story: Story, declaration: Declaration) -> dict[str, str]:
    cancelled = story.error in _CANCELLATIONS
    got = f"got it{_at(story.given)} and " if story.transferred else ""
    used = story.words.get("event") == "used"
    return {
        "scope": story.scope,
        "owner": story.owner,
        "got": got,
        "gone": _GONE.get(story.owner_kind, "ended without releasing it"),
        "failed": f"was cancelled ({story.error})" if cancelled else f"raised {story.error}",
        "handle": _handle(story),
        "acquire": declaration.acquire,
        "again": "",
        "meanwhile": "",
        "otherwise": "" if declaration.watched else ", or declare it idempotent=True",
        "end": story.end,
        "leave": _LEAVE.get(story.owner_kind, "leave that to the owner"),
        "instead": "acquire a fresh one there" if used else "leave that to the parent process",
        **story.words,
    }


def sentence(rule: str, story: Story, declaration: Declaration) -> str:
    """Say in one sentence what happened to the subject of a story and what to do."""
    verb = "created" if rule in _NEVER_ACQUIRED else "acquired"
    where = "" if story.site is None else f" {verb}{_at(story.site)}"
    known = _known(story, declaration)
    if rule in _LEAKS:
        what = _LEAKS[rule].format_map(known) + _way(rule, story)
        if declaration.fate is not None:
            what = f"{declaration.fate}: it {what}"
        what = f"{what}: {_mend(rule, story, declaration)}"
    else:
        what = _MISUSES[rule].format_map(known)
    if story.part_of and story.part_of.removeprefix("backend ") not in what:
        where += f", a part of {story.part_of},"
    return f"{story.subject}{where} {what}"
