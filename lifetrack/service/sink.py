"""What a sink is, and how one is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from lifetrack.service.events import ServiceEvent
from lifetrack.service.tallies import Tally
from lifetrack.values.errors import ConfigurationError

#: What a person hands over: ``logging``, ``otel``, ``otel:URL``, ``prometheus``, ``prometheus:PORT`` or
#: ``prometheus:HOST:PORT``; or a function that takes each event.
SinkChoice: TypeAlias = str | Callable[[ServiceEvent], object]
LOGGING, OTEL, PROMETHEUS = "logging", "otel", "prometheus"
_LOOPBACK = "127.0.0.1"
_MAX_PORT = 65535


class Source(Protocol):
    """Where a sink gets numbers."""

    def tally(self) -> Tally:
        """Give the numbers of this moment."""


class Sink:
    """What events are told to. Subclasses say whether they want numbers too, which makes the records timed."""

    name = "sink"
    wants_metrics = False

    def open(self, source: Source) -> None:
        """Begin; raise ConfigurationError or MissingExtraError where that cannot be."""

    def tell(self, event: ServiceEvent) -> None:
        """Take an event."""

    def held(self, seconds: Sequence[tuple[str, float]]) -> None:
        """Take how long resources were held that were released since the last time: type and seconds of each."""

    def close(self) -> None:
        """End; what is still to be sent is sent, in a few seconds at most."""


def address(where: str) -> tuple[str, int | None]:
    """Read ``PORT`` or ``HOST:PORT``; without a host it is the loopback device, without a port nothing is served.

    Raises ConfigurationError for anything else.
    """
    if not where:
        return _LOOPBACK, None
    host, _, port = where.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= _MAX_PORT:
        raise ConfigurationError(f"sink 'prometheus:{where}': write prometheus:PORT or prometheus:HOST:PORT")
    return host.strip("[]") or _LOOPBACK, int(port)
