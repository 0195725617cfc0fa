"""Pictures of who holds an object, by objgraph and the real `dot`."""

from __future__ import annotations

import gc
import shutil
import sys
import weakref
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import lifetrack
from lifetrack.values.errors import ConfigurationError, MissingExtraError

pytest.importorskip("objgraph")

from lifetrack.drawing import draw_holders

REGISTRY: dict[Any, Any] = {}
CALLBACKS: list[Any] = []
CALLED: list[str] = []


class Touchy:
    """Notes whatever of it is called."""

    def __repr__(self) -> str:
        CALLED.append("repr")
        return "the-secret-value"

    def __bool__(self) -> bool:
        CALLED.append("bool")
        return True

    @property
    def __class__(self) -> type:
        CALLED.append("class")
        return object

    def on_event(self) -> None:
        """Is registered."""


class TouchyDict(dict[Any, Any], Touchy):
    """A container of the program's."""


class Backend(Touchy):
    """What is held."""

    def __init__(self) -> None:
        self.password = "hunter2"


@pytest.fixture(autouse=True)
def _empty() -> Any:
    yield
    REGISTRY.clear()
    CALLBACKS.clear()
    CALLED.clear()


def drawn(obj: object, folder: Path, **options: int) -> str:
    """Give the graph of an object as text."""
    draw_holders(obj, folder / "who.dot", **options)
    return (folder / "who.dot").read_text(encoding="utf-8")


def test_the_picture_has_the_holders_up_to_their_modules(tmp_path: Path) -> None:
    """Containers, methods, suspended generators and variables are there by their names."""

    def rows(backend: Backend) -> Any:
        yield backend

    backend = Backend()
    REGISTRY["openssl"] = backend
    CALLBACKS.extend((backend.on_event, rows(backend)))
    next(CALLBACKS[-1])
    text = drawn(backend, tmp_path)
    assert "(the object)" in text
    assert "['openssl']" in text
    assert "REGISTRY, CALLBACKS" in text or "CALLBACKS, REGISTRY" in text
    assert f'[label="{__name__} (module)' in text
    assert "method Touchy.on_event" in text
    assert "suspended generator" in text
    assert "\\nbackend" in text
    assert text.count("->") >= 6


def test_no_value_is_shown_and_nothing_of_the_program_is_called(tmp_path: Path) -> None:
    """Representations, truth and properties stay untouched; a key that may be a secret is dots."""
    backend = Backend()
    REGISTRY["inner"] = TouchyDict({"sk-9a8b7c6d5e4f3a2b1c0d": backend, "token": "a-private-text"})
    text = drawn(backend, tmp_path)
    assert CALLED == []
    assert "TouchyDict\\n[...]" in text
    for value in ("hunter2", "9a8b", "a-private-text", "the-secret-value"):
        assert value not in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
def test_the_program_dot_draws_the_picture(tmp_path: Path) -> None:
    """An SVG has the names, whatever letters are in the names of types."""
    hostile = type('<script>"\\{x}|\u202e', (Backend,), {})()
    REGISTRY["openssl"] = hostile
    draw_holders(hostile, tmp_path / "who.svg")
    text = "".join(ElementTree.parse(tmp_path / "who.svg").getroot().itertext())
    assert "['openssl']" in text
    assert '<script>"' in text
    assert (tmp_path / "who.svg").stat().st_mode & 0o777 == 0o600


def test_nothing_of_ours_is_in_the_picture(tmp_path: Path) -> None:
    """While tracking is on, an owner has it, and a scope is open: the program's own holders are all."""

    @lifetrack.tracked
    class Session:
        def close(self) -> None:
            """Release it."""

    lifetrack.start(policy="record", report=False)
    try:
        with lifetrack.scope("s"):
            session = Session()
            REGISTRY["mine"] = session
            text = drawn(session, tmp_path)
            session.close()
    finally:
        lifetrack.stop()
    assert "['mine']" in text
    assert "lifetrack." not in text


def test_of_many_holders_the_first_are_drawn_and_the_rest_is_counted(tmp_path: Path) -> None:
    """Twenty lists hold it; three are drawn."""
    backend = Backend()
    CALLBACKS.extend([backend] for _ in range(20))
    text = drawn(backend, tmp_path, breadth=3)
    assert "more hold it)" in text
    assert text.count('[label="list\\n[0]') <= 3


def test_the_depth_is_how_far_away_holders_are(tmp_path: Path) -> None:
    """With a depth of one only what refers to the object itself is drawn."""
    REGISTRY["a"] = [Backend()]
    text = drawn(REGISTRY["a"][0], tmp_path, depth=1)
    assert '[label="list' in text
    assert "['a']" not in text


def test_nothing_is_kept(tmp_path: Path) -> None:
    """After the picture the object goes with its last holder."""
    backend = Backend()
    REGISTRY["a"] = backend
    drawn(backend, tmp_path)
    gone = weakref.ref(backend)
    REGISTRY.clear()
    gc.disable()
    try:
        del backend
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("who.png", {}, "end the name with .dot, .gv or .svg"),
        ("who.dot", {"depth": 0}, "depth= takes a number from 1 on"),
        ("who.dot", {"breadth": "3"}, "breadth= takes a number from 1 on"),
    ],
)
def test_bad_usage_is_told_before_anything_is_done(
    tmp_path: Path, name: str, options: dict[str, Any], words: str
) -> None:
    """Another ending, and what is no number of references."""
    with pytest.raises(ConfigurationError, match=words):
        draw_holders(Backend(), tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_objgraph_is_told_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to install."""
    monkeypatch.setitem(sys.modules, "objgraph", None)
    with pytest.raises(MissingExtraError, match=r"lifetrack\[objgraph\]"):
        draw_holders(Backend(), tmp_path / "who.dot")


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Graphviz there is the text."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"install Graphviz, or take the graph as text"):
        draw_holders(Backend(), tmp_path / "who.svg")
    draw_holders(Backend(), tmp_path / "who.gv")
