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
    "LT104": "was left behind: its owner, {scope}, is gone and had not released it",
    "LT105": "is only half released: its release raised {error}",
    "LT404": "was still held when {end}",
    "LT106": "cannot be released by anybody: its construction raised {error} when it had been acquired",
}
_MISUSES = {
    "LT201": "was used after its release: use it before, or release it later",
    "LT202": "was released twice: release it once, or declare it idempotent=True",
    "LT203": "was used through a handle whose duty has moved: use the handle or owner that it moved to",
    "LT204": "was released but never acquired: acquire it first, or release what was acquired",
    "LT205": "was used before {acquire}() had run: call {acquire}() first",
    "LT301": "was released by somebody else than its owner, {scope}: let the owner release it, or transfer it first",
    "LT302": "was released while it was borrowed: release it when the borrow has ended",
    "LT303": "was released before {children}: release the children first",
    "LT304": "was still borrowed when its owner, {owner}, ended: end the borrow first, or share the resource",
    "LT305": "was used after its parent, {parent}, had been released: finish with the child first",
    "LT403": "is held while {wanted}, and {others}{there}: take them in the same order everywhere, or guard them by "
    "one more lock",
    "LT401": "is bound to thread '{bound}' and was {event} in thread '{here}': {event_now} it in its own thread",
    "LT402": "was inherited over fork and {event} in the child process: acquire a fresh one there, or declare it "
    "fork_safe=True",
}
_NEVER_ACQUIRED = {"LT204", "LT205"}
_OWN_MENDS = {
    "LT104": "close the owner, or transfer the resource before the owner goes",
    "LT105": "let {release} finish, and release again after a failure",
    "LT404": "hold it by a 'with' block, which releases it on every way out",
    "LT106": "release in an 'except' clause of the constructor what it has acquired so far",
}


class Story(NamedTuple):
    """What a sentence may name."""

    subject: str
    site: Site | None
    scope: str
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


def _verb(declaration: Declaration) -> str:
    if not declaration.release:
        return "its release function"
    name = declaration.release[0]
    return "a 'with' block" if name in CONTEXT_RELEASES else f"{name}()"


def _mend(rule: str, declaration: Declaration) -> str:
    release = _verb(declaration)
    if rule in _OWN_MENDS:
        return _OWN_MENDS[rule].format(release=release)
    if declaration.hint is not None:
        return declaration.hint
    if release.startswith("a "):
        return f"use {release}"
    return f"call {release} in a 'finally' clause or with 'with'"


def _way(rule: str, story: Story) -> str:
    """Tell how it came there: by which owner, by which exception."""
    text = ""
    if story.transferred and rule != "LT104":
        at = "" if story.given is None else f" at {story.given}"
        text += f"; its last owner, {story.scope}, got it{at}"
    elif story.transferred and story.given is not None:
        text += f"; the owner got it at {story.given}"
    if story.sharers:
        text += f"; {story.sharers} handle{' still shares' if story.sharers == 1 else 's still share'} it"
    if story.left_by is not None:
        at = "" if story.left_by.site is None else f" at {story.left_by.site}"
        text += f"; it was left by {story.left_by.error}{at}"
    return text


def sentence(rule: str, story: Story, declaration: Declaration) -> str:
    """Say in one sentence what happened to the subject of a story and what to do."""
    verb = "created" if rule in _NEVER_ACQUIRED else "acquired"
    where = "" if story.site is None else f" {verb} at {story.site}"
    known = {
        "scope": story.scope,
        "error": story.error,
        "acquire": declaration.acquire,
        "end": story.end,
        **story.words,
    }
    if rule in _LEAKS:
        what = _LEAKS[rule].format_map(known) + _way(rule, story)
        if declaration.fate is not None:
            what = f"{declaration.fate}: it {what}"
        return f"{story.subject}{where} {what}: {_mend(rule, declaration)}"
    return f"{story.subject}{where} {_MISUSES[rule].format_map(known)}"
