"""What another Python sees of being followed: as little as can be."""

from __future__ import annotations

import json
import os

from tests.children.conftest import Family
from tests.conftest import CHECKOUT, RunPython

LOOK = "import json, sys; print(json.dumps([sys.path[1:], 'sitecustomize' in sys.modules, sys.flags.safe_path]))"


def test_the_path_of_a_child_is_as_it_would_be(family: Family) -> None:
    """The folder that starts tracking takes itself off the path, and no sitecustomize is left behind."""
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {LOOK!r}], check=True)\n"
    family.run(program, options=())
    plain = json.loads(family.out)
    family.run(program)
    assert json.loads(family.out) == plain


def test_the_sitecustomize_of_the_program_runs(family: Family) -> None:
    """One that would have been found without us is found, and runs once."""
    site = family.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("print('customised', __file__)\n")
    family.run(
        "import os, subprocess, sys\n"
        f"os.environ['PYTHONPATH'] += os.pathsep + {str(site)!r}\n"
        "subprocess.run([sys.executable, '-c', 'import sitecustomize; print(sitecustomize.__file__)'], check=True)\n"
    )
    file = site / "sitecustomize.py"
    assert family.out.splitlines() == [f"customised {file}", str(file)]
    assert len(family.report["processes"]) == 1


def test_a_stale_or_foreign_folder_is_not_obeyed(run_python: RunPython, tmp_path) -> None:
    """A child whose run is over, or whose folder others may write to, runs untracked and says nothing."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    os.chmod(open_to_all, 0o777)
    for folder in (tmp_path / "gone", open_to_all):
        startup = CHECKOUT / "lifetrack" / "startup"
        env = {"LIFETRACK_CHILDREN": str(folder), "PYTHONPATH": os.pathsep.join([str(startup), str(CHECKOUT)])}
        done = run_python("import sys; print('lifetrack.tracker' in sys.modules and "
                          "__import__('lifetrack').is_tracking())", env=env)  # fmt: skip
        assert (done.stdout.strip(), done.stderr, done.returncode) == ("False", "", 0)


def test_the_environment_is_given_back(run_python: RunPython) -> None:
    """The library follows too; stop() gives the environment back and takes the folder away."""
    done = run_python(
        "import os, lifetrack\n"
        "before = dict(os.environ)\n"
        "lifetrack.start(children=True, report=False)\n"
        "folder = os.environ['LIFETRACK_CHILDREN']\n"
        "print(os.stat(folder).st_mode & 0o777 == 0o700)\n"
        "lifetrack.stop()\n"
        "print(dict(os.environ) == before, os.path.exists(folder))\n"
    )
    assert done.stdout.splitlines() == ["True", "True False"], done.stderr


def test_the_library_reports_at_exit(run_python: RunPython) -> None:
    """start(children=True) is enough: the report at exit has the findings of the children."""
    done = run_python(
        "import os, lifetrack\n"
        "lifetrack.start(children=True, watch='stdlib')\n"
        "if not (pid := os.fork()):\n"
        "    kept = open(os.devnull)\n"
        "    raise SystemExit\n"
        "os.waitpid(pid, 0)\n"
    )
    assert "LT101" in done.stderr
    assert done.stderr.count("lifetrack: 1 finding") == 1
    assert "With 1 child process." in done.stderr


def test_exit_hooks_of_the_program_come_first(run_python: RunPython) -> None:
    """What an exit hook releases in a child is no leak there, even if it was registered before tracking began."""
    done = run_python(
        "import atexit, os\n"
        "import lifetrack\n"
        "kept = []\n"
        "atexit.register(lambda: [each.close() for each in kept])\n"
        "lifetrack.start(children=True, watch='stdlib', report=True)\n"
        "if not (pid := os.fork()):\n"
        "    kept.append(open(os.devnull))\n"
        "    left = open(os.devnull)\n"
        "    raise SystemExit\n"
        "os.waitpid(pid, 0)\n"
    )
    assert "lifetrack: 1 finding (1 proven); 2 acquired, 1 released" in done.stderr


def test_a_finding_of_a_child_counts_for_the_exit_status(run_python: RunPython) -> None:
    """`--error-exitcode` looks at the whole report."""
    program = (
        "import os\nif not (pid := os.fork()):\n    kept = open(os.devnull)\n    raise SystemExit\nos.waitpid(pid, 0)"
    )
    words = ("run", "--error-exitcode", "9", "-c", program)
    assert run_python("", *words, python_flags=["-m", "lifetrack"]).returncode == 0
    followed = run_python("", *words[:1], "--children", *words[1:], python_flags=["-m", "lifetrack"])
    assert followed.returncode == 9, followed.stderr
