"""The report as one HTML page for a browser, which loads nothing from anywhere; made with Jinja2, the extra ``html``.

The page draws itself from JSON within it, a piece at a time, and only as text: nothing of the report is ever markup.
Its content security policy allows its own script and style and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from lifetrack.reports.layout import counted
from lifetrack.reports.page_data import page_data
from lifetrack.reports.paths import clean
from lifetrack.reports.text import one_line
from lifetrack.values.errors import MissingExtraError

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

_SCRIPTS = ("model.js", "dom.js", "filters.js", "findings.js", "holders.js", "lanes.js", "totals.js", "page.js")
#: What could end the element in which the JSON stands, or be read as a comment there. All of it is legal in JSON.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_parts: dict[str, Any] = {}


def check() -> None:
    """Make ready for a page; raise MissingExtraError if Jinja2 is not installed."""
    if not _parts:
        _parts.update(_load())


def render(report: Report) -> str:
    """Give the page as text. Raises MissingExtraError if Jinja2 is not installed."""
    check()
    title = clean(f"lifetrack: {report.process.title}")
    text: str = _parts["template"].render(
        title=title,
        summary=clean(one_line(report).removeprefix("lifetrack: ")),
        number=counted(len(report.findings), "group"),
        data=embedded(page_data(report)),
        **_parts["fixed"],
    )
    return text


def embedded(data: object) -> Any:
    """Give data as JSON that can stand inside a ``script`` element, marked as safe there."""
    from markupsafe import Markup

    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for letter, escape in _ESCAPES.items():
        text = text.replace(letter, escape)
    return Markup(text)  # noqa: S704 - nothing is left in it that HTML would read


def _load() -> dict[str, Any]:
    """Load Jinja2 and the parts of the page; they are the package's own, so they stand in it as they are."""
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtraError("HTML reports need Jinja2: pip install 'lifetrack[html]'") from error
    from importlib.resources import files

    folder = files("lifetrack.reports").joinpath("page")

    def part(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    script = '"use strict";\n(() => {\n' + "\n".join(map(part, _SCRIPTS)) + "})();\n"
    style = part("page.css")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    fixed = {
        "script": Markup(script),  # noqa: S704
        "style": Markup(style),  # noqa: S704
        "script_hash": _hash(script),
        "style_hash": _hash(style),
    }
    return {"template": environment.from_string(part("page.html")), "fixed": fixed}


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
