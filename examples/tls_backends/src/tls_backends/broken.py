"""The third backend: it works, and makes each mistake once."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress

import lifetrack
from tls_backends.layer import Ticket, TlsBackend
from tls_backends.standard import StandardBackend

GROUP = "tls_backends.broken"
KEPT: list[object] = []


class BrokenBackend(StandardBackend):
    name, priority = "broken", -1

    def __init__(self) -> None:
        super().__init__()
        self.cache = Ticket()  # LT104: close() does not know of it

    def ticket(self) -> Ticket:
        return Ticket()


class Stubborn(Ticket):
    def close(self) -> None:
        raise OSError("the peer is gone")


@lifetrack.tracked(owns=True)
class Unlucky:
    def __init__(self) -> None:
        self.ticket = Ticket()
        raise OSError("no entropy")

    def close(self) -> None:
        self.ticket.close()


@lifetrack.tracked(release="close", thread_bound=True)
class BoundTicket:
    """Belongs to one thread."""

    def resume(self) -> str:
        return "resumed"

    def close(self) -> None: ...


@lifetrack.tracked(acquire="open", release="close")
class Token:
    """A device that keeps keys."""

    def open(self) -> None: ...

    def sign(self) -> None: ...

    def close(self) -> None: ...


def collection(name: str) -> lifetrack.BackendCollection[TlsBackend]:
    made: lifetrack.BackendCollection[TlsBackend] = lifetrack.BackendCollection(name, kind=TlsBackend, groups=GROUP)
    made.populate()
    return made


# -- what belongs to the backend -----------------------------------------------------------------------------------


def never_cleaned_up() -> None:
    """LT101, with the credentials and the cache folded under it."""
    KEPT.append(collection("forgotten"))


def dropped_collection() -> None:
    """LT104: the collection goes away without its cleanup, and somebody still has the backend."""
    KEPT.append(collection("dropped").get("broken"))
    gc.collect()


def used_after_cleanup() -> None:
    """LT201, and LT109 on request, as somebody still has the backend. The cache is LT104."""
    with collection("used late") as backends:
        backend = backends.get("broken")
    backend.describe()
    for held in backends.find_held():
        print(held.finding.rule if held.finding else "", held)


def released_behind_the_collection() -> None:
    """LT301: the collection is its owner."""
    with collection("bypassed") as backends:
        backends.get("broken").close()


def released_while_borrowed() -> None:
    """LT302, besides LT301."""
    with collection("lent") as backends, backends.borrowed("broken") as backend:
        backend.close()


def cleaned_up_while_borrowed() -> None:
    """LT304."""
    backends = collection("impatient")
    with backends.borrowed("broken"):
        backends.cleanup()


def released_through_another_collection() -> None:
    """LT206; the refusal is an error whether tracking is on or off."""
    with collection("right") as right, collection("wrong") as wrong:
        with suppress(lifetrack.BackendError):
            wrong.remove(right.get("broken"), release=True)


def released_before_its_tickets() -> None:
    """LT303 for the backend, LT305 for the ticket that is used afterwards."""
    with collection("hasty") as backends:
        ticket = backends.get("broken").ticket()
    ticket.resume()
    ticket.close()


# -- what a backend may do with anything ---------------------------------------------------------------------------


def dropped_secret() -> None:
    """LT102, in the words of key material."""
    lifetrack.SecretBytes.random(32)


def left_open_in_a_scope() -> None:
    """LT103."""
    with lifetrack.scope("resumption"):
        ticket = Ticket()
    ticket.close()


def half_released() -> None:
    """LT105."""
    KEPT.append(Stubborn())
    with suppress(OSError):
        KEPT[-1].close()  # type: ignore[attr-defined]


def failed_constructor() -> None:
    """LT106, with the ticket that nobody can reach any more."""
    try:
        Unlucky()
    except OSError as error:
        KEPT.append(error.__traceback__)  # as a debugger does


def released_twice() -> None:
    """LT202."""
    ticket = Ticket()
    ticket.close()
    ticket.close()


def used_after_move() -> None:
    """LT203."""
    handle = lifetrack.Owned(Ticket())
    with handle.move(), suppress(lifetrack.UseAfterMoveError):
        handle.get()


def never_acquired() -> None:
    """LT205 and LT204: it was not opened."""
    token = Token()
    token.sign()
    token.close()


def used_in_another_thread() -> None:
    """LT401."""
    ticket = BoundTicket()
    thread = threading.Thread(target=ticket.resume)
    thread.start()
    thread.join()
    ticket.close()


MISTAKES = (
    never_cleaned_up,
    dropped_collection,
    used_after_cleanup,
    released_behind_the_collection,
    released_while_borrowed,
    cleaned_up_while_borrowed,
    released_through_another_collection,
    released_before_its_tickets,
    dropped_secret,
    left_open_in_a_scope,
    half_released,
    failed_constructor,
    released_twice,
    used_after_move,
    never_acquired,
    used_in_another_thread,
)
