"""The sentence of a finding: what happened and what to do."""

from __future__ import annotations

from lifetrack.values.declarations import CONTEXT_RELEASES, Declaration
from lifetrack.values.stacks import Site

_LEAKS = {
    "LT101": "was still live when the process ended",
    "LT102": "was garbage-collected without its release",
    "LT103": "was still live when {scope} ended",
    "LT105": "is only half released: its release raised {error}",
    "LT106": "cannot be released by anybody: its construction raised {error} when it had been acquired",
}
_MISUSES = {
    "LT201": "was used after its release: use it before, or release it later",
    "LT202": "was released twice: release it once, or declare it idempotent=True",
    "LT204": "was released but never acquired: acquire it first, or release what was acquired",
    "LT205": "was used before {acquire}() had run: call {acquire}() first",
}
_NEVER_ACQUIRED = {"LT204", "LT205"}
_OWN_MENDS = {
    "LT105": "let {release} finish, and release again after a failure",
    "LT106": "release in an 'except' clause of the constructor what it has acquired so far",
}


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


def sentence(rule: str, subject: str, declaration: Declaration, site: Site | None, scope: str, error: str) -> str:
    """Say in one sentence what happened to ``subject`` and what to do."""
    verb = "created" if rule in _NEVER_ACQUIRED else "acquired"
    where = "" if site is None else f" {verb} at {site}"
    if rule in _LEAKS:
        return f"{subject}{where} {_LEAKS[rule].format(scope=scope, error=error)}: {_mend(rule, declaration)}"
    return f"{subject}{where} {_MISUSES[rule].format(acquire=declaration.acquire)}"
