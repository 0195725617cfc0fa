"""Settings that people write down: the table ``[tool.lifetrack]`` of pyproject.toml, and environment variables.

Both serve pytest and ``lifetrack run``. Each value is checked, with the place that it stands in, whether it counts in
the end or not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import parse_fail_on, parse_level, parse_policy, shown
from lifetrack.watchers.watching import check_names

if TYPE_CHECKING:
    from lifetrack.journal.plans import JournalPlan

FILE = "pyproject.toml"
TOOL = "lifetrack"
#: Where a file may speak of our table, in any of the spellings of TOML; parsing it takes much longer.
_MENTION = rb"""(?m)\btool["']?[ \t]*\.[ \t]*["']?lifetrack\b|(?:^|[{,])[ \t]*["']?lifetrack["']?[ \t]*[.=]"""
PYTEST, RUN = "pytest", "run"
#: What findings in third-party code do.
THIRD_PARTY = ("show", "fail")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
_MAX_STATUS = 255


def flag(value: object) -> bool:
    """Read yes or no."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ConfigurationError(f"{shown(value)} is neither true nor false")


def names(value: object) -> tuple[str, ...]:
    """Read names, as a list or with commas."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        words = tuple(value)
        if all(isinstance(word, str) for word in words):
            return words
    raise ConfigurationError("write a list of names, or one text with commas")


def third_party(value: object) -> str:
    """Read what findings in third-party code do."""
    word = value.strip().lower() if isinstance(value, str) else value
    if word not in THIRD_PARTY:
        raise ConfigurationError(f"{shown(value)}: use show (told apart, fail nothing) or fail (as your own)")
    return str(word)


def status(value: object) -> int:
    """Read an exit status."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MAX_STATUS:
        raise ConfigurationError(f"{shown(value)}: use a whole number from 0 to {_MAX_STATUS}")
    return number


def path_in(folder: str, value: object) -> str:
    """Read the name of a file, told from ``folder``."""
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ConfigurationError("write the name of a file in quotes")
    return os.path.join(folder, os.fspath(value))


def _reports(folder: str, value: object) -> tuple[str, ...]:
    given = value.split(os.pathsep) if isinstance(value, str) else value
    if not isinstance(given, Iterable):
        raise ConfigurationError("write the name of a file in quotes, or a list of them")
    from lifetrack.reports.files import check_writable

    return tuple(check_writable(path_in(folder, path)) for path in given)


def _word(parse: Callable[[Any], Any]) -> Callable[[str, object], Any]:
    return lambda _, value: parse(value)


def _of_service(name: str) -> Callable[[str, object], Any]:
    """Read a setting of a running service; that part is loaded when somebody sets one."""

    def read(folder: str, value: object) -> Any:
        from lifetrack.service.options import READERS as OF_SERVICE

        return OF_SERVICE[name](path_in(folder, value) if name == "dump_to" else value)

    return read


def _journal(folder: str, value: object) -> JournalPlan:
    from lifetrack.journal.plans import plan_of

    return plan_of(path_in(folder, value))


def _journal_size(value: object) -> int:
    from lifetrack.journal.format import parse_bound

    return parse_bound(value)


#: What can be asked of a running service.
SERVICE = ("dump_signal", "dump_to", "held_limits", "live_limits", "growth_every", "check_every", "sinks")
#: How each setting is read: from the folder that paths are told from, and the value.
READERS: dict[str, Callable[[str, object], Any]] = {
    "level": _word(parse_level),
    "policy": _word(parse_policy),
    "watch": _word(lambda value: check_names(names(value))),
    "fail_on": _word(lambda value: parse_fail_on("" if value is None else value)),
    "report": _reports,
    "witness": _word(flag),
    "third_party": _word(third_party),
    "own": _word(names),
    "baseline": path_in,
    "update_baseline": _word(flag),
    "children": _word(flag),
    "error_exitcode": _word(status),
    **{name: _of_service(name) for name in SERVICE},
    "journal": _journal,
    "journal_size": _word(_journal_size),
}
_OF_ALL = ("level", "policy", "watch", "fail_on", "report", "witness", "journal", "journal_size")
#: The settings of each tool.
SETTINGS = {
    PYTEST: (*_OF_ALL, "third_party", "own", "baseline", "update_baseline"),
    RUN: (*_OF_ALL, "children", "error_exitcode", *SERVICE),
}
_POLICIES = {PYTEST: "raise", RUN: "record"}
#: In the table an update would be made by every run, for all time.
_NOT_IN_TABLE = ("update_baseline",)


def checked(values: Mapping[str, object], where: Callable[[str], str], folder: str, tool: str) -> dict[str, Any]:
    """Read some settings; raise ConfigurationError that begins with ``where`` the wrong one stands.

    ``tool`` says which policy the rules have that a mapping does not name.
    """
    result = {}
    for name, value in values.items():
        try:
            read = READERS[name]
            result[name] = read(folder, value) if name != "policy" else parse_policy(value, default=_POLICIES[tool])  # type: ignore[arg-type]
        except ConfigurationError as error:
            raise ConfigurationError(f"{where(name)}: {error}") from None
    return result


def variable(name: str) -> str:
    """Name the environment variable of a setting: ``LIFETRACK`` for the level, ``LIFETRACK_WATCH`` and so on."""
    return "LIFETRACK" if name == "level" else f"LIFETRACK_{name.upper()}"


def from_environment(tool: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the settings of the environment; an empty level and empty paths count as none."""
    given = os.environ if environment is None else environment
    found = {name: given[variable(name)] for name in SETTINGS[tool] if variable(name) in given}
    values = {name: value for name, value in found.items() if value or name == "watch"}
    return checked(values, lambda name: f"environment variable {variable(name)}", os.getcwd(), tool)


def find_table(start: str) -> str | None:
    """Give the nearest pyproject.toml, in ``start`` or a folder above it, if it has a table for us."""
    folder = os.path.abspath(start)
    while True:
        path = os.path.join(folder, FILE)
        if os.path.isfile(path):
            return path if _mentions(path) else None
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return None


def _mentions(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return False
    return TOOL.encode() in text and re.search(_MENTION, text) is not None  # few need the pattern, which costs more


def from_table(path: str | None, tool: str) -> dict[str, Any]:
    """Read the table ``[tool.lifetrack]``, and over it ``[tool.lifetrack.pytest]`` or ``[tool.lifetrack.run]``.

    Raises ConfigurationError that names the file, the setting and the mend, also for names that no tool has.
    """
    if path is None:
        return {}
    table = _load(path)
    common = _settings(table, f"{path}: [tool.{TOOL}]", {name for names in SETTINGS.values() for name in names})
    of_tools = {
        name: _settings(table.get(name, {}), f"{path}: [tool.{TOOL}.{name}]", set(SETTINGS[name])) for name in SETTINGS
    }
    folder = os.path.dirname(path)
    for name, values in of_tools.items():
        checked(values, lambda key, name=name: f"{path}: [tool.{TOOL}.{name}] {key}", folder, name)  # type: ignore[misc]
    result = checked(common, lambda key: f"{path}: [tool.{TOOL}] {key}", folder, tool)
    own = checked(of_tools[tool], lambda key: f"{path}: [tool.{TOOL}.{tool}] {key}", folder, tool)
    return {name: value for name, value in {**result, **own}.items() if name in SETTINGS[tool]}


def _load(path: str) -> Mapping[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("tool", {}).get(TOOL, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}: mend the file") from None
    except (OSError, AttributeError):
        return {}
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: tool.{TOOL} is no table: write [tool.{TOOL}] and the settings below it")
    return table


def _settings(table: object, where: str, known: set[str]) -> dict[str, object]:
    """Give the settings of one table, by their names with underscores."""
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{where} is no table: write the settings below this line")
    result = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name in SETTINGS:
            continue
        if name not in known or name in _NOT_IN_TABLE:
            words = ", ".join(sorted(known - set(_NOT_IN_TABLE)))
            raise ConfigurationError(f"{where}: unknown setting {key!r}: use one of {words}")
        if name in result:
            raise ConfigurationError(f"{where}: {key!r} is set twice, with '-' and with '_'")
        result[name] = value
    return result
