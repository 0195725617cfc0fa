"""The forms of a report: by name, by the ending of a file, as annotations; and what cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifetrack.reports.files import check_writable, write_report
from lifetrack.reports.forms import FORMS, NAMES, form_for, form_named
from lifetrack.reports.github import render
from lifetrack.values.errors import ConfigurationError, MissingExtraError
from lifetrack.values.findings import Certainty, OwnerName, Resource
from lifetrack.values.records import Lifetime, Lifetimes, Tenure
from tests.reports.hostile import hostile_report
from tests.reports.test_json import reports


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.json", "json"), ("a.txt", "text"), ("a.html", "html"), ("a.HTM", "html"), ("a.dot", "dot"), ("a.gv", "dot"),
        ("a.svg", "svg"), ("a.trace.json", "trace"), ("a.Trace.JSON", "trace"), ("a.sarif", "sarif"),
        ("a.sarif.json", "sarif"), ("trace.json", "json"), ("a/b.c/x.json", "json"),
        (".json", None), (".trace.json", None), ("json", None), ("a.github", None), ("a.svg.gz", None),
    ],
)  # fmt: skip
def test_the_ending_decides(name, form):
    """The longest known ending decides; a hidden file has none."""
    found = form_for(name)
    assert (None if found is None else found.name) == form


def test_every_form_has_a_name_and_a_method(build):
    """Each form can be had by its name, and by a method of the report."""
    report = build.report(build.leak())
    assert sorted(NAMES) == sorted(form.name for form in FORMS)
    for name in set(NAMES) - {"svg", "html"}:
        assert form_named(name).render(report) == getattr(report, f"to_{name}")()
    with pytest.raises(ConfigurationError, match="unknown format 'pdf': use text, json, html"):
        form_named("pdf")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(report=reports, times=st.lists(st.floats(-1e308, 1e308), min_size=3, max_size=3))
def test_every_report_has_every_form(report, times):
    """Whatever a report holds, no form of it fails, and those that programs read can be read."""
    begin, middle, end = times
    owners = (Tenure(OwnerName("a", "Owner"), begin), Tenure(OwnerName("b", "Owner"), middle))
    lifetime = Lifetime(Resource(1, "T"), "released", None, 1, None, begin, end, owners)
    object.__setattr__(report, "lifetimes", Lifetimes((lifetime,)))
    for text in (report.to_trace(), report.to_sarif(), report.to_json()):
        json.loads(text)
    for text in (report.to_html(), report.to_dot(), report.to_github()):
        text.encode("utf-8", "backslashreplace")


def test_without_jinja2_it_is_one_line_before_anything_runs(build, tmp_path, monkeypatch):
    """A page that cannot be made is refused when its file is named, with the extra to install."""
    from lifetrack.reports import html

    monkeypatch.setattr(html, "_parts", {})
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"lifetrack\[html\]"):
        check_writable(tmp_path / "r.html")
    with pytest.raises(MissingExtraError, match="Jinja2"):
        build.report().to_html()


def test_annotations(build, monkeypatch, tmp_path):
    """Each finding that is not allowed is one command: its word by certainty, its place told from the repository."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    found = [
        build.leak(count=2, owner=OwnerName("pool", "Owner"), hint="Use a with block."),
        build.leak(certainty=Certainty.SUSPECTED, test="t.py::a", site=None, events=()),
        build.leak(certainty=Certainty.HINT, rule="LT108", scope="job"),
        build.misuse(),
        build.leak(allowed="known"),
    ]
    message = "It was never released: call close() when you are done with it."
    assert render(build.report(*found)).splitlines() == [
        f"::error file=app.py,line=10,title=LT201 use-after-release::{found[3].message} [the process]",
        f"::error file=app.py,line=5,title=LT101 leak-at-exit::{message} [2 x; Owner 'pool'] (Use a with block.)",
        f"::warning title=LT101 leak-at-exit::{message} [t.py::a]",
        f"::notice file=app.py,line=5,title=LT108 held-too-long::{message} [job]",
    ]


def test_no_name_makes_a_command_of_its_own():
    """With hostile names there is still one line for each finding, and every line is a command of ours."""
    report = hostile_report()
    lines = render(report).split("\n")
    assert lines.pop() == ""
    assert len(lines) == sum(finding.allowed is None for finding in report.findings)
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    assert not any("\r" in line for line in lines)


FULL_DISK = """
import os, resource, signal, sys
import lifetrack
from lifetrack.reports.files import write_atomically
from lifetrack.values.errors import ConfigurationError
os.chdir(sys.argv[1])
write_atomically("r.txt", "old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomically("r.txt", "x" * 100_000)
except ConfigurationError as error:
    print(error)
print(open("r.txt").read(), sorted(os.listdir(".")))
lifetrack.start(report=["r.txt", "small.json"], policy="record")
@lifetrack.tracked
class Thing:
    def __init__(self, n): self.n = n
    def close(self): pass
kept = [eval(f"\\n" * 3 * n + "Thing(n)") for n in range(40)]
print("goes on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_one_line_and_the_program_goes_on(tmp_path, run_python):
    """When nothing more can be written, the old report stays, one line says why, and the program ends as it would."""
    # Bytecode that is written below the limit would be cut short, and be there for the next test.
    ended = run_python(FULL_DISK, str(tmp_path), env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert ended.returncode == 0, ended.stderr
    first, second, third = ended.stdout.splitlines()
    assert first == "report file 'r.txt': it could not be written (File too large): name a file where there is room"
    assert second == "old ['r.txt']"
    assert third == "goes on"
    complaints = [line for line in ended.stderr.splitlines() if "error:" in line]
    assert len(complaints) == 2
    assert all("could not be written (File too large)" in line for line in complaints)
    assert "LT101" in ended.stderr  # what could not be written is printed


def mounted(folder, size):
    """Mount a tiny file system; whether that could be done."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False


def test_a_full_file_system_keeps_the_old_report(build, tmp_path):
    """On a disk that is really full nothing is left behind, and the report that was there stays whole."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mounted(disk, "64k"):
        pytest.skip("no file system may be mounted here")
    try:
        report = build.report(build.leak())
        write_report(report, disk / "r.json")
        before = (disk / "r.json").read_bytes()
        many = build.report(*(build.leak(message=f"{n} " + "x" * 999, rule="LT105", site=None) for n in range(200)))
        object.__setattr__(many, "findings", many.findings * 100)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            write_report(many, disk / "r.json")
        assert (disk / "r.json").read_bytes() == before
        assert [path.name for path in disk.iterdir()] == ["r.json"]
        json.loads(before)
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=10)
