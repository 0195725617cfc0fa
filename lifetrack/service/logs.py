"""Events to the standard ``logging``, with structured fields for whoever formats them."""

from __future__ import annotations

import logging

from lifetrack.service.events import FINDING, TROUBLE, ServiceEvent
from lifetrack.service.sink import LOGGING, Sink
from lifetrack.values.findings import Certainty

LOGGER = "lifetrack"
#: What the names of the fields begin with, so that none is a name that a log record has already.
PREFIX = "lifetrack_"


def level_of(event: ServiceEvent) -> int:
    """Give the level: an error for what is proven, a warning for what is suspected, information for all else."""
    if event.event == TROUBLE:
        return logging.ERROR
    if event.event != FINDING or event.allowed is not None:
        return logging.INFO
    return logging.ERROR if event.certainty == Certainty.PROVEN.word else logging.WARNING


def log(event: ServiceEvent) -> None:
    """Log an event; each of its fields is an attribute of the record, such as ``lifetrack_rule``."""
    fields = {f"{PREFIX}{name}": value for name, value in event.attributes.items()}
    what = event.event if event.rule is None else f"{event.rule} {event.attributes['name']}"
    again = f" ({event.count} of them)" if event.count > 1 else ""
    logging.getLogger(LOGGER).log(level_of(event), "%s: %s%s", what, event.message, again, extra=fields)


class LoggingSink(Sink):
    """The logger ``lifetrack``."""

    name = LOGGING

    def tell(self, event: ServiceEvent) -> None:
        """Log the event; trouble is logged already, whatever the sinks are."""
        if event.event != TROUBLE:
            log(event)
