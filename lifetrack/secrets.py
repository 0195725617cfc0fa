"""Key material that is wiped when it is released, and that shows itself to nobody by accident."""

from __future__ import annotations

import contextlib
import hmac
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NoReturn, Self, SupportsIndex

from lifetrack.tracker import default_tracker
from lifetrack.values.errors import UseAfterReleaseError

_REFUSED = "a secret is not {what}: use 'with secret.exposed() as view'"


class SecretBytes:
    """Bytes that nobody shall see: keys, passwords, tokens.

    They stand in one buffer of their own, which :meth:`wipe`, the end of a ``with`` block and the end of the object
    overwrite with zeros. ``repr``, ``str``, ``bytes``, hashing, iterating, copying and pickling are refused or show
    nothing; comparing takes the same time wherever two secrets of one length differ. What is done with a wiped secret
    raises UseAfterReleaseError, whether tracking is on or off. While it is on, a secret that nobody wiped is a leak.

    A ``bytearray`` that is handed over is copied and overwritten, for it would be a second copy; ``bytes`` cannot be
    overwritten and stay as they are. Raises TypeError for what is no buffer of bytes.
    """

    __slots__ = ("__weakref__", "_buffer")

    def __init__(self, material: bytes | bytearray | memoryview) -> None:
        if not isinstance(material, (bytes, bytearray, memoryview)):
            raise TypeError(f"SecretBytes takes bytes, a bytearray or a memoryview, not {type(material).__name__}")
        self._buffer: bytearray | None = bytearray(material)
        if isinstance(material, bytearray):
            _overwrite(material)

    @classmethod
    def random(cls, length: int) -> Self:
        """Make a secret of ``length`` bytes from the operating system's source of randomness.

        Raises ValueError for a length below 1.
        """
        number: object = length
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError("the length of a secret is a whole number of bytes, at least 1")
        return cls(bytearray(os.urandom(length)))

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Make a secret of hexadecimal digits. Raises ValueError, which does not show the text."""
        try:
            material = bytearray.fromhex(text)
        except (TypeError, ValueError):
            del text  # tools that show the variables of a traceback shall not show this one
            raise ValueError("a secret is made of pairs of hexadecimal digits; this text is not") from None
        return cls(material)

    # -- release -------------------------------------------------------------------------------------------------

    def wipe(self) -> None:
        """Overwrite the material with zeros and let go of it; does nothing the second time.

        While it is exposed, what the views show becomes zeros at once.
        """
        _erase(self)

    def close(self) -> None:
        """Do what :meth:`wipe` does."""
        self.wipe()

    @property
    def is_wiped(self) -> bool:
        """Whether the material is gone."""
        return self._buffer is None

    def __enter__(self) -> Self:
        self._material()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.wipe()

    def __del__(self) -> None:
        _erase(self)

    # -- use -----------------------------------------------------------------------------------------------------

    def _material(self) -> bytearray:
        buffer: bytearray | None = getattr(self, "_buffer", None)
        if buffer is None:
            raise _used(self)
        return buffer

    @contextlib.contextmanager
    def exposed(self) -> Iterator[memoryview]:
        """Show the material as a read-only ``memoryview`` for a block: ``hmac.digest(view, message, "sha256")``.

        The view can be used in the block only; copies that are made of it are not wiped. Raises UseAfterReleaseError at
        the end of the block if the secret was wiped meanwhile, for then the block may have worked with zeros.
        """
        with memoryview(self._material()) as whole, whole.toreadonly() as view:
            yield view
        if self.is_wiped:
            raise _used(self)

    @contextlib.contextmanager
    def exposed_copy(self) -> Iterator[bytearray]:
        """Show a copy that is overwritten at the end of the block, for those that take no view, such as ``hmac.new``.

        Raises UseAfterReleaseError if it was wiped.
        """
        copied = bytearray(self._material())
        try:
            yield copied
        finally:
            _overwrite(copied)

    def matches(self, other: SecretBytes | bytes | bytearray | memoryview) -> bool:
        """Tell whether the other one is the same, in a time that does not depend on where they differ.

        Raises TypeError for what is no secret and no bytes, UseAfterReleaseError where one of both was wiped.
        """
        if isinstance(other, SecretBytes):
            with other.exposed() as view:
                return self.matches(view)
        if not isinstance(other, (bytes, bytearray, memoryview)):
            raise TypeError(f"a secret is compared with a secret or with bytes, not with {type(other).__name__}")
        with self.exposed() as mine:
            return hmac.compare_digest(mine, other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (SecretBytes, bytes, bytearray, memoryview)):
            return self.matches(other)
        self._material()
        return NotImplemented

    def __len__(self) -> int:
        return len(self._material())

    def __bool__(self) -> bool:
        return bool(self._material())

    # -- what is refused -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__}: {'wiped' if self.is_wiped else 'not shown'}>"

    def __format__(self, spec: str) -> NoReturn:
        self.__str__()

    def __str__(self) -> NoReturn:
        raise TypeError(_REFUSED.format(what="text"))

    def __bytes__(self) -> NoReturn:
        raise TypeError(_REFUSED.format(what="bytes"))

    def __hash__(self) -> NoReturn:
        raise TypeError("a secret has no hash, for a hash tells of the material: keep secrets in a list, or by a name")

    def __iter__(self) -> NoReturn:
        raise TypeError(_REFUSED.format(what="a sequence"))

    def __getitem__(self, index: Any) -> NoReturn:
        raise TypeError(_REFUSED.format(what="a sequence"))

    def __contains__(self, item: object) -> NoReturn:
        raise TypeError(_REFUSED.format(what="a sequence"))

    def __copy__(self) -> NoReturn:
        raise TypeError(
            "a secret is not copied: share this one, or make another one of 'with secret.exposed() as view'"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        self.__copy__()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret is not pickled: hand it over by 'with secret.exposed() as view', where that is safe")

    def __reduce__(self) -> NoReturn:
        self.__reduce_ex__(2)

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(2)


def _used(secret: SecretBytes) -> UseAfterReleaseError:
    name = type(secret).__qualname__
    return UseAfterReleaseError(f"this {name} was used after it was wiped: use it before, or wipe it later")


def _overwrite(buffer: bytearray) -> None:
    buffer[:] = bytes(len(buffer))


def _erase(secret: SecretBytes) -> None:
    """Overwrite in place: that needs no lock, and may be done by the garbage collector."""
    buffer = getattr(secret, "_buffer", None)
    if buffer is not None:
        _overwrite(buffer)
        secret._buffer = None


SecretBytes.__module__ = "lifetrack"  # where its users know it from, also in reports
default_tracker().tracked_as(
    SecretBytes,
    release=("wipe", "close"),
    idempotent=True,
    secret=True,
    fate="holds key material that was never wiped",
    hint="use it in a 'with' block, or call wipe() in a 'finally' clause",
)
