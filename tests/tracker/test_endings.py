"""Ends and warnings of real processes: the report comes when it should, where it should, and nothing else changes."""

from __future__ import annotations

import json
import os

import pytest

START = "lifetrack.start(policy='record')\nkept = Resource()\n"


@pytest.mark.parametrize(
    ("ending", "status", "stdout"),
    [
        ("print('done')", 0, "done\n"),
        ("sys.exit(3)", 3, ""),
        ("raise KeyError('mine')", 1, ""),
        ("import atexit; atexit.register(print, 'hook')", 0, "hook\n"),
    ],
)
def test_the_report_comes_however_a_script_ends(program, ending, status, stdout):
    """A leak is reported on standard error at a normal end, ``sys.exit`` and an exception; the status stays."""
    done = program(START + ending)
    assert (done.returncode, done.stdout) == (status, stdout)
    assert "LT101" in done.stderr
    assert "leak-at-exit" in done.stderr
    assert ("KeyError: 'mine'" in done.stderr) == (status == 1)


def test_what_is_released_by_exit_hooks_is_no_leak(program):
    """Hooks that the program registers run before the report."""
    done = program(START + "import atexit; atexit.register(kept.close)")
    assert (done.stderr, done.returncode) == ("", 0)


def test_without_findings_nothing_is_said(program):
    """A program that releases everything says exactly what it would have said."""
    assert program(START + "kept.use(); kept.close()") == ("", "", 0)


def test_report_false_says_nothing(program):
    """With ``report=False`` there is no report at exit."""
    assert program("lifetrack.start(policy='record', report=False)\nkept = Resource()") == ("", "", 0)


def test_reports_go_into_files(program, tmp_path):
    """Each named file is written by its ending, and then standard error is left alone."""
    done = program(
        "lifetrack.start(policy='record', report=['out.json', 'out.txt'])\nkept = Resource()\nos.chdir('/')",
        cwd=tmp_path,
    )
    assert done == ("", "", 0)
    report = json.loads((tmp_path / "out.json").read_text())
    assert [finding["rule"] for finding in report["findings"]] == ["LT101"]
    assert "LT101" in (tmp_path / "out.txt").read_text()


def test_a_file_that_cannot_be_written_at_exit_loses_nothing(program, tmp_path):
    """If the folder is gone by then, one line says so and the report is printed; the status stays."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = str(folder / "out.json")
    done = program(f"lifetrack.start(policy='record', report={path!r})\nkept = Resource()\nos.rmdir({str(folder)!r})")
    assert done.returncode == 0
    assert "lifetrack: error:" in done.stderr
    assert "LT101" in done.stderr


def test_a_child_says_nothing_of_its_parents(program):
    """A forked child that ends normally prints no report of what its parent has open; the parent does, once."""
    done = program(
        START
        + """
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    kept.use()
    sys.exit(0)
os.waitpid(pid, 0)
"""
    )
    assert done.returncode == 0
    assert done.stderr.count("leak-at-exit") == 1


def test_os_exit_says_nothing_and_does_not_crash(program):
    """``os._exit`` ends at once, with its status and without a report."""
    assert program(START + "os._exit(7)") == ("", "", 7)


def test_what_is_left_to_the_shutdown_of_the_interpreter_does_not_crash(program):
    """Objects in cycles, modules and threads that go during shutdown raise nothing and print nothing."""
    done = program(
        """
lifetrack.start(policy='record', report=False)
import threading
sys.kept = Resource(); sys.kept.me = sys.kept
class Own:
    def close(self): pass
    def __del__(self): self.close()
Own = lifetrack.tracked(Own)
sys.own = Own()
released = Resource(); released.close(); sys.released = released
threading.Thread(target=lambda: Resource(), daemon=True).start()
"""
    )
    assert done == ("", "", 0)


def test_record_leaves_the_program_as_without(run_python):
    """Under ``record`` a program full of mistakes prints the same and ends the same as without lifetrack."""
    body = """
class Resource:
    def __init__(self, value): self.value = value
    def close(self): print("close", self.value)
    def use(self): return self.value * 2
    def __repr__(self): return f"<{self.value}>"
DECLARE
a = Resource(1); a.close(); print(a.use(), a, a.value); a.close()
b = Resource(2); del b
print(isinstance(a, Resource), type(a).__name__, a.__class__ is Resource, a == a, hash(a) == hash(a))
try: Resource()
except TypeError as error: print(error)
try: a.missing
except AttributeError as error: print(error)
raise SystemExit(5)
"""
    without = run_python(body.replace("DECLARE", ""))
    declare = "import lifetrack; Resource = lifetrack.tracked(Resource); lifetrack.start(policy='record', report=False)"
    assert without.returncode == 5
    assert run_python(body.replace("DECLARE", declare)) == without


WARNED = "lifetrack.start(report=False)\nreleased = Resource(); released.close(); released.use()\nprint('on')\n"


def test_warnings_are_seen_by_default(program):
    """Without options a plain script shows the warning with its rule, and goes on."""
    done = program(WARNED)
    assert (done.stdout, done.returncode) == ("on\n", 0)
    assert "LeakWarning: LT201 use-after-release" in done.stderr


def test_warnings_can_be_made_errors(program):
    """``-W error`` makes the misuse raise, where it happens."""
    done = program(WARNED, python_flags=["-W", "error"])
    assert (done.stdout, done.returncode) == ("", 1)
    assert "LeakWarning: LT201" in done.stderr


@pytest.mark.parametrize("flags", [["-W", "ignore"], ["-W", "ignore::ResourceWarning"]])
def test_warnings_can_be_silenced(program, flags):
    """``-W ignore`` hides what we would warn of."""
    assert program(WARNED, python_flags=flags) == ("on\n", "", 0)


def test_a_leak_under_w_error_hits_nobody(program):
    """What the collector noticed is shown, and raised at nobody who happens to run then."""
    rest = "lifetrack.start(report=False)\nResource()\nResource().close()\nlifetrack.find_leaks()\nprint('on')"
    done = program(rest, python_flags=["-W", "error"])
    assert (done.stdout, done.returncode) == ("on\n", 0)
    assert done.stderr.count("LT102") == 1


def test_the_environment_starts_tracking(program):
    """``LIFETRACK=<level>`` tracks from the import on, and reports at exit."""
    done = program("print(lifetrack.is_tracking())\nkept = Resource()", env={"LIFETRACK": "sites"})
    assert (done.stdout, done.returncode) == ("True\n", 0)
    assert "LT101" in done.stderr
    for off in ("", "off"):
        done = program("print(lifetrack.is_tracking())\nkept = Resource()", env={"LIFETRACK": off})
        assert done == ("False\n", "", 0)


def test_a_bad_environment_is_one_line(program):
    """An unknown level in the environment is named with the mend, once, and the program runs untracked."""
    done = program("print(lifetrack.is_tracking())", env={"LIFETRACK": "loud"})
    assert (done.stdout, done.returncode) == ("False\n", 0)
    assert done.stderr == (
        "lifetrack: error: environment variable LIFETRACK: unknown level 'loud': "
        f"use one of off, counts, sites, stacks, full{os.linesep}"
    )


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_filters_that_the_program_sets_count(program, action):
    """A filter of the program's own, set before the start, is obeyed as the command line is."""
    done = program(f"import warnings\nwarnings.simplefilter({action!r})\n" + WARNED)
    assert (done.stdout, done.returncode) == (("on\n", 0) if action == "ignore" else ("", 1))
    assert ("LT201" in done.stderr) == (action == "error")


_SERVING = """
import http.server, json, socket, threading, time
lifetrack.start("{level}", policy="record", watch="stdlib", report="out.json")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
server.daemon_threads = True
def serve(): server.serve_forever()
serving = threading.Thread(target={target}, daemon={daemon})
serving.start()
client = socket.create_connection(server.server_address)
client.sendall(b"GET")
time.sleep(0.3)
if not {daemon}: server.shutdown()
"""


@pytest.mark.parametrize(
    ("level", "target", "daemon", "accepted"),
    [
        ("stacks", "server.serve_forever", True, 0),  # a library is at work there, until the end
        ("stacks", "serve", True, 1),  # the program's own function is
        ("stacks", "server.serve_forever", False, 1),  # the thread has ended
        ("sites", "server.serve_forever", True, 1),  # nobody has noted the thread
    ],
)
def test_what_a_library_does_in_a_daemon_thread_ends_with_the_process(
    program, tmp_path, level, target, daemon, accepted
):
    """Nobody can release what it has just then; the server and the client are the program's to close."""
    program(_SERVING.format(level=level, target=target, daemon=daemon), cwd=tmp_path)
    report = json.loads((tmp_path / "out.json").read_text())
    types = [finding["resource"]["type"] for finding in report["findings"]]
    assert sorted(types) == ["http.server.ThreadingHTTPServer", *["socket.socket"] * (1 + accepted)]
