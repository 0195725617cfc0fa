"""Tables that third parties bring as entry points: found when they are asked for, and told when they are broken."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.values.errors import DeclarationError
from lifetrack.watching import resource

if TYPE_CHECKING:
    from tests.conftest import RunPython

_TABLE = """
import sys
print("table loaded", file=sys.stderr)
from lifetrack.watching import resource
TABLE = (resource("parlour.tables:Table", release="clear", hint="clear() the table"),)
"""
_LIBRARY = """
class Table:
    def clear(self):
        pass
"""
_PROGRAM = """
from parlour.tables import Table
kept = Table()
Table().clear()
"""


def _install(folder: Path, name: str, entries: str, **modules: str) -> None:
    """Lay out a distribution as an installer does."""
    metadata = folder / f"{name.replace('-', '_')}-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[lifetrack.tables]\n{entries}\n", encoding="utf-8")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the library ``parlour`` and a distribution that brings a table for it."""
    folder = tmp_path / "site-packages"
    package = folder / "parlour"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "tables.py").write_text(textwrap.dedent(_LIBRARY), encoding="utf-8")
    _install(folder, "parlour-lifetrack", "parlour = parlour_lifetrack:TABLE", parlour_lifetrack=_TABLE)
    return folder


@pytest.fixture
def lifetrack_run(run_python: RunPython, site: Path, tmp_path: Path) -> Any:
    """Run the program under ``lifetrack run`` with a list of watch names."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")

    def run(watch: str) -> Any:
        return run_python(
            "", "run", "--watch", watch, str(program), python_flags=["-m", "lifetrack"], env={"PYTHONPATH": str(site)}
        )

    return run


@pytest.mark.parametrize("watch", ["parlour", "libraries"])
def test_a_table_is_found_by_its_name(lifetrack_run: Any, watch: str) -> None:
    """By its own name, and among all libraries; the finding has the mend that the table names."""
    ran = lifetrack_run(watch)
    assert "LT101 leak-at-exit (proven): parlour.tables.Table" in ran.stderr
    assert "clear() the table" in ran.stderr
    assert ran.stderr.count("table loaded") == 1
    assert ran.returncode == 0


def test_a_table_is_loaded_only_if_it_is_asked_for(lifetrack_run: Any, site: Path) -> None:
    """Neither for other names of lifetrack's own nor for another third party's."""
    _install(site, "another", "another = another_lifetrack:TABLE", another_lifetrack="TABLE = ()")
    assert "table loaded" not in lifetrack_run("stdlib,requests").stderr
    assert "table loaded" not in lifetrack_run("another").stderr


def test_an_unknown_name_is_bad_usage(lifetrack_run: Any) -> None:
    """One clear line, that tells the names that are known."""
    ran = lifetrack_run("parlor")
    assert ran.returncode == 2
    assert "unknown watch name 'parlor'" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "parlour" in ran.stderr


BROKEN = {
    "raising": "raise RuntimeError('no luck')",
    "exiting": "raise SystemExit(3)",
    "lacking": "",
    "holding": "TABLE = [1]",
    "empty": "TABLE = ()",
    "misnaming": "from lifetrack.watching import resource\nTABLE = resource('parlour', release='close')",
}


@pytest.mark.parametrize("watch", ["libraries", ",".join([*BROKEN, "parlour"])])
def test_a_broken_table_is_one_line_and_the_others_go_on(lifetrack_run: Any, site: Path, watch: str) -> None:
    """It names the distribution; what else is watched is watched, and the program runs."""
    for how, source in BROKEN.items():
        _install(site, f"broken-{how}", f"{how} = broken_{how}:TABLE", **{f"broken_{how}": source})
    ran = lifetrack_run(watch)
    for how in BROKEN:
        (line,) = [line for line in ran.stderr.splitlines() if how in line]
        assert f"of broken-{how} 1.2 is left out" in line
    assert "LT101 leak-at-exit (proven): parlour.tables.Table" in ran.stderr
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"where": "parlour", "release": "close"}, "module:Class"),
        ({"where": 3, "release": "close"}, "module:Class"),
        ({"where": "a:B", "release": ()}, "release= is empty"),
        ({"where": "a:B", "release": 3}, "release= takes names"),
        ({"where": "a:B", "release": "no name"}, "release= takes names"),
        ({"where": "a:B", "release": "close", "parts": "sock"}, "parts= takes a function"),
        ({"where": "a:B", "release": "close", "grace": -1}, "grace= takes"),
        ({"where": "a:B", "release": "close", "made_by": "a.b"}, "made_by= takes"),
        ({"where": "a:B", "release": "close", "acquire": ("a", "b")}, "acquire= takes"),
    ],
)
def test_a_row_that_cannot_work_is_refused(arguments: dict[str, Any], word: str) -> None:
    """The error says which argument, and what it takes."""
    where = arguments.pop("where")
    with pytest.raises(DeclarationError, match=word.replace("(", "\\(")):
        resource(where, **arguments)
