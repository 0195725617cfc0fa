"""Metrics and events over OpenTelemetry: through what the program has set up, or to a collector that is named."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lifetrack.service.events import ServiceEvent
from lifetrack.service.logs import level_of
from lifetrack.service.sink import OTEL, Sink, Source
from lifetrack.service.tallies import BOUNDS, Series
from lifetrack.values.errors import MissingExtraError
from lifetrack.values.rules import RULES

SCOPE = "lifetrack"
#: Seconds that one export may take, with all its attempts; the end waits for two of them.
_TIMEOUT = 2
#: The numbers of log severities, by the levels of ``logging``: INFO, WARN and ERROR.
_SEVERITIES = {20: 9, 30: 13, 40: 17}


def _missing(what: str) -> MissingExtraError:
    return MissingExtraError(f"sink 'otel' needs {what}: install lifetrack[otel]")


def _attributes(type_name: str, site: str, function: str) -> dict[str, str]:
    found = {"lifetrack.type": type_name, "lifetrack.site": site}
    return found | {"code.function.name": function} if function else found


class OtelSink(Sink):
    """The meter and the logger ``lifetrack``.

    With an address there are providers of our own, which send to it over OTLP by HTTP; so there are where the program
    has set up none, by the ``OTEL_*`` variables of the environment. Numbers are gathered when they are exported.
    """

    wants_metrics = True

    def __init__(self, url: str | None) -> None:
        self._url = url
        self.name = OTEL if url is None else f"{OTEL}:{url}"
        self._source: Source | None = None
        self._histogram: Any = None
        self._logger: Any = None
        #: What we have made ourselves, and so shut down ourselves.
        self._ours: list[Any] = []

    def open(self, source: Source) -> None:
        """Make the instruments; raise MissingExtraError without the libraries."""
        try:
            from opentelemetry import _logs, metrics
        except ImportError:
            raise _missing("opentelemetry-api") from None
        self._source = source
        meters, loggers = metrics.get_meter_provider(), _logs.get_logger_provider()
        own = [self._url is not None or _is_idle(each) for each in (meters, loggers)]
        if own[0]:
            meters = self._own_meters()
        if own[1]:
            loggers = self._own_loggers()
        self._logger = loggers.get_logger(SCOPE)
        self._make_instruments(meters.get_meter(SCOPE))

    def _own_meters(self) -> Any:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        except ImportError:
            raise _missing("opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http") from None
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(**self._endpoint("metrics")))
        provider = MeterProvider([reader], shutdown_on_exit=False)
        self._ours.append(provider)
        return provider

    def _own_loggers(self) -> Any:
        try:
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
            from opentelemetry.sdk._logs import LoggerProvider
            from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        except ImportError:
            raise _missing("opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http") from None
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**self._endpoint("logs"))))
        self._ours.append(provider)
        return provider

    def _endpoint(self, signal: str) -> dict[str, Any]:
        if self._url is None:
            return {}
        return {"endpoint": f"{self._url.rstrip('/')}/v1/{signal}", "timeout": _TIMEOUT}

    def _make_instruments(self, meter: Any) -> None:
        def of_series(read: Callable[[Series], int]) -> list[Callable[[Any], Iterable[Any]]]:
            return [lambda _: self._observe(read)]

        unit = "{resource}"
        meter.create_observable_up_down_counter(
            "lifetrack.resource.live", of_series(lambda each: each.live), unit, "Resources that are live."
        )
        for word, what, read in (
            ("acquired", "acquired", lambda each: each.acquired),
            ("released", "released", lambda each: each.released),
            ("collected", "garbage-collected without their release", lambda each: each.collected),
        ):
            meter.create_observable_counter(
                f"lifetrack.resource.{word}", of_series(read), unit, f"Resources that were {what}."
            )
        meter.create_observable_counter("lifetrack.findings", [self._observe_findings], "{finding}", "Findings.")
        meter.create_observable_gauge(
            "lifetrack.sites.folded", [self._observe_folded], "{site}", "Places that share the site '(other)'."
        )
        about = "For how long released resources had been held."
        self._histogram = meter.create_histogram(
            "lifetrack.resource.held", "s", about, explicit_bucket_boundaries_advisory=BOUNDS
        )

    def _tally(self) -> Any:
        source = self._source
        if source is None:
            from lifetrack.service.tallies import Tally

            return Tally()
        return source.tally()

    def _observe(self, read: Callable[[Series], int]) -> list[Any]:
        from opentelemetry.metrics import Observation

        series = self._tally().series
        return [Observation(read(each), _attributes(each.type, each.site, each.function)) for each in series]

    def _observe_findings(self, _: Any) -> list[Any]:
        from opentelemetry.metrics import Observation

        found = []
        for each in self._tally().found:
            more = {"lifetrack.rule": each.rule, "lifetrack.rule.name": RULES[each.rule].name,
                    "lifetrack.allowed": each.allowed}  # fmt: skip
            found.append(Observation(each.number, _attributes(each.type, each.site, each.function) | more))
        return found

    def _observe_folded(self, _: Any) -> list[Any]:
        from opentelemetry.metrics import Observation

        return [Observation(self._tally().folded)]

    def held(self, seconds: Sequence[tuple[str, float]]) -> None:
        """Record how long resources were held, by type."""
        for name, each in seconds:
            self._histogram.record(each, {"lifetrack.type": name})

    def tell(self, event: ServiceEvent) -> None:
        """Emit the event as a log record that has a name."""
        from opentelemetry._logs import LogRecord, SeverityNumber

        now, severity = time.time_ns(), SeverityNumber(_SEVERITIES[level_of(event)])
        fields = {f"lifetrack.{name}": value for name, value in event.attributes.items()}
        self._logger.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                severity_number=severity,
                severity_text=severity.name,
                body=event.message,
                attributes=fields,
                event_name=f"lifetrack.{event.event}",
            )
        )

    def close(self) -> None:
        """Send what is still to be sent, in a few seconds at most, and shut down what is ours."""
        ours, self._ours = self._ours, []
        try:
            for provider in ours:
                provider.shutdown()  # which sends what there is
        finally:
            self._source = None


def _is_idle(provider: Any) -> bool:
    """Whether a provider is the one that stands there before the program has set up any, and does nothing."""
    return type(provider).__name__.startswith(("Proxy", "_Proxy", "NoOp", "_NoOp"))
