"""Instrumentation: how classes, functions and single objects come to be recorded, and how that is undone."""
