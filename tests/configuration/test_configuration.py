"""Settings in pyproject.toml and in the environment, for pytest and for ``lifetrack run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lifetrack.configuration import PYTEST, RUN, find_table, from_environment, from_table
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Certainty
from lifetrack.values.settings import Level

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RunPython


def table(folder: Path, text: str, tool: str = PYTEST) -> dict[str, object]:
    (folder / "pyproject.toml").write_text(text)
    return from_table(find_table(str(folder)), tool)


def test_the_table_of_a_tool_goes_before_the_common_one(tmp_path: Path) -> None:
    """Each tool takes what it knows; names may have ``-`` or ``_``; paths are told from the file."""
    text = (
        '[tool.lifetrack]\nlevel = "sites"\nwatch = ["sqlite3"]\nfail-on = "hint"\n'
        'report = "out.json"\nchildren = true\n'
        '[tool.lifetrack.pytest]\nlevel = "full"\nbaseline = "known.toml"\n[tool.lifetrack.run]\nerror_exitcode = 3\n'
    )
    common = {"watch": ("sqlite3",), "fail_on": Certainty.HINT, "report": (str(tmp_path / "out.json"),)}
    mine = table(tmp_path, text)
    assert mine == {**common, "level": Level.FULL, "baseline": str(tmp_path / "known.toml")}
    theirs = table(tmp_path, text, RUN)
    assert theirs == {**common, "level": Level.SITES, "children": True, "error_exitcode": 3}


def test_a_journal_is_named_from_the_folder_of_the_table(tmp_path: Path) -> None:
    """Its size stands beside it."""
    plan = table(tmp_path, '[tool.lifetrack.run]\njournal = "app.journal"\njournal-size = "1M"\n', RUN)
    assert plan["journal"].path == str(tmp_path / "app.journal")  # type: ignore[attr-defined]
    assert plan["journal_size"] == 1 << 20


def test_the_policy_of_what_is_not_named_is_that_of_the_tool(tmp_path: Path) -> None:
    """A table of rules changes these rules only."""
    text = '[tool.lifetrack]\npolicy = {LT202 = "warn"}\n'
    assert table(tmp_path, text)["policy"].default == "raise"
    assert table(tmp_path, text, RUN)["policy"].default == "record"


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    """A project's own file ends the search, whether it has such a table or not."""
    (tmp_path / "pyproject.toml").write_text('[tool.lifetrack]\nlevel = "full"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_table(str(inner)) == str(tmp_path / "pyproject.toml")
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\n")
    assert find_table(str(inner)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.lifetrack]\nlevel = 3\n", ["[tool.lifetrack] level", "stacks"]),
        ("[tool.lifetrack]\nlevle = 'full'\n", ["'levle'", "level"]),
        ("[tool.lifetrack]\nwatch = 'nonsense'\n", ["watch", "'nonsense'"]),
        ("[tool.lifetrack]\nwatch = [1]\n", ["watch", "list of names"]),
        ("[tool.lifetrack]\nfail_on = true\n", ["fail_on", "never"]),
        ("[tool.lifetrack]\nwitness = 'perhaps'\n", ["witness", "neither true nor false"]),
        ("[tool.lifetrack]\nreport = 'x.pdf'\n", ["report", "x.pdf"]),
        ("[tool.lifetrack]\nthird_party = 'hide'\n", ["third_party", "show"]),
        ("[tool.lifetrack]\nbaseline = 1\n", ["baseline", "quotes"]),
        ("[tool.lifetrack]\nupdate_baseline = true\n", ["'update_baseline'"]),
        ("[tool.lifetrack]\nfail-on = 'hint'\nfail_on = 'hint'\n", ["set twice"]),
        ("[tool.lifetrack.run]\nerror_exitcode = 300\n", ["[tool.lifetrack.run] error_exitcode", "0 to 255"]),
        ("[tool.lifetrack.run]\njournal = 'none/x'\n", ["[tool.lifetrack.run] journal", "no directory"]),
        ("[tool.lifetrack.run]\njournal-size = '3K'\n", ["[tool.lifetrack.run] journal_size", "256K"]),
        ("[tool.lifetrack.run]\nbaseline = 'x'\n", ["[tool.lifetrack.run]", "'baseline'"]),
        ("[tool.lifetrack]\npytest = 'x'\n", ["[tool.lifetrack.pytest]", "no table"]),
        ("[tool]\n'lifetrack' = 1\n# tool.lifetrack", ["no table"]),
        ("[tool.lifetrack]\nlevel = \n", ["line 2"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    """Each mistake names the file, the setting and the mend, whichever tool reads it."""
    for tool in (PYTEST, RUN):
        with pytest.raises(ConfigurationError) as caught:
            table(tmp_path, text, tool)
        for word in [str(tmp_path / "pyproject.toml"), *words]:
            assert word in str(caught.value)


def test_the_environment() -> None:
    """``LIFETRACK`` is the level, the others are named after it; an empty one is none, but nothing can be watched."""
    given = {"LIFETRACK": "sites", "LIFETRACK_WATCH": "", "LIFETRACK_REPORT": "", "LIFETRACK_WITNESS": "no"}
    assert from_environment(PYTEST, given) == {"level": Level.SITES, "watch": (), "witness": False}
    with pytest.raises(ConfigurationError, match="environment variable LIFETRACK_FAIL_ON: unknown certainty 'x'"):
        from_environment(PYTEST, {"LIFETRACK_FAIL_ON": "x"})


def test_run_goes_by_them(run_python: RunPython, tmp_path: Path) -> None:
    """Command line before environment before file."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.lifetrack]\nerror_exitcode = 3\nfail_on = "hint"\nlevel = "counts"\n'
    )
    leak = ["run", "-c", "f = open('/dev/null'); keep = [f]"]

    def run(*options: str, **env: str) -> int:
        words = [leak[0], *options, *leak[1:]]
        return run_python("", *words, python_flags=["-m", "lifetrack"], cwd=tmp_path, env=env).returncode

    assert run() == 3
    assert run(LIFETRACK_ERROR_EXITCODE="4") == 4
    assert run("--error-exitcode=5", LIFETRACK_ERROR_EXITCODE="4") == 5
    assert run("--fail-on=never") == 0
    assert run(LIFETRACK_LEVEL="x", LIFETRACK_WATCH="x") == 2


@pytest.mark.parametrize(
    "text",
    [
        "[tool]\nlifetrack = { error_exitcode = 9 }",
        "[tool]\nlifetrack.error_exitcode = 9",
        "[tool]\n'lifetrack' = { error_exitcode = 9 }",
        "[tool . lifetrack]\nerror_exitcode = 9",
        '["tool"."lifetrack"]\nerror_exitcode = 9',
        "[tool.'lifetrack']\nerror_exitcode = 9",
        "tool.lifetrack.error_exitcode = 9",
        "tool = { lifetrack = { error_exitcode = 9 } }",
        "[tool.lifetrack.run]\nerror_exitcode = 9",
    ],
)
def test_every_spelling_of_the_table_counts(tmp_path: Path, text: str) -> None:
    """TOML has many for the same."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert from_table(find_table(str(tmp_path)), RUN) == {"error_exitcode": 9}


@pytest.mark.parametrize("text", ["[tool]\nlifetrack = 3", "tool.lifetrack.run = 3"])
def test_no_table_is_told(tmp_path: Path, text: str) -> None:
    """Whatever the spelling."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError, match="is no table"):
        from_table(find_table(str(tmp_path)), RUN)


def test_a_file_that_only_names_lifetrack_is_not_parsed(tmp_path: Path) -> None:
    """As one that has it among its dependencies."""
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["lifetrack", "tool"]\n')
    assert find_table(str(tmp_path)) is None
