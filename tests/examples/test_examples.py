"""The examples run as their first lines say, and show what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, RunPython

EXPECTED = {
    "plugins.py": ("UseAfterReleaseError: LT201", "acquired here:", "released here:", "used here:", "LT102 leak-coll"),
    "scopes.py": ("LT103 leak-from-scope (proven)", "allowed: lives as long as the process"),
    "backends.py": (
        "found 0 plugins", "openssl shakes hands although it was replaced; now: 2", "closing openssl 1",
        "no backend has the capability 'revocation': it has 'openssl', 'minimal'",
        "lacks the capability 'certificates', so that it has no certificate(): 'openssl' has it",
        "LT201 use-after-release (proven): __main__.Minimal 'minimal'",
    ),
    "factories.py": ("LT202 double-release", "LT102 leak-collected"),
    "key_material.py": (
        "<SecretBytes: not shown> signed the message: True",
        "TypeError: a secret is not text",
        "UseAfterReleaseError: ",
        "LT201 use-after-release",
        "LT102 leak-collected",
        "key material that was never wiped",
    ),
    "locks.py": ("LT403 lock-order-inversion (proven)", "LT404 lock-abandoned (proven)", "thread back", "thread audit"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_shows_what_it_is_for(name: str, run_python: RunPython) -> None:
    """Each example ends well and prints its findings."""
    result = run_python(CHECKOUT / "examples" / name)
    assert result.returncode == 0
    for text in EXPECTED[name]:
        assert text in result.stdout + result.stderr


def test_every_example_is_tested() -> None:
    """A new script among the examples needs a line above."""
    scripts = {path.name for path in Path(CHECKOUT / "examples").glob("*.py")}
    assert scripts == set(EXPECTED)
