"""The installable example: built as a wheel, installed into a folder of its own, and run; its report is checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT, Finished, RunPython

PROJECT = CHECKOUT / "examples" / "tls_backends"
PLUGIN = "broken (tls-backends 1.0)"
_BUILD = "import os, sys\nfrom hatchling.build import build_wheel\nos.chdir(sys.argv[1])\nbuild_wheel(sys.argv[2])\n"
#: What the broken backend does, by rule: the owner, and the label.
OF_THE_BACKEND = {
    "LT101": "forgotten",
    "LT201": "used late",
    "LT206": "right",
    "LT302": "lent",
    "LT303": "hasty",
    "LT304": "impatient",
}
OF_ANYTHING = {
    "LT102": "lifetrack.SecretBytes",
    "LT103": "tls_backends.layer.Ticket",
    "LT105": "tls_backends.broken.Stubborn",
    "LT106": "tls_backends.broken.Unlucky",
    "LT202": "tls_backends.layer.Ticket",
    "LT203": "tls_backends.layer.Ticket",
    "LT204": "tls_backends.broken.Token",
    "LT205": "tls_backends.broken.Token",
    "LT401": "tls_backends.broken.BoundTicket",
}

Program = Callable[..., Finished]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel of the example is installed."""
    for needed in ("hatchling", "cryptography", "OpenSSL"):
        pytest.importorskip(needed, reason=f"the example of TLS backends needs {needed}: pip install 'lifetrack[dev]'")
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(PROJECT), str(out)], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        pytest.fail(f"the wheel was not built:\n{done.stderr[-2000:]}")
    (wheel,) = out.glob("tls_backends-1.0-*.whl")
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def program(site: Path, run_python: RunPython) -> Program:
    """Run the installed program with arguments."""
    path = os.pathsep.join(filter(None, [str(site), str(CHECKOUT), os.environ.get("PYTHONPATH")]))

    def run(*args: str) -> Finished:
        return run_python("", *args, python_flags=["-m", "tls_backends"], env={"PYTHONPATH": path})

    return run


def every(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        yield finding
        yield from every(finding["children"])


def test_real_backends_shake_hands_and_leave_nothing(program: Program) -> None:
    """Both do TLS over loopback, the broken plugin is told with its distribution, and there are no findings."""
    out, err, status = program("--without-broken")
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("rejected: entry point 'schannel'")
    assert "of tls-backends 1.0: ImportError: SChannel" in lines[0]
    assert lines[1] == "openssl: TLSv1.3, the server says 'HELLO'"
    assert lines[2] == "standard: TLSv1.3, the server says 'HELLO'"
    assert lines[3] == "first choice for handshakes: openssl for CN=localhost"
    assert "no backend has the capability 'resumption': it has 'openssl', 'standard'" in lines[4]
    assert lines[5].startswith("lifetrack: no findings;")
    assert len(lines) == 6


@pytest.fixture
def findings(program: Program, tmp_path: Path) -> list[dict[str, Any]]:
    """The findings of the whole program."""
    out, err, status = program("--report", str(tmp_path / "report.json"))
    assert (err, status) == ("", 0)
    assert "LT109 backend 'broken'" in out
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert "PRIVATE KEY" not in text + out
    found: list[dict[str, Any]] = json.loads(text)["findings"]
    return found


def test_the_broken_backend_shows_each_kind_of_finding(findings: list[dict[str, Any]]) -> None:
    """Each mistake is found once, under its rule, and for nothing else."""
    expected = {*OF_THE_BACKEND, *OF_ANYTHING, "LT104", "LT301", "LT305"}
    assert {finding["rule"] for finding in findings} == expected
    for rule, owner in OF_THE_BACKEND.items():
        (finding,) = [each for each in findings if each["rule"] == rule]
        assert finding["owner"] == {"name": owner, "kind": "collection"}
        assert finding["resource"]["label"] == PLUGIN
    for rule, name in OF_ANYTHING.items():
        (finding,) = [each for each in findings if each["rule"] == rule]
        assert finding["resource"]["type"] == name
    assert sorted(each["owner"]["name"] for each in findings if each["rule"] == "LT301") == ["bypassed", "lent"]


def test_plugin_and_distribution_stand_in_the_findings_of_parts(findings: list[dict[str, Any]]) -> None:
    """What the backend forgot in its release, what is folded under it, and what it made, name it."""
    (forgotten,) = [each for each in findings if each["rule"] == "LT101"]
    parts = list(every(forgotten["children"]))
    assert sorted(part["resource"]["type"] for part in parts) == [
        "lifetrack.SecretBytes", "tls_backends.credentials.Credentials", "tls_backends.layer.Ticket",
    ]  # fmt: skip
    orphans = [each for each in findings if each["rule"] == "LT104" and each["owner"]["kind"] == "backend"]
    assert [orphan["count"] for orphan in orphans] == [7]
    used = [each for each in findings if each["rule"] == "LT305"]
    assert len(used) == 1
    for finding in (*parts, *orphans, *used):
        assert PLUGIN in finding["message"]


def test_a_dropped_collection_leaves_its_backend_with_its_parts(findings: list[dict[str, Any]]) -> None:
    """One LT104 for the backend, and what it owns below it."""
    (dropped,) = [each for each in findings if each["rule"] == "LT104" and each["owner"]["kind"] == "collection"]
    assert "went away without its cleanup()" in dropped["message"]
    assert len(list(every(dropped["children"]))) == 3


def test_a_secret_that_leaks_is_told_in_its_own_words(findings: list[dict[str, Any]]) -> None:
    """Wherever it stands in the report."""
    secrets = [each for each in every(findings) if each["resource"]["type"] == "lifetrack.SecretBytes"]
    assert len(secrets) == 3
    assert all("holds key material that was never wiped" in each["message"] for each in secrets)


@pytest.mark.slow
def test_one_command_runs_it(site: Path, run_python: RunPython) -> None:
    """The script installs the project with pip and runs it."""
    pytest.importorskip("pip", reason="the script of the example installs with pip")
    out, err, status = run_python(PROJECT / "run.py", "--without-broken", timeout=180)
    assert status == 0, err
    assert "openssl: TLSv1.3, the server says 'HELLO'" in out
