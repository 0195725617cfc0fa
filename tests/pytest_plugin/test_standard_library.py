"""With the standard library watched, as the bare flag does: pytest's own is nobody's, what tests open is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run


def test_the_company_of_pytest_is_silent(pytester: pytest.Pytester, run: Run) -> None:
    """Captured output, log files, temporary folders, imports, junit files and child processes are no findings."""
    pytester.makepyfile(
        """
import logging, os, socket, sqlite3, subprocess, sys, tempfile, threading
import pytest
def test_capfd(capfd): os.write(1, b"x"); capfd.readouterr()
def test_capsys(capsys): print("x"); capsys.readouterr()
def test_caplog(caplog): logging.warning("x")
def test_recwarn(recwarn): pass
def test_import(tmp_path, monkeypatch):
    (tmp_path / "lazily.py").write_text("x = 1")
    monkeypatch.syspath_prepend(tmp_path)
    import lazily
def test_file(tmp_path):
    with open(tmp_path / "a", "w") as file: file.write("x")
def test_socket(): socket.socket().close()
def test_thread():
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
def test_process(): subprocess.run([sys.executable, "-c", ""], check=True)
def test_temporary():
    with tempfile.TemporaryDirectory(): tempfile.NamedTemporaryFile().close()
@pytest.fixture(scope="session")
def database():
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()
def test_database(database): database.execute("select 1")
@pytest.fixture(scope="session")
def file(tmp_path_factory):
    with open(tmp_path_factory.mktemp("x") / "log", "w") as log: yield log
def test_fixture_s_file(file): file.write("x")
"""
    )
    arguments = ["--log-file=log.txt", "--junit-xml=junit.xml", "-o", "faulthandler_timeout=60", "-v"]
    result = run("--lifetrack", *arguments, flag=False, fresh=True)
    result.assert_outcomes(passed=12)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["lifetrack: level stacks, watching stdlib", "lifetrack: no findings*"])


def test_leaks_of_the_standard_library_are_the_test_s(pytester: pytest.Pytester, run: Run) -> None:
    """A file, a connection and a file opened in a thread fail the tests that opened them, at their own lines."""
    pytester.makepyfile(
        test_it="""
import sqlite3, threading
KEPT = []
def test_file(tmp_path):
    KEPT.append(open(tmp_path / "a", "w"))
def test_connection():
    KEPT.append(sqlite3.connect(":memory:"))
def test_thread(tmp_path):
    thread = threading.Thread(target=lambda: KEPT.append(open(tmp_path / "b", "w")))
    thread.start()
    thread.join()
"""
    )
    result = run("--lifetrack", flag=False, fresh=True)
    result.assert_outcomes(passed=3, errors=3)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:4 in test_file: *::test_file]",
            "test_it.py:6 in test_connection: *::test_connection]",
            "test_it.py:8 in *: *::test_thread]",
        ]
    )


def test_an_unknown_name_to_watch_is_a_usage_error(pytester: pytest.Pytester, run: Run) -> None:
    """It is told in one line, before anything runs."""
    pytester.makepyfile("def test_it(): pass")
    result = run("--lifetrack-watch=stdlibb")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: lifetrack: *stdlibb*"])
