"""A running service: limits that are watched, reports on a signal, metrics and events for the systems of operators."""
