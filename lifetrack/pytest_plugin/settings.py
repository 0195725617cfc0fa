"""Where the plugin's settings come from: command line, then environment, then ini, then pyproject.toml."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lifetrack.configuration import PYTEST, SETTINGS, checked, find_table, from_environment, from_table
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import parse_policy


def read_settings(config: pytest.Config) -> dict[str, Any]:
    """Give every setting that somebody made, checked; the first place in the order above wins.

    Raises ConfigurationError that names the place, also for a value that another place overrides.
    """
    table = from_table(find_table(os.fspath(config.rootpath)), PYTEST)
    ini = _from_ini(config)
    environment = from_environment(PYTEST)
    return {**table, **ini, **environment, **_from_command_line(config)}


def option_name(setting: str) -> str:
    """Name the ini option of a setting, which is also that of the command line with underscores."""
    return "lifetrack" if setting == "level" else f"lifetrack_{setting}"


def _from_command_line(config: pytest.Config) -> dict[str, Any]:
    given = {name: config.getoption(option_name(name), None) for name in SETTINGS[PYTEST]}
    values = {name: value for name, value in given.items() if value is not None}
    folder = os.fspath(config.invocation_params.dir)
    return checked(values, lambda name: f"--{option_name(name).replace('_', '-')}", folder, PYTEST)


def _from_ini(config: pytest.Config) -> dict[str, Any]:
    file = "ini" if config.inipath is None else config.inipath.name
    given = {name: _ini(config, option_name(name), file) for name in SETTINGS[PYTEST]}
    values = {name: value for name, value in given.items() if value not in (None, [])}
    folder = os.fspath(config.rootpath if config.inipath is None else config.inipath.parent)
    return checked(values, lambda name: f"{option_name(name)} in {file}", folder, PYTEST)


def _ini(config: pytest.Config, name: str, file: str) -> object:
    try:
        return config.getini(name)
    except (ValueError, pytest.UsageError) as error:  # of pytest, which names neither
        raise ConfigurationError(f"{name} in {file}: {error}: use true or false") from None


#: What holds where nobody has said anything else.
DEFAULTS: dict[str, Any] = {
    "policy": parse_policy("raise"),
    "watch": ("stdlib",),
    "report": (),
    "witness": False,
    "third_party": "show",
    "own": (),
    "baseline": None,
    "update_baseline": False,
    "journal": None,
    "journal_size": None,
}
