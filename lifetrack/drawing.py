"""Pictures of who holds an object, drawn by objgraph (the extra ``objgraph``)."""

from __future__ import annotations

import importlib
import io
import os
from typing import Any

from lifetrack.holders.mirror import Image, mirror
from lifetrack.ownership.handles import held_by
from lifetrack.reports.files import AnyPath, write_atomically
from lifetrack.values.errors import ConfigurationError, MissingExtraError

_TEXT, _PICTURE = (".dot", ".gv"), ".svg"


def draw_holders(obj: object, path: AnyPath, *, depth: int = 5, breadth: int = 10) -> None:
    """Draw the graph of all that refers to an object, up to ``depth`` references away, with ``objgraph.show_backrefs``.

    The ending of ``path`` decides: ``.dot`` or ``.gv`` is text for Graphviz, ``.svg`` is drawn by its program ``dot``.
    Of each object the first ``breadth`` holders are drawn and the rest is counted. The object need not be tracked; of a
    handle that is what it holds. Names and types are shown as in paths, no value and no ``repr``, and nothing of
    lifetrack's own. objgraph collects garbage before it draws.

    Raises MissingExtraError without objgraph or Graphviz, ConfigurationError for another ending, or a depth or breadth
    below 1, or if the file cannot be written.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending not in (*_TEXT, _PICTURE):
        raise ConfigurationError(f"picture {os.fspath(path)!r}: end the name with .dot, .gv or .svg")
    for name, number in (("depth", depth), ("breadth", breadth)):
        if type(number) is not int or number < 1:
            raise ConfigurationError(f"{name}= takes a number from 1 on")
    objgraph = _load()
    if ending == _PICTURE:
        from lifetrack.reports import svg

        svg.check()
    graph = _graph(objgraph, mirror(held_by(obj), depth, breadth), depth)
    write_atomically(path, svg.draw(graph) if ending == _PICTURE else graph)


def _load() -> Any:
    try:
        return importlib.import_module("objgraph")
    except ImportError as error:
        raise MissingExtraError("pictures of holders need objgraph: pip install 'lifetrack[objgraph]'") from error


def _graph(objgraph: Any, images: list[Image], depth: int) -> str:
    """Let objgraph write the graph above the first of some images."""
    text = io.StringIO()
    info = _more if any(image.more for image in images) else None
    most = len(images)
    objgraph.show_backrefs(images[:1], max_depth=depth, too_many=most, filter=_is_image, extra_info=info, output=text)
    return text.getvalue()


def _is_image(obj: object) -> bool:
    return issubclass(type(obj), Image)


def _more(image: Image) -> str:
    return f"({image.more} more hold it)" if image.more else ""
