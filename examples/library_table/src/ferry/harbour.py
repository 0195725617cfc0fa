"""Harbours and boats. Each boat has a socket; nothing here knows of lifetrack."""

from __future__ import annotations

import asyncio
import socket


class Boat:
    """A connection."""

    def __init__(self, harbour: Harbour) -> None:
        self.harbour = harbour
        self.line, self._other_end = socket.socketpair()

    def sink(self) -> None:
        self.line.close()
        self._other_end.close()


class Harbour:
    """A client with connections that it keeps."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_closed = False
        self._moored: list[Boat] = []

    def board(self) -> Boat:
        return self._moored.pop() if self._moored else self._build()

    def land(self, boat: Boat) -> None:
        self._moored.append(boat)

    def _build(self) -> Boat:
        return Boat(self)

    async def aclose(self) -> None:
        await asyncio.sleep(0.05)  # the tide
        while self._moored:
            self._moored.pop().sink()
        self.is_closed = True
