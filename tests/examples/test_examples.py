"""The examples run as their first lines say, and show what they say; the docs show the same code."""

from __future__ import annotations

import re
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
    "formats.py": ("lifetrack: 1 finding (1 proven)", "Last owner: Owner 'import job'", "::error file="),
    "factories.py": ("LT202 double-release", "LT102 leak-collected"),
    "journal/after_the_crash.py": (
        "1 live, 100 acquired",
        "The program was lost without a word",
        "99 released, 1 live",
        "Last owner: Owner 'pool of leases'",
    ),
    "key_material.py": (
        "<SecretBytes: not shown> signed the message: True",
        "TypeError: a secret is not text",
        "UseAfterReleaseError: ",
        "LT201 use-after-release",
        "LT102 leak-collected",
        "key material that was never wiped",
    ),
    "doctor.py": ("io.open ", "caught", "0 missed", "Every leak that could be tried was caught"),
    "evidence.py": (
        "Others: 99 of 100 acquired here were released at", "by ValueError at",
        "with contextlib.closing(Session()) as session:",
    ),
    "holders.py": (
        "__main__.REGISTRY['openssl']\n    module-global\n", "__main__.POOL.sessions[0] (module-global)",
        "(bound-method-callback)", "__main__.capabilities > a cached argument (lru-cache)", "(suspended-generator)",
    ),
    "holders_picture.py": (
        '"__main__.Session\\n(the object)"', "\"dict\\n['main']\"", "method Session.on_event\\n__self__",
        "__main__ (module)\\n",
    ),
    "locks.py": ("LT403 lock-order-inversion (proven)", "LT404 lock-abandoned (proven)", "thread back", "thread audit"),
    "processes.py": ("LT101 leak-at-exit", "(converter)", "With 2 child processes, 1 of them lost.", "Lost: process"),
    "operating_system.py": ("LT501 os-handle-leak", "no record explains it", "LT504 os-mismatch"),
    "service.py": (
        "finding: LT108 __main__.Lease, 1", "released-after-all: LT108 __main__.Lease, 1", "growth: [24]",
        "LT108 held-too-long (proven): __main__.Lease", "(released after", "over its cap of 20",
        "is live at this moment",
    ),
    "watching/pool_slot.py": (
        "no connection left", "LT101 leak-at-exit (proven): 2 x sqlalchemy QueuePool check-out", "in is_open",
    ),
    "watching/unfinished.py": (
        "lifetrack: 2 findings (2 proven)", "it is held by the generator lines(), suspended at", "contextlib.ExitStack",
        "Child: _io.BufferedRandom",
    ),
    "ownership/pool.py": ("answer to select 1", "LT302 release-while-borrowed", "; 2 acquired, 2 released"),
    "ownership/hand_over.py": (
        "this end has nothing left to release: True",
        "lifetrack: 1 finding (1 proven); 3 acquired, 2 released",
        "LT104 leak-orphaned",
        "Last owner: task 'forgetful task'",
    ),
    "ownership/plugin_parts.py": (
        "lifetrack: 2 findings (2 proven) with 2 children; 9 acquired, 5 released, 4 live",
        "Last owner: the __main__.Careless object",
        "Child: __main__.Handle",
    ),
}  # fmt: skip
#: A program in a page of the docs: the name of the example, and the code.
SHOWN = re.compile(r"<!-- example: (\S+) -->\n```python\n(.*?)```\n", re.DOTALL)
PAGES = sorted([*(CHECKOUT / "docs").glob("*.md"), CHECKOUT / "README.md"])


NEEDS = {"watching/pool_slot.py": "sqlalchemy", "holders_picture.py": "objgraph"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_shows_what_it_is_for(name: str, run_python: RunPython) -> None:
    """Each example ends well and prints its findings."""
    pytest.importorskip(NEEDS.get(name, "lifetrack"))
    result = run_python(CHECKOUT / "examples" / name)
    assert result.returncode == 0
    for text in EXPECTED[name]:
        assert text in result.stdout + result.stderr


def test_every_example_is_tested() -> None:
    """A new script among the examples needs a line above; an installable project has a test of its own."""
    folder = Path(CHECKOUT / "examples")
    projects = [*(path.parent for path in folder.glob("*/pyproject.toml")), folder / "testing"]
    scripts = [path for path in folder.rglob("*.py") if not any(project in path.parents for project in projects)]
    assert {path.relative_to(folder).as_posix() for path in scripts} == set(EXPECTED)
    assert all((Path(__file__).parent / f"test_{project.name}.py").exists() for project in projects)


def test_every_example_of_ownership_is_in_the_docs() -> None:
    """The page on ownership shows its three patterns whole."""
    shown = {name for name, _ in SHOWN.findall((CHECKOUT / "docs" / "ownership.md").read_text(encoding="utf-8"))}
    assert shown == {f"examples/{name}" for name in EXPECTED if name.startswith("ownership/")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_docs_show_the_examples_as_they_are(page: Path) -> None:
    """Code that a page says to be an example is that file, to the letter."""
    text = page.read_text(encoding="utf-8")
    shown = SHOWN.findall(text)
    assert len(shown) == text.count("<!-- example:")
    for name, code in shown:
        assert code == (CHECKOUT / name).read_text(encoding="utf-8"), name
