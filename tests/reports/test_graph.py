"""The graph of owners, resources and holders: as the real Graphviz reads it, and drawn by it."""

from __future__ import annotations

import json
import os
import subprocess
from xml.etree import ElementTree

import pytest

from lifetrack.reports import dot
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from lifetrack.values.findings import OwnerName, Resource
from lifetrack.values.holders import Holder
from lifetrack.values.records import Lifetime, Lifetimes, Tenure
from tests.reports.hostile import NAMES, hostile_report
from tests.servers.fixtures import installed

graphviz = pytest.mark.usefixtures("dot_program")


@pytest.fixture(scope="module")
def dot_program():
    """The path of Graphviz's program."""
    return installed("dot", "graphviz")


def read(text):
    """Have Graphviz read a graph; give its nodes' labels by name, and its edges as pairs of labels."""
    done = subprocess.run(["dot", "-Tdot_json"], input=text.encode(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    graph = json.loads(done.stdout)
    labels = [each["label"] for each in graph.get("objects", [])]
    edges = [(labels[each["tail"]], each.get("label", ""), labels[each["head"]]) for each in graph.get("edges", [])]
    return labels, edges, graph


@graphviz
def test_owners_resources_holders_and_transfers(build):
    """One edge says who owns, one who holds, one who handed on; paths that begin alike share their beginning."""
    held = [Holder("module-global", ("app (module)", "REGISTRY (dict)", f"['{key}']")) for key in "ab"]
    pool = OwnerName("pool", "Owner")
    findings = [
        build.leak(held_by=(held[0],), owner=pool),
        build.leak(rule="LT104", held_by=(held[1],), children=(build.leak(resource=Resource(2, "app.Cursor")),)),
    ]
    report = build.report(*findings)
    owners = (Tenure(OwnerName("process", "process"), 0.1), Tenure(pool, 0.2))
    well = Lifetime(Resource(9, "app.Well"), "live", build.used[0], 1, None, 0.1, None, owners)
    object.__setattr__(report, "lifetimes", Lifetimes((well, well), 3))
    labels, edges, graph = read(report.to_dot())
    leak = "app.Backend\\lapp.py:5 in load_all\\lLT101 leak-at-exit (proven)\\l"
    orphan = leak.replace("LT101 leak-at-exit", "LT104 leak-orphaned")
    assert ("Owner 'pool'\\l", "owns", leak) in edges
    assert ("the process\\l", "owns", orphan) in edges
    assert ("the process\\l", "2 transfers", "Owner 'pool'\\l") in edges
    assert ("Owner 'pool'\\l", "owns", "2 x app.Well\\lapp.py:10 in main\\l") in edges
    assert (orphan, "child", "app.Cursor\\lapp.py:5 in load_all\\lLT101 leak-at-exit (proven)\\l") in edges
    assert ("app (module)\\lheld by: module-global\\l", "", "REGISTRY (dict)\\l") in edges
    assert ("['a']\\l", "", leak) in edges
    assert ("['b']\\l", "", orphan) in edges
    assert labels.count("REGISTRY (dict)\\l") == 1
    assert "3 resources that the report does not tell" in graph["label"]


@graphviz
def test_hostile_names_draw_and_do_nothing():
    """Names of all sorts make a graph that Graphviz reads without a word, and a picture that holds them as text."""
    picture = hostile_report().to_svg()
    root = ElementTree.fromstring(picture.encode())
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "title", "polygon", "path", "text", "a", "ellipse", "polyline"}
    links = [name for element in root.iter() for name in element.attrib if name.endswith("href")]
    assert links == []
    shown = "".join(root.itertext())
    assert NAMES[0] in shown
    assert NAMES[13] in shown
    assert "\\u202e" in shown


@graphviz
def test_more_than_can_be_read_is_left_out_and_told(build):
    """A report of very many findings is drawn in part, and the title says how much is left out."""
    many = [build.leak(resource=Resource(n, f"app.T{n:04}")) for n in range(dot.MAX_FINDINGS + 25)]
    crowd = build.leak(
        rule="LT105",
        held_by=tuple(Holder("unknown", (f"x{n}",)) for n in range(dot.MAX_HOLDERS + 2)),
        children=tuple(build.leak(resource=Resource(n, f"app.C{n}")) for n in range(dot.MAX_CHILDREN + 1)),
    )
    text = build.report(crowd, *many).to_dot()
    labels, _, graph = read(text)
    assert len(labels) < 200
    assert "26 findings" in graph["label"]
    text = build.report(crowd).to_dot()
    assert "1 kind of children, 2 paths that hold it" in read(text)[2]["label"]


def test_an_absent_program_is_one_line(build, tmp_path, monkeypatch):
    """Without Graphviz the picture is refused, before and when it is made, with what to install and what to take."""
    monkeypatch.setenv("PATH", str(tmp_path))
    report = build.report(build.leak())
    with pytest.raises(MissingExtraError, match="install Graphviz"):
        report.to_svg()
    with pytest.raises(MissingExtraError, match="--format dot"):
        report.write(tmp_path / "r.svg")
    assert os.listdir(tmp_path) == ["app.py"]
    report.write(tmp_path / "r.dot")
    assert (tmp_path / "r.dot").read_text(encoding="utf-8") == report.to_dot()


@pytest.mark.skipif(os.name != "posix", reason="a script in place of the program")
@pytest.mark.parametrize(
    ("body", "says"), [("echo broken >&2; exit 3", "broken"), ("exit 0", "failed"), ("exit 9", "9")]
)
def test_a_failing_program_is_one_line(build, tmp_path, monkeypatch, body, says):
    """A program that fails, or draws nothing, is told in one line."""
    (tmp_path / "dot").write_text(f"#!/bin/sh\n{body}\n")
    (tmp_path / "dot").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=says) as caught:
        build.report(build.leak()).to_svg()
    assert "\n" not in str(caught.value)
