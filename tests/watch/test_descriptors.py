"""Raw descriptors: found when nobody closes them, followed where they move, told apart when a number is used again."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def found(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(finding.rule, finding.resource.type) for finding in tracker.find_leaks()]


def misused(tracker: Tracker) -> list[tuple[str, str, str]]:
    return [
        (each.rule, each.resource.type, str(each.certainty.name).lower())
        for each in tracker.report().findings
        if not each.rule.startswith("LT1")
    ]


def _open() -> list[int]:
    return [os.open(__file__, os.O_RDONLY)]  # site: os.open


def _pipe() -> list[int]:
    return list(os.pipe())  # site: os.pipe


def _dup() -> list[int]:
    return [os.dup(0)]  # site: os.dup


def _openpty() -> list[int]:
    return list(os.openpty())  # site: os.openpty


def _memfd() -> list[int]:
    return [os.memfd_create("name")]  # site: os.memfd_create


def _mkstemp() -> list[int]:
    number, path = tempfile.mkstemp()  # site: mkstemp
    os.unlink(path)
    return [number]


def _dup2() -> list[int]:
    free = os.dup(0)
    os.close(free)
    return [os.dup2(0, free)]  # site: os.dup2


def _detached() -> list[int]:
    return [socket.socket().detach()]  # site: detach


KINDS: dict[str, tuple[str, Callable[[], list[int]]]] = {
    "os.open": ("os.open", _open),
    "os.pipe": ("os.pipe", _pipe),
    "os.dup": ("os.dup", _dup),
    "os.openpty": ("os.openpty", _openpty),
    "os.memfd_create": ("os.memfd_create", _memfd),
    "mkstemp": ("os.open", _mkstemp),
    "os.dup2": ("os.dup2", _dup2),
    "detach": ("socket.detach", _detached),
}
each_kind = pytest.mark.parametrize("name", KINDS)


@each_kind
def test_never_closed(name: str, watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A descriptor that is still open when its scope ends is LT103 at the line that made it, each one by itself."""
    kind, make = KINDS[name]
    with watching.scope("job"):
        numbers = make()
    findings = watching.find_leaks()
    for number in numbers:
        os.close(number)
    assert sum(each.count for each in findings) == len(numbers)
    assert {(each.rule, each.resource.type) for each in findings} == {("LT103", kind)}
    assert {each.certainty.name.lower() for each in findings} == {"suspected" if name == "detach" else "proven"}
    assert all(f"# site: {name}" in line_of(each) for each in findings)


@each_kind
def test_closed(name: str, watching: Tracker) -> None:
    """A descriptor that was closed is not spoken of, and is counted."""
    kind, make = KINDS[name]
    with watching.scope("job"):
        numbers = make()
        for number in numbers:
            os.close(number)
    assert found(watching) == []
    totals = {total.type: total for total in watching.snapshot().types}[kind]
    assert (totals.live, totals.released) == (0, totals.acquired)


def test_closed_by_a_range(watching: Tracker) -> None:
    """closerange() closes too."""
    number = os.dup(0)
    os.closerange(number, number + 1)
    assert found(watching) == []


def test_closed_unseen(watching: Tracker) -> None:
    """What was closed through a reference that was taken before the start is not called open."""
    native: Any = os.close
    number = os.dup(0)
    native.__wrapped__(number)
    assert found(watching) == []
    with open(__file__, "rb") as file:
        assert file.fileno() == number
        assert found(watching) == [("LT101", "_io.BufferedReader")]


def test_given_to_a_file(watching: Tracker) -> None:
    """fdopen() takes a descriptor over: one resource, of the type that the program holds."""
    number = os.dup(0)
    file = os.fdopen(number, "rb")
    assert found(watching) == [("LT101", "_io.BufferedReader")]
    file.close()
    assert found(watching) == []


def test_lent_to_a_file(watching: Tracker) -> None:
    """A file with closefd=False takes nothing over."""
    number = os.dup(0)
    with os.fdopen(number, "rb", closefd=False):
        pass
    assert found(watching) == [("LT101", "os.dup")]
    os.close(number)
    assert found(watching) == []


def test_given_by_an_opener(watching: Tracker) -> None:
    """The descriptor that an opener makes is the file's; temporary files are made so."""
    with open(__file__, "rb", opener=os.open), tempfile.NamedTemporaryFile(), tempfile.TemporaryFile():
        types = [resource for _, resource in found(watching)]
    assert "os.open" not in types
    assert len(types) == 3
    assert found(watching) == []


def test_given_to_a_socket(watching: Tracker) -> None:
    """fileno= takes a descriptor over, detach() gives it back: the duty is always with one of them."""
    first, second = socket.socketpair()
    number = first.detach()
    assert sorted(found(watching)) == [("LT101", "socket.detach"), ("LT101", "socket.socket")]
    again = socket.socket(fileno=number)
    assert found(watching) == [("LT101", "socket.socket")] * 2
    again.close()
    second.close()
    assert found(watching) == []


def test_wrapped_by_ssl(watching: Tracker) -> None:
    """wrap_socket() detaches the socket when it has its descriptor already: no raw descriptor is left."""
    first, second = socket.socketpair()
    context = ssl.create_default_context()
    with second, context.wrap_socket(first, server_hostname="localhost", do_handshake_on_connect=False):
        assert [resource for _, resource in found(watching)] == ["socket.socket", "ssl.SSLSocket"]
    assert found(watching) == []


def test_closed_twice(watching: Tracker) -> None:
    """A second close that the system refuses is suspected: it may be a question whether the number is closed."""
    number = os.dup(0)
    os.close(number)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(number)
    assert misused(watching) == [("LT202", "os.dup", "suspected")]


@pytest.mark.parametrize("kind", ["file", "socket"])
def test_closed_twice_and_a_strangers_by_now(kind: str, watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A second close that hits the descriptor of somebody else's file or socket is proven, with its own history."""
    number = os.dup(0)  # site: stale
    os.close(number)
    stranger: Any = open(__file__, "rb") if kind == "file" else socket.socket()
    assert stranger.fileno() == number
    os.close(number)
    with contextlib.suppress(OSError):
        stranger.close()
    (finding,) = (each for each in watching.report().findings if each.rule == "LT202")
    assert finding.certainty.name.lower() == "proven"
    assert "another file or socket" in finding.message
    assert "# site: stale" in line_of(finding)


def test_number_that_is_used_again(watching: Tracker) -> None:
    """The next use of a number is a resource of its own, and closing it is no second close."""
    for _ in range(3):
        os.close(os.dup(0))
    with open(__file__, "rb") as file:
        number = file.fileno()
    os.close(os.dup(0))
    assert os.open(__file__, os.O_RDONLY) == number
    assert found(watching) == [("LT101", "os.open")]
    os.close(number)
    assert found(watching) == misused(watching) == []


def test_number_of_unknown_origin(watching: Tracker) -> None:
    """A number that was opened by ways that are not watched may be closed, though it was closed under another use."""
    import fcntl

    number = os.dup(0)
    os.close(number)
    assert fcntl.fcntl(0, fcntl.F_DUPFD, number) == number
    os.close(number)
    assert misused(watching) == []


def test_what_the_standard_library_keeps(watching: Tracker) -> None:
    """Pipes of subprocess and multiprocessing are theirs to close; its resource tracker stays for good."""
    with watching.scope("job"):
        subprocess.run([sys.executable, "-c", ""], capture_output=True, check=True)
        process = multiprocessing.get_context("spawn").Process(target=int)
        process.start()
        process.join()
        reader, writer = multiprocessing.Pipe(duplex=False)
        reader.close()
        writer.close()
        multiprocessing.Queue().put(1)
        multiprocessing.Array("i", 100_000)  # in an arena, which is a file in a temporary folder
    assert [resource for _, resource in found(watching) if resource.startswith("os.")] == []


def test_functions_look_as_before(watching: Tracker) -> None:
    """The functions are what they were to whoever looks at them, in sets of functions too."""
    native: Any = os.open
    assert os.open in os.supports_dir_fd
    assert repr(os.close) == "<built-in function close>"
    assert isinstance(os.pipe, type(len))
    assert native.__wrapped__ is not native


def test_folders(watching: Tracker, tmp_path: Path) -> None:
    """What walks over folders by descriptors leaves none open."""
    import shutil

    (tmp_path / "a" / "b").mkdir(parents=True)
    with watching.scope("job"):
        list(os.fwalk(tmp_path))
        shutil.rmtree(tmp_path / "a")
    assert found(watching) == []
