"""Sinks: where events and metrics go. One that fails is dropped and told of once; the others and the program go on.

Sinks are foreign code, or lead to it. They are called by the thread of the service, or by threads of their own, and no
lock of ours is held then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lifetrack.service.events import ServiceEvent
from lifetrack.service.sink import LOGGING, OTEL, PROMETHEUS, Sink, SinkChoice, Source, address
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import shown


class CallSink(Sink):
    """A function of the program's."""

    def __init__(self, call: Callable[[ServiceEvent], object]) -> None:
        self._call = call
        self.name = f"function {getattr(call, '__qualname__', type(call).__name__)}"

    def tell(self, event: ServiceEvent) -> None:
        """Hand the event over."""
        self._call(event)


def parse_sinks(value: Any) -> tuple[SinkChoice, ...]:
    """Read sinks, as one, several, or names with commas; raise ConfigurationError for one that there is not."""
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",") if word.strip()]
    elif callable(value):
        value = [value]
    if not isinstance(value, Iterable):
        raise ConfigurationError(f"sinks are names or functions, not {type(value).__name__}")
    choices = tuple(value)
    for choice in choices:
        _check(choice)
    return choices


def _check(choice: object) -> None:
    if callable(choice):
        return
    if not isinstance(choice, str):
        raise ConfigurationError(f"a sink is a name or a function, not {shown(choice)}")
    name, _, where = choice.partition(":")
    if name == PROMETHEUS:
        address(where)
    elif name == OTEL and where and not where.startswith(("http://", "https://")):
        raise ConfigurationError(f"sink {choice!r}: write the collector's address, as otel:http://127.0.0.1:4318")
    elif name not in {LOGGING, OTEL} or (name == LOGGING and where):
        raise ConfigurationError(f"unknown sink {choice!r}: use logging, otel, otel:URL, prometheus or prometheus:PORT")


def make_sink(choice: SinkChoice) -> Sink:
    """Make a sink of what was checked."""
    if not isinstance(choice, str):
        return CallSink(choice)
    name, _, where = choice.partition(":")
    if name == PROMETHEUS:
        from lifetrack.service.prometheus import PrometheusSink

        return PrometheusSink(*address(where))
    if name == OTEL:
        from lifetrack.service.otel import OtelSink

        return OtelSink(where or None)
    from lifetrack.service.logs import LoggingSink

    return LoggingSink()


def wants_metrics(choices: Iterable[SinkChoice]) -> bool:
    """Whether any of these sinks needs numbers."""
    return any(isinstance(each, str) and each.partition(":")[0] in {OTEL, PROMETHEUS} for each in choices)


class Sinks:
    """The sinks in use. Belongs to the thread of the service, but for :meth:`open` and :meth:`close`."""

    def __init__(self, complain: Callable[[str], object]) -> None:
        self._complain = complain
        self._open: dict[SinkChoice, Sink] = {}

    @property
    def choices(self) -> tuple[SinkChoice, ...]:
        """What is open, in order."""
        return tuple(self._open)

    @property
    def wants_metrics(self) -> bool:
        """Whether any open one needs numbers."""
        return any(sink.wants_metrics for sink in self._open.values())

    def open(self, choices: Iterable[SinkChoice], source: Source) -> None:
        """Open what is new of these and close what is not among them; if one cannot be opened, all stays as it was."""
        wanted = dict.fromkeys(choices)
        fresh: dict[SinkChoice, Sink] = {}
        try:
            for choice in wanted:
                if choice not in self._open:
                    sink = make_sink(choice)
                    sink.open(source)
                    fresh[choice] = sink
        except BaseException:
            for sink in fresh.values():
                self._attempt(sink, sink.close)
            raise
        former, self._open = self._open, {choice: self._open.get(choice) or fresh[choice] for choice in wanted}
        for choice, sink in former.items():
            if choice not in wanted:
                self._attempt(sink, sink.close)

    def tell(self, event: ServiceEvent) -> None:
        """Tell an event to every sink."""
        for choice, sink in list(self._open.items()):
            self._attempt(sink, lambda sink=sink: sink.tell(event), choice)  # type: ignore[misc]

    def held(self, seconds: Sequence[tuple[str, float]]) -> None:
        """Hand over how long resources were held."""
        for choice, sink in list(self._open.items()):
            if sink.wants_metrics:
                self._attempt(sink, lambda sink=sink: sink.held(seconds), choice)  # type: ignore[misc]

    def close(self) -> None:
        """Close them all."""
        former, self._open = self._open, {}
        for sink in former.values():
            self._attempt(sink, sink.close)

    def forget(self) -> None:
        """Leave them all alone, in a forked child: their threads and connections are the parent's."""
        self._open = {}

    def _attempt(self, sink: Sink, step: Callable[[], object], choice: SinkChoice | None = None) -> None:
        try:
            step()
        except BaseException as error:  # whatever foreign code raises, and were it to end the thread
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise  # that is the user's, who interrupts the program
            if choice is not None:
                self._open.pop(choice, None)
                self._complain(f"sink '{sink.name}' failed ({described(error)}) and was dropped")


def described(error: BaseException) -> str:
    """Name an error by its type and place; its text might hold something of the user's."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error).__name__
    return f"{type(error).__name__} at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
