"""The rules: every kind of finding, with its stable id and name, what it means, an example and the usual mend."""

from __future__ import annotations

from lifetrack.values.making import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding. ``id`` and ``name`` never change; the other fields are for people to read."""

    id: str
    name: str
    meaning: str
    example: str
    mend: str


_ALL = (
    Rule(
        "LT101",
        "leak-at-exit",
        "The resource was still live when the process ended, so nobody ever released it.",
        "backend = TlsBackend()\nbackend.handshake()\n# the program ends here: no backend.shutdown()",
        "Release it when you are done with it: by a 'with' block, try/finally, or an owner that ends before exit.",
    ),
    Rule(
        "LT102",
        "leak-collected",
        "The garbage collector or a finalizer took the object before anybody released it. What it stood for was given "
        "back late, by luck, or not at all.",
        "def size(path):\n    return len(open(path).read())   # nothing closes the file",
        "Keep the object in a variable and release it by name, best by a 'with' block.",
    ),
    Rule(
        "LT103",
        "leak-from-scope",
        "The resource was acquired in a scope, test or fixture and was still live when that ended.",
        "with lifetrack.scope('import job'):\n    session = Session()\n# the scope is over, the session is not",
        "Release it before the scope ends, or transfer it to an owner that lives longer.",
    ),
    Rule(
        "LT104",
        "leak-orphaned",
        "The owner of the resource is gone: an owner that was never closed, a handle that was dropped, an object "
        "that was released, a task or a thread that has ended. It had neither released the resource nor given it to"
        " another owner.",
        "owner = lifetrack.Owner('pool')\nlifetrack.transfer(connection, to=owner)\ndel owner    # never closed",
        "Close the owner, best by a 'with' block, or transfer the resource before the owner goes.",
    ),
    Rule(
        "LT105",
        "half-released",
        "Its release began and then raised or was cancelled, so part of the resource may still be held.",
        "def close(self):\n    self.flush()    # raises: the line below never runs\n    self.handle.free()",
        "Make the release finish whatever happens: put the remaining steps into 'finally', and shield an async release "
        "from cancellation.",
    ),
    Rule(
        "LT106",
        "leak-on-failed-acquire",
        "The resource was acquired, then its own construction raised. No caller got the object, so nobody can release "
        "it.",
        "def __init__(self, path):\n    self.file = open(path)\n    self.check()    # raises: the file stays open",
        "In the constructor, release what was already acquired before letting the error out.",
    ),
    Rule(
        "LT107",
        "growth",
        "The number of live resources from one place rises with every repetition of the same work.",
        "for job in jobs:\n    cache.append(Connection(job))   # one more each time, none released\n"
        "# found by lifetrack.growth(work), start(growth_every=60), start(live_limits={'app.Connection': 100})",
        "Release what one repetition acquires before the next one begins, or bound the cache that keeps it.",
    ),
    Rule(
        "LT108",
        "held-too-long",
        "The resource has been live for longer than the limit that was set for it.",
        "lifetrack.start(held_limits={'app.Lease': 5.0})    # seconds; or @lifetrack.tracked(limit=5.0)\n"
        "lease = pool.take()\nslow_report()    # minutes, while others wait for the lease\nlease.release()",
        "Acquire it later or release it earlier; if so long a time is right, raise the limit.",
    ),
    Rule(
        "LT109",
        "retained-after-release",
        "The resource was released, but something still refers to the object and keeps its memory. Looked for only on "
        "request.",
        "REGISTRY['openssl'] = backend\nbackend.shutdown()    # the registry still holds it",
        "Drop the reference when you release, or let the registry hold it weakly.",
    ),
    Rule(
        "LT201",
        "use-after-release",
        "A method of the resource was called after its release.",
        "backend.shutdown()\nbackend.handshake()",
        "Move the use before the release, or acquire a new one. A method that is legitimate afterwards belongs into "
        "'after_release'.",
    ),
    Rule(
        "LT202",
        "double-release",
        "The resource was released again, and it is not declared to bear that.",
        "backend.shutdown()\nbackend.shutdown()",
        "Let one place alone have the duty to release. If repeating is harmless, declare 'idempotent=True'.",
    ),
    Rule(
        "LT203",
        "use-after-move",
        "A handle was used that is empty: its duty had moved to another handle or owner, or it had let go of what "
        "it shared.",
        "first = lifetrack.Owned(connection)\nsecond = first.move()\nfirst.get()    # first is empty now",
        "Use the handle that the move returned, or borrow or share instead of moving.",
    ),
    Rule(
        "LT204",
        "unknown-release",
        "A release was asked for something that had never been acquired.",
        "driver = Driver()\ndriver.close()    # driver.open() was never called",
        "Release only what was acquired: check the order, and what an error path releases.",
    ),
    Rule(
        "LT205",
        "use-before-acquire",
        "The object was used before its acquire method had run.",
        "driver = Driver()\ndriver.send(b'x')    # driver.open() comes too late\ndriver.open()",
        "Call the acquire method first, best in the same place that makes the object.",
    ),
    Rule(
        "LT206",
        "mismatched-release",
        "The resource was released through another releaser, pool or collection than the one it came from.",
        "connection = pool_a.take()\npool_b.give_back(connection)",
        "Give it back where it came from; keep the origin beside the resource if several are possible.",
    ),
    Rule(
        "LT301",
        "foreign-release",
        "Somebody released the resource who does not own it, though its owner has said that only it may: a handle, "
        "or an owner or scope made with 'exclusive=True'.",
        "owner = lifetrack.Owner('pool', exclusive=True)\n"
        "lifetrack.transfer(session, to=owner)\n"
        "session.close()    # the owner still counts on it\n"
        "owner.close()",
        "Leave the release to the owner, or transfer the resource to the one who shall release it.",
    ),
    Rule(
        "LT302",
        "release-while-borrowed",
        "The resource was released while it was lent to somebody who may still be using it.",
        "with lifetrack.borrow(session) as lent:\n    session.close()    # lent is in use",
        "Release it after the borrow has ended.",
    ),
    Rule(
        "LT303",
        "release-order",
        "A parent was released and children that depend on it were still open. A parent that closes its own "
        "children is fine.",
        "cursor = connection.cursor()\nconnection.close()    # the cursor is still open\ncursor.close()",
        "Release in reverse order of acquiring: children first. Nested 'with' blocks or an owner do that.",
    ),
    Rule(
        "LT304",
        "borrow-outlives-owner",
        "A borrow was still open when the owner of the resource ended.",
        "lifetrack.transfer(session, to=owner)\n"
        "with lifetrack.borrow(session) as lent:\n"
        "    owner.close()    # lent is still in use",
        "End the borrow before the owner ends, or share the resource so that it lives as long as its last user.",
    ),
    Rule(
        "LT305",
        "use-after-parent-release",
        "A child was used after the parent that it depends on had been released.",
        "cursor = connection.cursor()\nconnection.close()\ncursor.fetch()",
        "Finish with the children first, then release the parent.",
    ),
    Rule(
        "LT401",
        "wrong-thread",
        "A resource that is declared 'thread_bound=True' was used or released in another thread than the one that "
        "acquired it.",
        "window = Window()    # bound to this thread\n"
        "thread = threading.Thread(target=window.close)\n"
        "thread.start()\n"
        "thread.join()",
        "Use and release it in its own thread: hand the work to that thread, or acquire one for each thread.",
    ),
    Rule(
        "LT402",
        "fork-crossing",
        "A child process inherited the resource over fork and then used or released it, though parent and child "
        "share what stands behind it.",
        "connection = Connection()\n"
        "if os.fork() == 0:\n"
        "    connection.close()    # the parent still uses it\n"
        "    os._exit(0)",
        "Acquire a fresh one in the child, and let only the parent release the inherited one. If that is harmless, "
        "declare 'fork_safe=True'.",
    ),
    Rule(
        "LT403",
        "lock-order-inversion",
        "Two locks were taken in both orders; two threads that meet this way wait for each other for ever.",
        "with a, b: ...    # one thread\nwith b, a: ...    # another one",
        "Take the locks in the same order everywhere, or guard both by one lock.",
    ),
    Rule(
        "LT404",
        "lock-abandoned",
        "A lock was still held when its thread, scope or process ended, so that nobody can take it any more.",
        "lock.acquire()\nwork()    # raises: release() is never reached\nlock.release()",
        "Hold the lock by a 'with' block, which releases it on every way out.",
    ),
    Rule(
        "LT501",
        "os-handle-leak",
        "The operating system has more open descriptors than before, and no record explains them.",
        "fd = os.open(path, os.O_RDONLY)    # never os.close(fd)",
        "Close the descriptor, or wrap it in an object that does, such as os.fdopen in a 'with' block.",
    ),
    Rule(
        "LT502",
        "os-thread-leak",
        "A thread is running that was not there before.",
        "Thread(target=poll, daemon=True).start()    # nothing stops poll",
        "Tell the thread to stop, then join it.",
    ),
    Rule(
        "LT503",
        "os-process-leak",
        "A child process is there that was not there before.",
        "os.posix_spawn(program, args, os.environ)    # nobody waits for it",
        "End the child and wait for it; with subprocess, use Popen in a 'with' block.",
    ),
    Rule(
        "LT504",
        "os-mismatch",
        "It is recorded as released, but the operating system still has it open.",
        "sock = socket.socket()\nother = sock.dup()\nsock.close()    # the duplicate keeps the connection open",
        "Look for a duplicate or a child process that still holds it, and for a release that does nothing.",
    ),
)

#: Every rule by its id, in order.
RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
