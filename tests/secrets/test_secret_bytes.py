"""Key material: wiped when released, shown to nobody by accident, and a leak of its own wording when forgotten."""

from __future__ import annotations

import copy
import gc
import hashlib
import hmac
import logging
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

import lifetrack
from lifetrack.secrets import SecretBytes
from lifetrack.values.errors import UseAfterReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifetrack.tracker import Tracker
    from tests.conftest import RunPython

WORD = b"correct horse battery"


@pytest.fixture
def secret() -> Iterator[SecretBytes]:
    """A secret that is wiped at the end."""
    with SecretBytes(WORD) as made:
        yield made


@pytest.fixture
def tracking(tracker: Tracker) -> Tracker:
    """A tracker of one's own that has the class declared as the default one has it."""
    declared = {"release": ("wipe", "close"), "idempotent": True, "secret": True}
    tracker.tracked_as(SecretBytes, fate="holds key material that was never wiped", **declared)
    tracker.start("stacks", policy="record", report=False)
    return tracker


# -- making and using --------------------------------------------------------------------------------------------------


def test_ways_to_make_one() -> None:
    """From bytes, a bytearray, a memoryview, hexadecimal digits, and at random."""
    for material in (WORD, bytearray(WORD), memoryview(WORD)):
        with SecretBytes(material) as made:
            assert made.matches(WORD)
    with SecretBytes.from_hex(WORD.hex()) as made, SecretBytes.random(32) as one, SecretBytes.random(32) as two:
        assert made == WORD
        assert len(one) == 32
        assert one != two


def test_a_bytearray_that_is_handed_over_is_overwritten() -> None:
    """No second copy stays where the caller had it."""
    material = bytearray(WORD)
    with SecretBytes(material) as made:
        assert made == WORD
        assert material == bytes(len(WORD))


@pytest.mark.parametrize("material", ["text", 5, None, [1, 2]])
def test_what_is_no_bytes_is_refused(material: Any) -> None:
    """The error names the type, not the value."""
    with pytest.raises(TypeError, match=rf"not {type(material).__name__}$"):
        SecretBytes(material)


@pytest.mark.parametrize("length", [0, -1, True, 1.5, "8"])
def test_a_random_one_needs_a_length(length: Any) -> None:
    """A whole number from 1."""
    with pytest.raises(ValueError, match="at least 1"):
        SecretBytes.random(length)


def test_bad_hexadecimal_digits_are_not_shown() -> None:
    """Neither in the message, nor by a cause, nor in the variables of the traceback's frames in the library."""
    text = "c0ffee-nonsense"
    with pytest.raises(ValueError, match="hexadecimal") as raised:
        SecretBytes.from_hex(text)
    assert text not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    entry = raised.traceback[-1]
    assert text not in [value for value in entry.frame.f_locals.values() if isinstance(value, str)]


def test_it_is_shown_on_purpose_only(secret: SecretBytes) -> None:
    """A block gives a read-only view that whoever takes buffers can use, and that ends with the block."""
    with secret.exposed() as view:
        assert bytes(view) == WORD
        assert view.readonly
        assert hmac.digest(view, b"m", "sha256") == hmac.digest(WORD, b"m", "sha256")
        assert hashlib.sha256(view).digest() == hashlib.sha256(WORD).digest()
        with pytest.raises(TypeError):
            view[0] = 0
    with pytest.raises(ValueError, match="released"):
        view.tobytes()


def test_a_copy_for_those_that_take_no_views(secret: SecretBytes) -> None:
    """A bytearray of its own, overwritten when the block ends, however it ends."""
    with secret.exposed_copy() as key:
        assert hmac.new(key, b"m", "sha256").digest() == hmac.digest(WORD, b"m", "sha256")
    assert key == bytes(len(WORD))
    with pytest.raises(KeyError), secret.exposed_copy() as key:
        raise KeyError
    assert key == bytes(len(WORD))
    assert secret == WORD


def test_comparing(secret: SecretBytes) -> None:
    """Equal material is equal, whatever it is held in; anything else is not, or is refused by matches()."""
    with SecretBytes(WORD) as same, SecretBytes(b"other") as other:
        assert secret == same
        assert secret.matches(bytearray(WORD))
        assert secret != other
        assert WORD == secret
        assert secret != "text"
        assert not secret.matches(WORD[:-1])
        with pytest.raises(TypeError, match="not with str"):
            secret.matches("text")  # type: ignore[arg-type]


def test_comparing_takes_the_same_path_wherever_they_differ(
    secret: SecretBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is hmac.compare_digest that compares, always over the whole."""
    calls: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def counting(one: Any, other: Any) -> bool:
        calls.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for other in (b"x" + WORD[1:], WORD[:-1] + b"x", WORD):
        assert (secret == other) is (other == WORD)
    assert calls == [(len(WORD), len(WORD))] * 3


# -- refusals ----------------------------------------------------------------------------------------------------------


REFUSED = {
    "str": str, "format": lambda each: f"{each}", "print": print, "bytes": bytes, "hash": hash,
    "iter": iter, "list": list, "index": lambda each: each[0], "slice": lambda each: each[1:],
    "in": lambda each: b"c" in each, "copy": copy.copy, "deepcopy": copy.deepcopy,
    "state": lambda each: each.__getstate__(),
    "set": lambda each: {each}, "join": lambda each: b"".join([each]), "bytearray": bytearray, "memoryview": memoryview,
    **{f"pickle {number}": (lambda each, number=number: pickle.dumps(each, number)) for number in range(6)},
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_it_is_not_shown_by_accident(secret: SecretBytes, how: str) -> None:
    """Whatever would make a copy of the material or a text of it is a TypeError without the material."""
    with pytest.raises(TypeError) as raised:
        REFUSED[how](secret)
    assert "correct" not in str(raised.value)


def test_its_repr_shows_the_type_only(secret: SecretBytes, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the material nor its length; the same goes for what holds it, and for a log line."""
    assert repr(secret) == "<SecretBytes: not shown>"
    assert repr([secret]) == "[<SecretBytes: not shown>]"
    logging.getLogger("test").warning("%r", secret)
    assert "correct" not in caplog.text
    gone = SecretBytes(WORD)
    gone.wipe()
    assert repr(gone) == "<SecretBytes: wiped>"
    assert not hasattr(secret, "__dict__")


# -- wiping ------------------------------------------------------------------------------------------------------------


def raw(secret: SecretBytes) -> memoryview:
    """A view of the buffer itself, so that the test can see what becomes of it."""
    buffer = secret._buffer
    assert buffer is not None
    return memoryview(buffer)


@pytest.mark.parametrize("end", ["wipe", "close", "with", "del", "cycle", "exception"])
def test_the_material_is_overwritten(end: str) -> None:
    """By its release, by the end of a block and by the end of the object, also in a cycle."""
    secret: Any = SecretBytes(WORD)
    seen = raw(secret)
    assert bytes(seen) == WORD
    if end in {"wipe", "close"}:
        getattr(secret, end)()
    elif end == "with":
        with secret:
            pass
    elif end == "exception":
        with pytest.raises(KeyError), secret:
            raise KeyError
    elif end == "cycle":
        holder: list[Any] = [secret]
        holder.append(holder)
        del holder
    del secret
    gc.collect()
    assert bytes(seen) == bytes(len(WORD))


USES = {
    "exposed": lambda each: each.exposed().__enter__(), "matches": lambda each: each.matches(b"x"),
    "exposed_copy": lambda each: each.exposed_copy().__enter__(),
    "eq": lambda each: each == b"x", "len": len, "bool": bool, "with": lambda each: each.__enter__(),
}  # fmt: skip


@pytest.mark.parametrize("how", USES)
def test_a_wiped_one_cannot_be_used(how: str) -> None:
    """UseAfterReleaseError, though nothing tracks; wiping again is harmless."""
    secret = SecretBytes(WORD)
    secret.wipe()
    secret.wipe()
    secret.close()
    assert secret.is_wiped
    assert not lifetrack.is_tracking()
    with pytest.raises(UseAfterReleaseError, match="after it was wiped"):
        USES[how](secret)


def test_wiping_while_it_is_exposed_is_noticed() -> None:
    """The view shows zeros at once, and the block that may have worked with zeros does not end well."""
    secret = SecretBytes(WORD)
    with pytest.raises(UseAfterReleaseError), secret.exposed() as view:
        secret.wipe()
        assert bytes(view) == bytes(len(WORD))


def test_comparing_with_a_wiped_one_is_an_error(secret: SecretBytes) -> None:
    """Zeros are never taken for the material."""
    gone = SecretBytes(WORD)
    gone.wipe()
    with pytest.raises(UseAfterReleaseError):
        secret.matches(gone)


def test_threads_that_use_and_wipe_at_once() -> None:
    """Each use sees the whole material or UseAfterReleaseError, nothing in between."""
    wrong: list[bytes] = []
    for _ in range(50):
        secret = SecretBytes(WORD)
        start = threading.Barrier(4)

        def use(secret: SecretBytes = secret, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                for _ in range(20):
                    with secret.exposed() as view:
                        seen = bytes(view)
                    if seen != WORD:
                        wrong.append(seen)
            except UseAfterReleaseError:
                return

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        start.wait()
        secret.wipe()
        secret.wipe()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_subclasses() -> None:
    """A subclass may add what it likes; it is wiped, refused and named as itself."""

    class Password(SecretBytes):
        def __init__(self, text: str, hint: str = "") -> None:
            super().__init__(text.encode())
            self.hint = hint

    with Password("hunter2", hint="game") as password:
        assert repr(password).endswith("Password: not shown>")
        assert "hunter2" not in repr(password)
        assert password == b"hunter2"
        with pytest.raises(TypeError):
            pickle.dumps(password)
    with pytest.raises(UseAfterReleaseError, match="Password"):
        password.matches(b"hunter2")


# -- tracked -----------------------------------------------------------------------------------------------------------


def test_a_forgotten_one_is_a_leak_of_its_own_wording(tracking: Tracker) -> None:
    """Collected, at the end of a scope, and at the end of the process: key material that was never wiped."""
    with tracking.scope("job"):
        kept = SecretBytes(WORD)
    SecretBytes.random(8)
    last = SecretBytes.from_hex("00")
    findings = tracking.final_report().findings
    assert sorted(finding.rule for finding in findings) == ["LT101", "LT102", "LT103"]
    for finding in findings:
        assert "holds key material that was never wiped: it " in finding.message
        assert finding.resource.type == "lifetrack.SecretBytes"
    kept.wipe()
    last.wipe()


def test_a_wiped_one_is_no_leak(tracking: Tracker) -> None:
    """By name, twice, and by the end of a block."""
    one, two = SecretBytes(WORD), SecretBytes(WORD)
    one.wipe()
    one.close()
    with two:
        pass
    assert tracking.report().findings == ()
    assert tracking.report().totals.released == 2


def test_a_use_after_the_wipe_is_a_finding_and_an_error(tracking: Tracker) -> None:
    """Tracked, it is LT201 too; the error comes whatever the policy is."""
    secret = SecretBytes(WORD)
    secret.wipe()
    with pytest.raises(UseAfterReleaseError):
        secret.matches(b"x")
    assert [finding.rule for finding in tracking.report().findings] == ["LT201"]


#: Not where they are used: reports show the source lines.
LABELS = ("hunter2-given", "hunter2-child", "hunter2-lost", "hunter2-declared")


def test_no_label_of_a_secret_is_ever_shown(tracker: Tracker) -> None:
    """Neither the declared nor the given one, in findings, text, JSON, records, history and exceptions."""

    @tracker.tracked(release="wipe", secret=True, label=LABELS[3], children=("child",))
    class Key:
        def wipe(self) -> None:
            pass

        def child(self) -> Any:
            return Key()

        def use(self) -> None:
            pass

    tracker.start("full", policy="record", report=False)
    with tracker.scope("job"):
        key = tracker.track(Key(), label=LABELS[0])
        child = tracker.track(key.child(), label=LABELS[1])
        key.use()
    key.wipe()
    key.use()
    owner = lifetrack.Owner("pool")
    lost = tracker.track(Key(), label=LABELS[2], owner=owner)
    shown = [repr(tracker.history(key)), repr(tracker.snapshot()), repr(tracker.find_leaks()), repr(child), repr(lost)]
    report = tracker.final_report()
    shown += [report.to_text(), report.to_json(), repr(report)]
    with pytest.raises(AssertionError) as raised:
        tracker.assert_no_leaks()
    shown += [str(raised.value), *raised.value.__notes__]
    assert len(report.findings) >= 2
    assert [text for text in shown if "hunter2" in text] == []


PROGRAM = """
import lifetrack
lifetrack.start(policy="record")
key = lifetrack.SecretBytes(bytes([104, 117, 110, 116, 101, 114, 50]))
with lifetrack.SecretBytes.random(4) as other: pass
"""


def test_the_default_tracker_knows_the_class(run_python: RunPython) -> None:
    """A program that declares nothing is told at its exit, at the line that made the secret."""
    done = run_python(PROGRAM)
    text = " ".join(done.stderr.split())
    assert "LT101 leak-at-exit (proven): lifetrack.SecretBytes" in text
    assert "acquired at <string>:4 holds key material that was never wiped" in text
    assert "hunter2" not in text


def test_the_facade_does_not_load_it(run_python: RunPython) -> None:
    """A program without secrets does not pay for them."""
    code = "import sys, lifetrack; print('lifetrack.secrets' in sys.modules, 'hmac' in sys.modules)"
    assert run_python(code, python_flags=["-S"])[:2] == ("False False\n", "")
