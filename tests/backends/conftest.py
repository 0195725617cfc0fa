"""Distributions for these tests: real wheels, built by a real build backend, installed into a folder of their own."""

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

import lifetrack
from tests.conftest import CHECKOUT, RunPython

GROUP = "tls_host.backends"
HOST = """
class TlsBackend:
    log = []

    def __init__(self):
        self.log.append(f"made {self.name}")

    def handshake(self):
        return f"{self.name} shakes hands"

    def close(self):
        self.log.append(f"closed {self.name}")
"""
_HEAD = "from tls_host import TlsBackend\n"
#: Distribution: its module, and its entry points by name.
PLUGINS: dict[str, tuple[str, dict[str, str]]] = {
    "tls-good": (
        _HEAD + "class OpenSsl(TlsBackend):\n name = 'openssl'\n api_version = '2.1'\n capabilities = ('keys',)\n"
        "class SChannel(TlsBackend):\n name = 'schannel'\n api_version = 2\n capabilities = ('keys', 'certificates')\n",
        {"openssl": "OpenSsl", "schannel": "SChannel"},
    ),
    "tls-duplicate": (_HEAD + "class Other(TlsBackend):\n name = 'schannel'\n api_version = 2\n", {"twin": "Other"}),
    "tls-import-error": ("raise RuntimeError('boom on import')\n", {"import-error": "Backend"}),
    "tls-missing-dependency": ("import a_dependency_that_is_missing\n", {"missing-dependency": "Backend"}),
    "tls-missing-attribute": ("", {"missing-attribute": "Backend"}),
    "tls-leaves": ("import sys\nsys.exit('bye')\n", {"leaves": "Backend"}),
    "tls-wrong-type": (
        "class Stranger:\n def __init__(self):\n  raise SystemError('made, though of the wrong type')\nNUMBER = 3\n",
        {"wrong-class": "Stranger", "wrong-object": "NUMBER"},
    ),
    "tls-constructor": (
        _HEAD + "class Fails(TlsBackend):\n name = 'fails'\n api_version = 2\n"
        " def __init__(self):\n  raise OSError('no device')\n",
        {"constructor": "Fails"},
    ),
    "tls-old": (_HEAD + "class Old(TlsBackend):\n name = 'old'\n api_version = 1\n", {"old": "Old"}),
    "tls-silent": (_HEAD + "class Silent(TlsBackend):\n name = 'silent'\n", {"no-version": "Silent"}),
    "tls-release": (
        _HEAD + "class Stuck(TlsBackend):\n name = 'stuck'\n api_version = 2\n"
        " def close(self):\n  raise OSError('stuck')\n",
        {"zz-stuck": "Stuck"},
    ),
}
#: Distributions that break nothing, and that nobody else shall meet.
OTHERS: dict[str, tuple[str, dict[str, str]]] = {
    "tls-parts": (
        _HEAD + "import lifetrack\nKEPT = []\n"
        "@lifetrack.tracked\nclass Part:\n def __init__(self):\n  KEPT.append(self)\n def close(self): ...\n"
        "class Made(TlsBackend):\n name = 'made'\n def __init__(self, part=None):\n  self.part = part or Part()\n"
        "def factory():\n made = Made(Part())\n made.name = 'factory'\n return made\n"
        "def raises():\n Part()\n raise OSError('no device')\n",
        {"made": "Made", "factory": "factory", "raises": "raises"},
    ),
}
_BUILD = """
import os, sys
from hatchling.build import build_wheel
for project in sys.argv[2:]:
    os.chdir(project)
    build_wheel(sys.argv[1])
"""


def _write_project(root: Path, name: str, body: str, entry_points: dict[str, str]) -> Path:
    module = name.replace("-", "_")
    lines = [f'"{key}" = "{module}:{value}"' for key, value in entry_points.items()]
    project = root / name
    project.mkdir(parents=True)
    (project / f"{module}.py").write_text(body, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "1.5"\n'
        f'[project.entry-points."{GROUP}"]\n' + "\n".join(lines) + "\n"
        f'[tool.hatch.build.targets.wheel]\ninclude = ["{module}.py"]\n',
        encoding="utf-8",
    )
    return project


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of every distribution above."""
    pytest.importorskip("hatchling")
    root, out = tmp_path_factory.mktemp("projects"), tmp_path_factory.mktemp("wheels")
    projects = [_write_project(root, "tls-host", HOST, {})]
    projects += [_write_project(root, name, body, points) for name, (body, points) in {**PLUGINS, **OTHERS}.items()]
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(out), *map(str, projects)], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"the wheels were not built:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return out


class Environment:
    """A folder with installed distributions, and programs run with it."""

    def __init__(self, wheels: Path, folder: Path, run_python: RunPython) -> None:
        self._wheels = wheels
        self._run = run_python
        self.folder = folder

    def install(self, *names: str) -> None:
        """Install distributions as an installer does it with wheels of plain modules: unpack them."""
        for name in names:
            (wheel,) = self._wheels.glob(f"{name.replace('-', '_')}-1.5-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(self.folder)

    def run(self, program: str) -> Any:
        """Run a program that calls ``show(...)`` with what it has to say; give that, from JSON."""
        head = (
            "import json, logging, sys\nimport lifetrack\nfrom lifetrack import *\n"
            f"GROUP = {GROUP!r}\n"
            "def show(value):\n    print(json.dumps(value))\n"
        )
        path = os.pathsep.join([str(CHECKOUT), str(self.folder), os.environ.get("PYTHONPATH", "")])
        done = self._run(head + program, env={"PYTHONPATH": path})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def environment(wheels: Path, tmp_path: Path, run_python: RunPython) -> Environment:
    """A temporary environment in which the host is installed."""
    made = Environment(wheels, tmp_path / "site", run_python)
    made.install("tls-host")
    return made


class Plain:
    """A backend of nobody's kind, which counts its releases."""

    def __init__(self, name: str = "plain", on_close: Callable[[Plain], object] = lambda self: None) -> None:
        self.name = name
        self.closed = 0
        self._on_close = on_close

    def use(self) -> str:
        return self.name

    def close(self) -> None:
        self.closed += 1
        self._on_close(self)


@pytest.fixture
def tracking() -> Iterator[None]:
    """Tracking by the default tracker, on which collections stand; a misuse raises."""
    with lifetrack.start(policy="raise", report=False):
        yield
