"""Tables that third parties bring: entry points of the group ``lifetrack.tables``.

The name of an entry point is a watch name, its value a tuple of rows. None is looked for unless somebody asks for a
name that is not lifetrack's own, or for all libraries; and only that one is loaded. A broken one is told in one line.
"""

from __future__ import annotations

import functools
from collections.abc import Container
from typing import Any

from lifetrack.watchers.rows import Row

GROUP = "lifetrack.tables"


@functools.cache
def _entry_points() -> tuple[Any, ...]:
    """Give the entry points of all installed distributions, in an order that does not depend on the file system."""
    from importlib.metadata import entry_points

    try:
        found = entry_points(group=GROUP)
    except Exception as error:  # somebody's metadata cannot be read
        tell("the entry points of the group %s cannot be read: %s: %s", GROUP, type(error).__name__, text_of(error))
        return ()
    return tuple(sorted(found, key=lambda item: (item.name, item.value)))


def names() -> tuple[str, ...]:
    """Give the names that third parties bring tables for; none of these is loaded."""
    return tuple(str(each.name) for each in _entry_points())


def has(name: str) -> bool:
    """Whether a third party brings a table of this name."""
    return name in names()


def rows_of(name: str) -> tuple[Row, ...]:
    """Give the rows that third parties bring under a name; none where they are broken."""
    return tuple(row for each in _entry_points() if each.name == name for row in _load(each))


def all_rows(known: Container[str]) -> tuple[Row, ...]:
    """Give the rows of all third parties. A name that is lifetrack's own stays lifetrack's."""
    return tuple(row for each in _entry_points() if each.name not in known for row in _load(each))


_loaded: dict[tuple[str, str, str], tuple[Row, ...]] = {}


def _load(entry_point: Any) -> tuple[Row, ...]:
    """Load a table, once; what is wrong with it is told once."""
    key = (entry_point.name, entry_point.value, _distribution(entry_point))
    if key not in _loaded:
        _loaded[key] = ()  # also while it is being loaded, if its own import asks
        try:
            _loaded[key] = _checked(entry_point.load(), entry_point.name)
        except (Exception, SystemExit) as error:  # a module may do anything when it is imported
            tell(
                "the table '%s' (%s) of %s is left out: %s: %s",
                entry_point.name, entry_point.value, _distribution(entry_point), type(error).__name__, text_of(error),
            )  # fmt: skip
    return _loaded[key]


def _checked(table: Any, name: str) -> tuple[Row, ...]:
    if isinstance(table, Row):
        table = (table,)
    if isinstance(table, (tuple, list)) and not table:
        raise ValueError("it has no rows; make them by resource()")
    if not isinstance(table, (tuple, list)):
        raise TypeError(f"it is no tuple of rows but of type {type(table).__name__}; make rows by resource()")
    for number, row in enumerate(table, 1):
        if not isinstance(row, Row):
            raise TypeError(f"item {number} is no row but of type {type(row).__name__}; make rows by resource()")
    return tuple(row if name in row.watch else _named(row, name) for row in table)


def _named(row: Row, name: str) -> Row:
    from dataclasses import replace

    return replace(row, watch=(name,))


def _distribution(entry_point: Any) -> str:
    try:
        return f"{entry_point.dist.name} {entry_point.dist.version}"
    except Exception:  # its metadata cannot be read
        return "an unknown distribution"


def text_of(error: BaseException) -> str:
    """Give the first line of an error's text."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:  # the error itself is broken, too
        return "(it has no text)"


def tell(message: str, *args: object) -> None:
    """Log one line that something is not watched."""
    import logging

    logging.getLogger("lifetrack.watchers").warning(message, *args)
