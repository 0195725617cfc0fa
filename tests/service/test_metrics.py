"""Numbers by type and place: exact by type, bounded by place, timed where metrics are wanted, and real receivers."""

from __future__ import annotations

import gc
import gzip

# Before a suite within a test can import it and take it out of `sys.modules` again: the package `http` would keep that
# one, and requests, below the exporter, have two classes of cookie jars.
import http.cookiejar
import http.server
import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifetrack.ledger.entries import MOMENT, RELEASE_MOMENT
from lifetrack.service.tallies import BOUNDS, OTHER, Departures, Tally
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from tests.service.conftest import Session, session_class, until

prometheus_client = pytest.importorskip("prometheus_client", reason="the extra prometheus is needed")


def _tally(tracker: Tracker) -> Tally:
    assert tracker.service is not None
    time.sleep(0.06)  # what was told shortly before is told again
    return tracker.service.tally()


def _sums(tally: Tally, name: str = "app.Session") -> tuple[int, int, int, int]:
    mine = [each for each in tally.series if each.type == name]
    return (sum(each.live for each in mine), sum(each.acquired for each in mine),
            sum(each.released for each in mine), sum(each.collected for each in mine))  # fmt: skip


@pytest.fixture(params=["counts", "sites", "stacks"])
def measured(request: pytest.FixtureRequest, tracker: Tracker) -> Tracker:
    """A tracker that measures."""
    tracker.start(request.param, policy="record", report=False, sinks="prometheus:0", check_every=0.02)
    return tracker


def test_numbers_by_type_and_place(measured: Tracker) -> None:
    """Live, acquired, released and collected stand at the place of the acquisition."""
    cls = session_class(measured)
    kept = [cls() for _ in range(3)]
    for _ in range(50):
        cls().close()
    for _ in range(4):
        cls()
    gc.collect()
    released_and_kept = cls()
    released_and_kept.close()
    tally = _tally(measured)
    assert _sums(tally) == (3, 58, 51, 4)
    numbers = sorted((each.live, each.acquired, each.released, each.collected) for each in tally.series)
    places = [(0, 1, 1, 0), (0, 4, 0, 4), (0, 50, 50, 0), (3, 3, 0, 0)]
    assert numbers == ([(3, 58, 51, 4)] if measured.report().level == "counts" else places)
    assert {(each.rule, each.number, each.allowed) for each in tally.found} == {("LT102", 4, False)}
    held = dict(tally.held)
    assert (held["app.Session"].buckets[-1] if held else 0) == (0 if measured.report().level == "counts" else 51)
    released_and_kept.__class__
    assert _sums(_tally(measured)) == (3, 58, 51, 4)
    for each in kept:
        each.close()
    del each
    kept.clear()
    assert _sums(_tally(measured)) == (0, 58, 54, 4)


def test_what_has_no_number_is_no_departure(tracker: Tracker) -> None:
    """What was acquired before tracking began, and what its own finalizer closes, leave no series and no trouble."""
    cls: type[Session] = type("Early", (Session,), {"__module__": "app", "close": lambda self: None})
    early = cls()
    tracker.tracked_as(cls)

    class Closing(Session):
        def __del__(self) -> None:
            self.close()

    closing = tracker.tracked_as(Closing)
    for level in ("stacks", "full"):
        tracker.start(level, policy="record", report=False, sinks="prometheus:0", check_every=0.02)
    early.close()
    del early
    closing()
    gc.collect()
    tally = _tally(tracker)
    assert _sums(tally, "app.Early") == (0, 0, 0, 0)
    assert [each[3:] for each in tally.series] == [(0, 1, 0, 1)]
    assert _sums(_tally(tracker), "app.Early") == (0, 0, 0, 0)


def test_the_times_are_noted_at_level_sites_while_they_are_wanted(tracker: Tracker) -> None:
    """Without metrics level ``sites`` notes no time, and with them it does, for a histogram of what was released."""
    cls = session_class(tracker)
    for sinks, timed in ((None, False), ("prometheus:0", True)):
        tracker.start("sites", policy="record", report=False, sinks=sinks)
        assert tracker.ledger is not None
        assert isinstance(tracker.ledger.entries, Departures) == timed
        session = cls()
        entry = tracker.ledger.entries[id(session)]
        time.sleep(0.011)
        session.close()
        assert [entry[MOMENT] is not None, entry[RELEASE_MOMENT] is not None] == [timed, timed]
        assert tracker.history(session)[0].thread is None
        if timed:
            (held,) = (each for name, each in _tally(tracker).held if name == "app.Session")
            assert held.buckets[BOUNDS.index(0.01)] == 0
            assert held.buckets[-1] == 1
            assert held.total >= 0.011
        tracker.stop()


def test_places_are_bounded_and_nothing_is_lost(tracker: Tracker) -> None:
    """Beyond the bound places share one series, which is told, and the sums by type are exact."""
    tracker.start("sites", policy="record", report=False, sinks="prometheus:0")
    assert tracker.service is not None
    tracker.service._tallies._most_sites = 3
    cls = session_class(tracker)
    namespace: dict[str, Any] = {"cls": cls}
    kept = [eval(compile("\n" * line + "cls()", "many.py", "eval"), namespace) for line in range(10)]
    tally = _tally(tracker)
    assert tally.folded == 7
    assert len(tally.series) == 4
    assert [each.live for each in tally.series if each.site == OTHER] == [7]
    assert _sums(tally) == (10, 10, 0, 0)
    for each in kept:
        each.close()
    assert _sums(_tally(tracker)) == (0, 10, 10, 0)


def test_what_came_too_fast_is_counted_by_type(tracker: Tracker) -> None:
    """When more left than is kept between two looks, that is told, and the sums by type are exact all the same."""
    tracker.start("sites", policy="record", report=False, sinks="prometheus:0", check_every=3600)
    assert tracker.ledger is not None
    assert isinstance(tracker.ledger.entries, Departures)
    assert until(lambda: tracker.service is not None and tracker.service._tallies._taken is not None)
    tracker.ledger.entries.gone = type(tracker.ledger.entries.gone)(maxlen=10)
    cls = session_class(tracker)
    for _ in range(100):
        cls().close()
    assert 1 <= _tally(tracker).missed <= 90
    tally = _tally(tracker)  # what has no place is told when it had none twice
    assert _sums(tally) == (0, 100, 100, 0)


def test_numbers_that_count_up_never_go_back_under_load(tracker: Tracker) -> None:
    """While threads acquire and release, no counter falls; in the end all of them are exact."""
    tracker.start("sites", policy="record", report=False, sinks="prometheus:0", check_every=0.01)
    cls, stop, done = session_class(tracker), threading.Event(), []

    def work() -> None:
        number = 0
        while not stop.is_set():
            session = cls()
            number += 1
            if number % 3:
                session.close()
            if not number % 50:
                time.sleep(0.001)
        done.append(number)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    before: dict[tuple[str, str], tuple[int, int, int]] = {}
    for _ in range(12):
        for each in _tally(tracker).series:
            now = each.acquired, each.released, each.collected
            was = before.get((each.type, each.site), (0, 0, 0))
            assert all(new >= old for new, old in zip(now, was, strict=True))
            before[each.type, each.site] = now
    stop.set()
    for thread in threads:
        thread.join()
    gc.collect()
    _tally(tracker)
    live, acquired, released, collected = _sums(_tally(tracker))
    assert (live, acquired) == (0, sum(done))
    assert collected == sum(number // 3 for number in done)
    assert released == acquired - collected


def test_a_port_that_is_taken_is_one_clear_error(tracker: Tracker) -> None:
    """Nothing begins, and nothing stays open."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        with pytest.raises(ConfigurationError, match="cannot be served there"):
            tracker.start("sites", sinks=f"prometheus:{server.server_port}")
    assert not tracker.is_tracking()


def test_without_a_port_the_numbers_are_in_the_usual_registry(tracker: Tracker) -> None:
    """A program that serves its own metrics has ours among them until tracking stops."""
    tracker.start("sites", policy="record", report=False, sinks="prometheus")
    session = session_class(tracker)()
    registry = prometheus_client.REGISTRY
    text = prometheus_client.generate_latest(registry).decode()
    assert 'lifetrack_live{function="test_without_a_port' in text
    session.close()
    tracker.stop()
    assert "lifetrack_live" not in prometheus_client.generate_latest(registry).decode()


def test_a_missing_extra_is_named(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library there is one clear line that names the extra, and nothing begins."""
    import sys

    for module, sink, extra in (("prometheus_client", "prometheus", "prometheus"), ("opentelemetry", "otel", "otel")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=rf"lifetrack\[{extra}\]"):
            tracker.start("sites", sinks=sink)
        assert not tracker.is_tracking()


# -- Prometheus --------------------------------------------------------------------------------------------------------


def _ask(port: int, query: str) -> list[tuple[dict[str, str], float]]:
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=5) as answer:
        found = json.load(answer)["data"]["result"]
    return [(each["metric"], float(each["value"][1])) for each in found]


@pytest.fixture
def scraped(tracker: Tracker, prometheus: int, server_folder: Path) -> Iterator[tuple[Tracker, int, str]]:
    """A tracker that a Prometheus server scrapes: itself, the server's port, and the selector of its series."""
    tracker.start("stacks", policy="record", report=False, sinks="prometheus:0", watch="stdlib")
    assert tracker.service is not None
    (sink,) = tracker.service._sinks._open.values()
    job = f"lifetrack{sink.port}"  # type: ignore[attr-defined]
    target = server_folder / "prometheus" / "targets" / f"{job}.json"
    draft = target.with_suffix(".draft")
    draft.write_text(json.dumps([{"targets": [f"127.0.0.1:{sink.port}"], "labels": {"app": job}}]), encoding="ascii")  # type: ignore[attr-defined]
    draft.rename(target)
    yield tracker, prometheus, f'app="{job}"'
    target.unlink()


def test_a_real_prometheus_scrapes_it(scraped: tuple[Tracker, int, str]) -> None:
    """The server has the numbers by type and place, and the queries of the documentation find what they are for."""
    tracker, port, mine = scraped
    cls, kept = session_class(tracker), list[Session]()
    for _ in range(20):
        kept.append(cls())
        cls().close()
    cls()
    gc.collect()
    mine += ', type="app.Session"'  # the questions themselves are asked through sockets, which are watched
    assert until(lambda: [n for _, n in _ask(port, f"sum(lifetrack_live{{{mine}}})")] == [20.0], 60)
    ((labels, number),) = _ask(port, f"topk(1, lifetrack_live{{{mine}}})")
    assert number == 20
    assert labels["site"].startswith(__file__)
    assert [n for _, n in _ask(port, f"sum by (type) (lifetrack_acquired_total{{{mine}}})")] == [41.0]
    assert [n for _, n in _ask(port, f"sum(lifetrack_collected_total{{{mine}}})")] == [1.0]
    found = _ask(port, f"sum by (rule, name) (lifetrack_findings_total{{{mine}}})")
    assert [(each["rule"], each["name"], n) for each, n in found] == [("LT102", "leak-collected", 1.0)]
    assert [n for _, n in _ask(port, f"lifetrack_held_seconds_count{{{mine}}}")] == [20.0]
    tracker.start("stacks", policy="record", held_limits={"app.Session": 0.01}, live_limits={"app.Session": 19})
    for query in _documented_queries():
        asked = _of(query, mine)  # the server is asked, and refuses what it does not understand
        if "findings" in query or "collected" in query:  # once, and before the first scrape that knows the place
            assert until(lambda asked=asked: _ask(port, asked), 10), query
        else:
            _ask(port, asked)
    for each in kept:
        each.close()
    assert until(lambda: [n for _, n in _ask(port, f"sum(lifetrack_live{{{mine}}})")] == [0.0], 60)
    found = {(each.rule, each.resource.type) for each in tracker.report().findings}
    assert found == {
        (rule, "app.Session") for rule in ("LT102", "LT107", "LT108")
    }  # nobody's leaks: the scrapes' sockets


def _of(query: str, mine: str) -> str:
    """A query that asks for the series of one program only."""

    def chosen(match: re.Match[str]) -> str:
        return f"{match[1]}{{{mine}" + (", " if match[2] else "}")

    return re.sub(r"(lifetrack_(?!folded|missed)\w+)(\{?)", chosen, query)


def _documented_queries() -> list[str]:
    """The lines of the dashboard, and what the alerts ask."""
    page = Path(__file__).parent.parent.parent / "docs" / "fleet.md"
    inside, found = False, []
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = line == "```promql"
        elif inside and line and not line.startswith("#"):
            found.append(line)
        found += re.findall(r"^ +expr: (.+)$", line)
    assert len(found) == 11
    return found


# -- OpenTelemetry -----------------------------------------------------------------------------------------------------


class _Collector(http.server.BaseHTTPRequestHandler):
    """The receiving side of OTLP over HTTP, with the messages of the protocol."""

    got: list[tuple[str, Any]]

    def do_POST(self) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        kinds = {"/v1/metrics": ExportMetricsServiceRequest, "/v1/logs": ExportLogsServiceRequest}
        self.got.append((self.path, kinds[self.path].FromString(body)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A collector on the loopback device: its address, and what it gets."""
    pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2", reason="the extra otel is needed")
    got: list[tuple[str, Any]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Collector", (_Collector,), {"got": got}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    thread.join()
    server.server_close()


def _points(got: list[tuple[str, Any]]) -> dict[str, list[tuple[dict[str, object], Any]]]:
    """The points of the last export of each metric, with their attributes."""
    found: dict[str, list[tuple[dict[str, object], Any]]] = {}
    for path, message in got:
        for resource in message.resource_metrics if path == "/v1/metrics" else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = getattr(metric, metric.WhichOneof("data")).data_points
                    found[metric.name] = [
                        ({each.key: each.value.string_value or each.value.bool_value for each in point.attributes},
                         point) for point in points
                    ]  # fmt: skip
    return found


def test_metrics_and_events_reach_a_collector(tracker: Tracker, collector: tuple[str, list[tuple[str, Any]]]) -> None:
    """Every number and every event arrives over OTLP, also what happens just before the end."""
    url, got = collector
    tracker.start("sites", policy="record", report=False, sinks=f"otel:{url}", watch="stdlib",
                  held_limits={"app.Session": 0.03}, check_every=0.01)  # fmt: skip
    cls = session_class(tracker)
    for _ in range(10):
        cls().close()
    late = cls()
    assert until(lambda: "LT108" in {finding.rule for finding in tracker.report().findings})
    time.sleep(0.05)
    late.close()
    assert until(lambda: tracker.service is not None and not tracker.service._limiter.held._late)
    kept = cls()
    tracker.final_report()
    tracker.stop()
    # pytest opens the files of modules of ours that nobody has imported so far.
    points = {name: [(labels, point) for labels, point in each if labels.get("lifetrack.type") != "_io.BufferedReader"]
              for name, each in _points(got).items()}  # fmt: skip
    sums = {name.rpartition(".")[2]: sum(point.as_int for _, point in each) for name, each in points.items()
            if name.startswith("lifetrack.resource.") and not name.endswith("held")}  # fmt: skip
    assert sums == {"live": 1, "acquired": 12, "released": 11, "collected": 0}
    assert {each["lifetrack.type"] for each, _ in points["lifetrack.resource.live"]} == {"app.Session"}
    ((attributes, histogram),) = points["lifetrack.resource.held"]
    assert (attributes, histogram.count, tuple(histogram.explicit_bounds)) == (
        {"lifetrack.type": "app.Session"}, 11, BOUNDS,
    )  # fmt: skip
    rules = {each["lifetrack.rule"] for each, _ in points["lifetrack.findings"]}
    assert rules == {"LT101", "LT108"}
    records = [record for path, message in got if path == "/v1/logs" for resource in message.resource_logs
               for scope in resource.scope_logs for record in scope.log_records]  # fmt: skip
    names = [record.event_name for record in records]
    assert names.count("lifetrack.finding") >= 2  # a busy machine may hold the kept one for too long as well
    assert "lifetrack.released-after-all" in names
    fields = {each.key: each.value.string_value for each in records[0].attributes}
    assert (fields["lifetrack.rule"], fields["lifetrack.name"]) == ("LT108", "held-too-long")
    assert records[0].severity_text == "ERROR"
    assert kept is not None


def test_the_programs_own_provider_is_used(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program has set up OpenTelemetry, the numbers go where all its others go."""
    metrics = pytest.importorskip("opentelemetry.metrics", reason="the extra otel is needed")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    from opentelemetry.sdk.metrics import MeterProvider

    reader = export.InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    tracker.start("sites", policy="record", report=False, sinks="otel")
    kept = session_class(tracker)()
    found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    live = next(each for each in found if each.name == "lifetrack.resource.live")
    assert [point.value for point in live.data.data_points] == [1]
    kept.close()
    tracker.stop()
    provider.shutdown()


def test_a_collector_that_is_away_does_no_harm(tracker: Tracker) -> None:
    """The program goes on, and the end waits a few seconds at most."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is needed")
    tracker.start("sites", policy="record", report=False, sinks="otel:http://127.0.0.1:9")
    session_class(tracker)().close()
    began = time.monotonic()
    tracker.stop()
    assert time.monotonic() - began < 10
