"""Report files are checked beforehand, written whole or not at all, and readable by their owner only."""

from __future__ import annotations

import errno
import io
import json
import os
import stat

import pytest

from lifetrack.journal.files import target_of
from lifetrack.reports.files import check_writable, write_atomically, write_report
from lifetrack.reports.terminal import print_report
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Resource

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes, links and owners as POSIX has them")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def refused(path, call=check_writable, *args):
    with pytest.raises(ConfigurationError) as caught:
        call(path, *args)
    message = str(caught.value)
    assert repr(os.fspath(path)) in message
    return message


def test_written_by_its_ending(build, tmp_path):
    """The ending decides between JSON and text, in capitals too."""
    report = build.report(build.leak())
    for name, expected in [("a.json", report.to_json()), ("b.txt", report.to_text()), ("c.JSON", report.to_json())]:
        write_report(report, tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == expected
        report.write(str(tmp_path / name))
        assert (tmp_path / name).read_text(encoding="utf-8") == expected


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_owner_can_read_it(tmp_path, umask):
    """The mode is 0600 whatever the umask is and whatever the file was before."""
    path = tmp_path / "report.txt"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o666)
    before = os.umask(umask)
    try:
        write_atomically(path, "new")
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert path.read_text(encoding="utf-8") == "new"


def test_any_text_can_be_written(tmp_path):
    """Lone surrogates are escaped, and what is not ASCII is UTF-8."""
    write_atomically(tmp_path / "r.txt", "caf\u00e9 \udce9\n")
    assert (tmp_path / "r.txt").read_bytes() == "caf\u00e9 \\udce9\n".encode()


@pytest.mark.parametrize("name", ["report", "report.xml", "report.json.gz", ".json", ".trace.json", ""])
def test_unknown_endings_are_refused(tmp_path, name):
    """An ending without a form is refused with the endings that have one."""
    assert ".json, .txt, .html" in refused(str(tmp_path / name))


def test_directories_are_refused(tmp_path):
    """A missing directory, a file in its place, and a directory in place of the file are named."""
    (tmp_path / "dir.json").mkdir()
    (tmp_path / "file").touch()
    assert "it is a directory" in refused(tmp_path / "dir.json")
    assert "there is no directory" in refused(tmp_path / "none" / "r.json")
    assert "there is no directory" in refused(tmp_path / "file" / "r.json")


@pytest.mark.parametrize("name", ["nul\0.json", "x" * 300 + ".json", "lone\ud800.json"])
def test_impossible_names_are_refused(tmp_path, name):
    """A name that no file can have is refused like any other, not by another error."""
    refused(str(tmp_path / name))
    refused(str(tmp_path / name), write_atomically, "text")


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_directory_is_refused(tmp_path):
    """A directory without write permission is refused before the program runs."""
    tmp_path.chmod(0o500)
    try:
        assert "is not writable" in refused(tmp_path / "r.json")
    finally:
        tmp_path.chmod(0o700)


def test_checked_path_stays_the_same_place(tmp_path, monkeypatch):
    """The check gives the absolute path, so that a program that changes its directory does not move its report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    path = check_writable("r.txt")
    os.chdir("sub")
    write_atomically(path, "text")
    assert (tmp_path / "r.txt").read_text(encoding="utf-8") == "text"


def test_checking_leaves_no_trace(tmp_path):
    """The check neither makes the file nor changes one that is there."""
    check_writable(tmp_path / "new.json")
    old = tmp_path / "old.json"
    old.write_text("old", encoding="utf-8")
    check_writable(old)
    assert old.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["old.json"]


@posix
def test_special_files_are_refused(tmp_path):
    """A pipe is not replaced by a report."""
    os.mkfifo(tmp_path / "pipe.txt")
    assert "not an ordinary file" in refused(tmp_path / "pipe.txt")
    refused(tmp_path / "pipe.txt", write_atomically, "text")
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe.txt").st_mode)


@posix
def test_own_links_are_followed(tmp_path):
    """A chain of one's own links stays, and the file at its end is written, also if it is not there yet."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "second.txt").symlink_to("real.txt")
    (tmp_path / "first.txt").symlink_to("sub/second.txt")
    for text in ("one", "two"):
        write_atomically(tmp_path / "first.txt", text)
        assert (tmp_path / "sub" / "real.txt").read_text(encoding="utf-8") == text
    assert (tmp_path / "first.txt").is_symlink()
    assert (tmp_path / "sub" / "second.txt").is_symlink()


@posix
def test_link_loops_and_links_to_nowhere_are_refused(tmp_path):
    """A loop of links, and a link into a directory that is missing, are named."""
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    (tmp_path / "c.txt").symlink_to("none/r.txt")
    assert "loop" in refused(tmp_path / "a.txt")
    assert "there is no directory" in refused(tmp_path / "c.txt")


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can give a link away")
def test_links_of_others_are_refused(tmp_path):
    """A link that somebody else planted is not followed, and its target stays as it was."""
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    link = tmp_path / "r.txt"
    link.symlink_to(victim)
    os.lchown(link, 65534, 65534)
    assert "another user" in refused(link)
    assert "another user" in refused(link, write_atomically, "text")
    assert victim.read_text(encoding="utf-8") == "precious"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can give a link away")
def test_folders_that_are_links_of_others_are_refused(tmp_path):
    """Nobody is led through a folder that somebody else planted, directly or behind a link of one's own."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    evil, own = tmp_path / "evil", tmp_path / "own"
    evil.symlink_to("real")
    own.symlink_to(tmp_path / "real")
    (tmp_path / "around.txt").symlink_to("own/../evil/deep/r.txt")
    write_atomically(own / "deep" / ".." / "mine.txt", "text")
    write_atomically(evil / "deep" / "mine.txt", "text")
    os.lchown(evil, 65534, 65534)
    for path in (evil / "r.txt", evil / "deep" / "r.txt", tmp_path / "around.txt"):
        assert "another user" in refused(path)
        assert "another user" in refused(path, write_atomically, "text")
        with pytest.raises(ConfigurationError, match="another user"):
            target_of(str(path))
    write_atomically(own / "mine.txt", "more")
    assert sorted(each.name for each in (tmp_path / "real").rglob("*.txt")) == ["mine.txt", "mine.txt"]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_report(tmp_path, monkeypatch, failure):
    """When the disk is full or Ctrl-C comes, the old content stays and no part of the new one is left behind."""
    path = tmp_path / "r.txt"
    path.write_text("old", encoding="utf-8")

    def fail(descriptor):
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((ConfigurationError, KeyboardInterrupt)) as caught:
        write_atomically(path, "new")
    if isinstance(failure, OSError):
        assert "No space left on device" in str(caught.value)
        assert isinstance(caught.value, ConfigurationError)
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["r.txt"]


class Terminal(io.TextIOWrapper):
    """A stream of a given encoding that says it is a terminal."""

    def __init__(self, encoding="utf-8", terminal=True):
        self.bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.bytes, encoding=encoding)

    def isatty(self):
        return self.terminal


@pytest.fixture
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def printed(report, stream):
    assert print_report(report, stream)
    return stream.bytes.getvalue().decode(stream.encoding).replace(os.linesep, "\n")


def test_colour_on_a_terminal_only(build, plain_environment):
    """A terminal gets colour; a file, NO_COLOR and a dumb terminal get the plain text."""
    report = build.report(build.leak())
    assert "\x1b[" in printed(report, Terminal())
    assert printed(report, Terminal(terminal=False)) == report.to_text()
    plain_environment.setenv("NO_COLOR", "1")
    assert printed(report, Terminal()) == report.to_text()
    plain_environment.setenv("NO_COLOR", "")
    assert "\x1b[" in printed(report, Terminal())
    plain_environment.setenv("TERM", "dumb")
    assert printed(report, Terminal()) == report.to_text()


def test_width_of_the_terminal_is_used(build, plain_environment):
    """On a terminal the lines have its width, in a file they have the usual one."""
    plain_environment.setenv("COLUMNS", "50")
    plain_environment.setenv("NO_COLOR", "1")
    report = build.report(build.leak(message="word " * 40))
    assert printed(report, Terminal()) == report.to_text(width=50) != report.to_text()
    assert printed(report, Terminal(terminal=False)) == report.to_text()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_what_a_stream_cannot_show_is_escaped(build, plain_environment, encoding):
    """A stream of any encoding gets the whole report."""
    report = build.report(build.leak(resource=Resource(1, "app.\u65e5\u672c"), message="\u65e5 \udc80 caf\u00e9"))
    text = printed(report, Terminal(encoding, terminal=False))
    if encoding == "utf-16":
        assert text == report.to_text()
    else:
        assert "app.\\u65e5\\u672c" in text


def test_a_stream_that_is_gone_does_no_harm(build):
    """None, a closed stream and a broken pipe are not the program's fault: nothing is raised."""
    report = build.report(build.leak())
    closed = io.StringIO()
    closed.close()
    reader, writer = os.pipe()
    os.close(reader)
    broken = os.fdopen(writer, "wb", buffering=0)
    stream = io.TextIOWrapper(broken, encoding="utf-8", write_through=True)
    assert print_report(report, None) is False
    assert print_report(report, closed) is False
    assert print_report(report, stream) is False
    broken.close()

    class Sparse:
        """What some programs put in place of standard error: it can write, and no more."""

        written = ""

        def write(self, text):
            self.written += text

    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError(name)

    sparse = Sparse()
    print_report(report, sparse)
    assert sparse.written == report.to_text()
    assert print_report(report, Hostile()) is False
    assert json.loads(report.to_json())["findings"]
