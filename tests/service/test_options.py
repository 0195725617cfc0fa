"""The options of a service, wherever people write them down."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifetrack.configuration import RUN, from_environment, from_table
from lifetrack.service.dumping import parse_target
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.limits import Limits, parse_limits, seconds_text
from tests.conftest import RunPython

TABLE = """
[tool.lifetrack.run]
dump-to = "reports/{pid}.json"
held-limits = { "app.Session" = 5, "app.*" = 60.5 }
live_limits = "app.Session=100"
growth-every = 60
sinks = ["logging", "prometheus:9464"]
"""


def test_limits_go_by_name_then_base_then_pattern() -> None:
    """The nearest name counts, then the first pattern that fits the type itself."""
    limits = parse_limits({"app.Session": 5, "app.*": 60.0, "*": 100})
    assert limits.find(["app.Session"]) == 5
    assert limits.find(["lib.Sub", "app.Session", "app.Base"]) == 5
    assert limits.find(["app.Other"]) == 60
    assert limits.find(["lib.Other", "app.Other"]) == 100
    assert Limits().find(["app.Session"]) is None
    assert parse_limits({Path: 1}) == parse_limits(f"{Path.__module__}.{Path.__qualname__}=1")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123, "0.012 s"), (5.0, "5 s"), (59.6, "60 s"), (240.0, "4 min"), (9000.0, "2.5 h")]
)
def test_times_are_said_as_people_do(seconds: float, text: str) -> None:
    """Milliseconds matter below a second, and hours beyond two of them."""
    assert seconds_text(seconds) == text


def test_the_table_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are read with all checks; files are told from the folder of the table."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "pyproject.toml").write_text(TABLE, encoding="utf-8")
    found = from_table(str(tmp_path / "pyproject.toml"), RUN)
    assert found["held_limits"] == parse_limits({"app.Session": 5, "app.*": 60.5})
    assert found["live_limits"] == parse_limits({"app.Session": 100}, whole=True)
    assert (found["growth_every"], found["sinks"]) == (60.0, ("logging", "prometheus:9464"))
    assert found["dump_to"] == str(tmp_path / "reports" / "{pid}.json")
    read = from_environment(RUN, {"LIFETRACK_HELD_LIMITS": "app.S=2", "LIFETRACK_SINKS": "logging,otel"})
    assert read == {"held_limits": parse_limits({"app.S": 2}), "sinks": ("logging", "otel")}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DUMP_SIGNAL", "SIGKILL"), ("DUMP_TO", "report.pdf"), ("HELD_LIMITS", "app.S=x"), ("LIVE_LIMITS", "app.S=1.5"),
     ("GROWTH_EVERY", "0"), ("CHECK_EVERY", "often"), ("SINKS", "nonsense")],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_variable(variable: str, value: str) -> None:
    """One clear error says which variable is wrong."""
    with pytest.raises(ConfigurationError, match=f"environment variable LIFETRACK_{variable}: "):
        from_environment(RUN, {f"LIFETRACK_{variable}": value})


@pytest.mark.parametrize(
    "options", [{"growth_every": -1}, {"check_every": "x"}, {"dump_to": 3}, {"live_limits": {"a": 1.5}}]
)
def test_what_is_wrong_is_named_with_its_option(tracker: Tracker, options: dict[str, object]) -> None:
    """So does one from ``start()``, before anything has begun."""
    with pytest.raises(ConfigurationError, match=f"{next(iter(options))}=: "):
        tracker.start("sites", **options)  # type: ignore[arg-type]
    assert not tracker.is_tracking()


def test_a_target_is_told_from_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program may change its folder; the report goes where it was meant to."""
    monkeypatch.chdir(tmp_path)
    assert parse_target("now.json") == str(tmp_path / "now.json")
    with pytest.raises(ConfigurationError, match="no directory"):
        parse_target("missing/now.json")


PROGRAM = """
import sys, time
import lifetrack
loaded = [name for name in sys.modules if name.startswith("lifetrack.service")]
@lifetrack.tracked
class Session:
    def close(self): pass
held = Session()
time.sleep(0.2)
held.close()
print([finding.rule for finding in lifetrack.report().findings], bool(loaded))
"""


def test_the_environment_starts_a_service_and_nothing_else_loads_one(run_python: RunPython) -> None:
    """With a limit in the environment the program is watched; without, no part of a service is loaded."""
    done = run_python(PROGRAM, env={"LIFETRACK": "sites", "LIFETRACK_HELD_LIMITS": "__main__.Session=0.05"})
    assert done.stdout == "['LT108'] True\n", done.stderr
    done = run_python(PROGRAM, env={"LIFETRACK": "sites"})
    assert done.stdout == "[] False\n", done.stderr
    done = run_python("import lifetrack", env={"LIFETRACK": "sites", "LIFETRACK_SINKS": "nonsense"})
    assert done.stderr.startswith("lifetrack: error: environment variable LIFETRACK_SINKS: unknown sink 'nonsense'")
    assert len(done.stderr.splitlines()) == 1


FLEET = """
import sys
import lifetrack
@lifetrack.tracked
class Session:
    def close(self): pass
Session()
kept = open(__file__)
print([(finding.rule, finding.resource.type) for finding in lifetrack.find_leaks()])
print(lifetrack.report().tracker.watched)
lifetrack.stop()
"""


def test_the_environment_says_what_is_watched_and_that_nobody_is_warned(run_python: RunPython, tmp_path: Path) -> None:
    """A service that is switched on by the environment alone is not flooded by warnings, and watches what is named."""
    program = tmp_path / "app.py"
    program.write_text(FLEET, encoding="utf-8")
    given = {"LIFETRACK": "sites", "LIFETRACK_POLICY": "record", "LIFETRACK_WATCH": "io, socket"}
    done = run_python(program, env=given)
    found = "[('LT102', '__main__.Session'), ('LT101', '_io.TextIOWrapper')]"
    assert (done.stdout, done.stderr) == (f"{found}\n('io', 'socket')\n", "")
    for name, wrong in (("LIFETRACK_POLICY", "shout"), ("LIFETRACK_WATCH", "nonsuch")):
        done = run_python(program, env={"LIFETRACK": "sites", name: wrong})
        assert done.stderr.startswith(f"lifetrack: error: environment variable {name}: "), done.stderr


def test_what_lifetrack_run_is_told_goes_before_the_environment(run_python: RunPython, tmp_path: Path) -> None:
    """What the environment watches is not watched by a run that is told to watch nothing."""
    program = tmp_path / "app.py"
    program.write_text(FLEET, encoding="utf-8")
    given = {"LIFETRACK": "sites", "LIFETRACK_WATCH": "io"}
    done = run_python("", "run", "--watch", "", str(program), env=given, python_flags=["-m", "lifetrack"])
    assert "_io.TextIOWrapper" not in done.stdout, done.stderr
    assert done.stdout.splitlines()[1:] == ["()"], done.stderr
