"""Metrics for Prometheus, in the registry of ``prometheus_client`` or served on a port of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lifetrack.service.sink import PROMETHEUS, Sink, Source
from lifetrack.service.tallies import BOUNDS, Held, Tally
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from lifetrack.values.rules import RULES

_LABELS = ("type", "site", "function")


class PrometheusSink(Sink):
    """A collector: the numbers are gathered when somebody scrapes, not before."""

    wants_metrics = True

    def __init__(self, host: str, port: int | None) -> None:
        self._host = host
        self._port = port
        self.name = PROMETHEUS if port is None else f"{PROMETHEUS}:{host}:{port}"
        self._registry: Any = None
        self._collector: Any = None
        self._server: Any = None

    def open(self, source: Source) -> None:
        """Register the collector, and serve where a port was named; raise where the port is taken."""
        try:
            import prometheus_client
            from prometheus_client.registry import Collector
        except ImportError:
            raise MissingExtraError(
                "sink 'prometheus' needs prometheus_client: install lifetrack[prometheus]"
            ) from None

        class _Collector(Collector):
            def describe(self) -> list[Any]:
                return []  # so that registering asks for no numbers

            def collect(self) -> Iterator[Any]:
                yield from families(source.tally())

        self._collector = _Collector()
        if self._port is None:
            self._registry = prometheus_client.REGISTRY
            self._registry.register(self._collector)
            return
        self._registry = prometheus_client.CollectorRegistry()
        self._registry.register(self._collector)
        try:
            self._server = prometheus_client.start_http_server(self._port, self._host, self._registry)
        except OSError as error:
            raise ConfigurationError(
                f"sink '{self.name}': it cannot be served there ({error.strerror}): name another port"
            ) from None

    @property
    def port(self) -> int | None:
        """The port that is served, which the system has chosen where 0 was named."""
        return None if self._server is None else int(self._server[0].server_port)

    def close(self) -> None:
        """Serve no more, and take the collector out."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join(2.0)
        self._registry.unregister(self._collector)


def families(tally: Tally) -> Iterator[Any]:
    """Give the numbers as the families of Prometheus."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    live = GaugeMetricFamily("lifetrack_live", "Resources that are live, by type and place.", labels=_LABELS)
    counters = [
        CounterMetricFamily(f"lifetrack_{word}", f"Resources that were {what}, by type and place.", labels=_LABELS)
        for word, what in (
            ("acquired", "acquired"),
            ("released", "released"),
            ("collected", "garbage-collected without their release"),
        )
    ]
    for each in tally.series:
        labels = (each.type, each.site, each.function)
        live.add_metric(labels, each.live)
        for family, number in zip(counters, (each.acquired, each.released, each.collected), strict=True):
            family.add_metric(labels, number)
    yield live
    yield from counters
    yield _histogram(tally.held)
    yield _findings(tally)
    yield GaugeMetricFamily("lifetrack_folded_sites", "Places that share the site '(other)'.", value=tally.folded)
    missed = "Resources that came and went too fast to be counted by place; they are counted at '(other)'."
    yield CounterMetricFamily("lifetrack_missed", missed, value=tally.missed)


def _histogram(held: tuple[tuple[str, Held], ...]) -> Any:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(
        "lifetrack_held_seconds", "For how long released resources had been held, by type.", labels=("type",)
    )
    names = [*map(str, BOUNDS), "+Inf"]
    for name, each in held:
        family.add_metric((name,), list(zip(names, each.buckets, strict=True)), each.total)
    return family


def _findings(tally: Tally) -> Any:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(
        "lifetrack_findings", "Findings, by rule, type and place.", labels=("rule", "name", *_LABELS, "allowed")
    )
    for each in tally.found:
        allowed = "yes" if each.allowed else "no"
        family.add_metric((each.rule, RULES[each.rule].name, each.type, each.site, each.function, allowed), each.number)
    return family
