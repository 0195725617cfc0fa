"""What lifetrack has to know of this library."""

from __future__ import annotations

from lifetrack.watching import resource

TABLE = (
    resource(
        "ferry.harbour:Harbour",
        release="aclose",  # a coroutine function: the release is complete when its coroutine is
        released_when=lambda harbour: harbour.is_closed,
        keeps="_build",  # the sockets of its boats are its own, whoever boarded first
        hint="await aclose() in a 'finally' clause",
    ),
    resource(
        "ferry.harbour:Boat",
        release="sink",
        parts=lambda boat: (boat.line,),  # a boat that is left behind is one finding, with its socket
        parent=lambda boat: boat.harbour,
    ),
)
