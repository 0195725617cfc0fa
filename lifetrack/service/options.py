"""The options of a running service, as ``start()``, the command line, the environment and the table take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lifetrack.service.sink import SinkChoice
from lifetrack.service.sinks import parse_sinks
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.limits import Limits, parse_limits
from lifetrack.values.making import dataclass
from lifetrack.values.settings import shown

#: The shortest time between two looks, in seconds.
SHORTEST = 0.01


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What a service shall do; None is not said, and leaves what is there.

    ``check_every`` and ``growth_every`` are in seconds.
    """

    dump_signal: int | None = None
    dump_to: str | None = None
    held_limits: Limits | None = None
    live_limits: Limits | None = None
    growth_every: float | None = None
    check_every: float | None = None
    sinks: tuple[SinkChoice, ...] | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) is not None for each in fields(self))

    def over(self, before: ServiceOptions) -> ServiceOptions:
        """Give these options, and for those that are not said what was there before."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return ServiceOptions(
            **{name: getattr(before, name) if value is None else value for name, value in said.items()}
        )


def seconds(value: object) -> float:
    """Read a time in seconds; raise ConfigurationError for what is none, or too short."""
    number: object = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not SHORTEST <= number < float("inf"):
        raise ConfigurationError(f"{shown(value)}: use a number of seconds from {SHORTEST}")
    return float(number)


def _signal(value: object) -> int:
    from lifetrack.service.dumping import parse_signal

    return parse_signal(value)


def _target(value: object) -> str:
    from lifetrack.service.dumping import parse_target

    return parse_target(value)


#: How each option is read.
READERS = {
    "dump_signal": _signal,
    "dump_to": _target,
    "held_limits": parse_limits,
    "live_limits": lambda value: parse_limits(value, whole=True),
    "growth_every": seconds,
    "check_every": seconds,
    "sinks": parse_sinks,
}


def parse(given: Mapping[str, Any]) -> ServiceOptions:
    """Read the options that are not None; raise ConfigurationError that names the wrong one."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is not None:
            try:
                found[name] = READERS[name](value)
            except ConfigurationError as error:
                raise ConfigurationError(f"{name}=: {error}") from None
    return ServiceOptions(**found)
