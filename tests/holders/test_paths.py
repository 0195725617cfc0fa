"""What paths lead through, what they never show, and what a walk leaves behind: nothing."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

import lifetrack
from lifetrack.holders.explain import explain
from lifetrack.holders.looking import shown_key
from lifetrack.values.endings import ENDINGS, NEVER
from lifetrack.values.holders import ADVICE, Holder, held_after

REGISTRY: dict[Any, Any] = {}


class Backend:
    """What is held."""


@pytest.fixture(autouse=True)
def _registry() -> Any:
    yield
    REGISTRY.clear()


def put(key: str, obj: object) -> int:
    """Put an object into the registry, and give its address."""
    REGISTRY[key] = obj
    return id(obj)


def test_all_holders_of_an_object_are_told() -> None:
    """Two places that hold one object are two paths; a variable of the asker's comes last."""
    mine = Backend()
    put("a", mine)
    put("b", [mine])
    found = lifetrack.why_alive(mine)
    assert [str(holder) for holder in found[:2]] == [
        f"{__name__}.REGISTRY['a'] (module-global)",
        f"{__name__}.REGISTRY['b'][0] (module-global)",
    ]
    assert [holder.verdict for holder in found[2:]] == ["running-frame"]


def test_the_actionable_path_is_told_not_the_shortest() -> None:
    """What a global reaches in many steps is told by these, though a variable of a running function is nearer."""
    server = Backend()
    server.conn = Backend()  # type: ignore[attr-defined]
    REGISTRY["app"] = {"servers": [[server]]}
    (holder,) = explain({id(server.conn)}).holders[id(server.conn)]  # type: ignore[attr-defined]
    assert str(holder) == f"{__name__}.REGISTRY['app']['servers'][0][0].conn (module-global)"


def test_no_path_leads_through_another_leak() -> None:
    """Where another way exists it is taken; where none does, the other leak is named as the holder."""
    first, second, third = Backend(), Backend(), Backend()
    first.second, second.third = second, third  # type: ignore[attr-defined]
    put("first", first)
    REGISTRY["deep"] = [[[third]]]
    addresses = [id(first), id(second), id(third)]
    del first, second, third
    found = explain(addresses).holders
    assert [[str(holder) for holder in found[address]] for address in addresses] == [
        [f"{__name__}.REGISTRY['first'] (module-global)"],
        [f"{__name__}.Backend (leaked too) > second (another-leak)"],
        [f"{__name__}.REGISTRY['deep'][0][0][0] (module-global)"],
    ]


def test_leaks_that_hold_each_other_are_a_cycle() -> None:
    """Two leaks that nothing else holds are told as a cycle, not as each other's holders."""
    gc.disable()
    try:
        one, other = Backend(), Backend()
        one.other, other.one = other, one  # type: ignore[attr-defined]
        addresses = [id(one), id(other)]
        del one, other
        found = explain(addresses).holders
    finally:
        gc.enable()
    assert [found[address][0].verdict for address in addresses] == ["reference-cycle"] * 2


def test_weak_references_hold_nothing() -> None:
    """Weak references and weak containers are no holders."""
    mine = Backend()
    REGISTRY["ref"] = weakref.ref(mine)
    REGISTRY["values"] = weakref.WeakValueDictionary(x=mine)
    REGISTRY["set"] = weakref.WeakSet([mine])
    assert [holder.verdict for holder in lifetrack.why_alive(mine)] == ["running-frame"]


def test_our_own_records_hold_nothing(tracker: Any) -> None:
    """Of a tracked object only the program's own references are told."""

    @tracker.tracked
    class Plugin:
        def close(self) -> None:
            pass

    tracker.start(report=False)
    plugin = Plugin()
    put("plugin", plugin)
    found = [str(holder) for holder in tracker.why_alive(plugin)]
    assert found[0] == f"{__name__}.REGISTRY['plugin'] (module-global)"
    assert not [path for path in found if "lifetrack" in path]


def test_an_owner_is_a_holder_that_a_program_has(tracker: Any) -> None:
    """What only an owner of the program's keeps is told by that owner."""

    class Plugin:
        def close(self) -> None:
            pass

    with lifetrack.Owner("pool") as owner:
        REGISTRY["owner"] = owner
        plugin = Plugin()
        owner.add(plugin) if hasattr(owner, "add") else lifetrack.transfer(plugin, to=owner)
        found = [str(holder) for holder in lifetrack.why_alive(plugin)]
    assert any(f"{__name__}.REGISTRY['owner']" in path for path in found)


def test_nothing_of_the_program_runs() -> None:
    """Comparisons, lengths, attributes, representations: none of an object that is met is asked for."""

    class Touchy:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

        def _fail(self, *_: object) -> Any:
            raise AssertionError

        __eq__ = __len__ = __iter__ = __repr__ = __str__ = __getitem__ = __bool__ = _fail
        __hash__ = object.__hash__

    class TouchyDict(dict[Any, Any]):
        def _fail(self, *_: object) -> Any:
            raise AssertionError

        items = keys = values = __iter__ = __getitem__ = get = _fail  # type: ignore[assignment]

    class TouchyList(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError

    touchy, target = Touchy(), Backend()
    object.__setattr__(touchy, "inner", TouchyDict(x=TouchyList([target])))
    REGISTRY["touchy"] = {touchy: touchy}
    address = id(target)
    del target
    (holder,) = explain({address}).holders[address]
    assert (holder.verdict, holder.path[-1]) == ("module-global", "[0]")
    assert "inner" in str(holder)


def test_nothing_is_kept() -> None:
    """After the question the object goes as it would have, with no collection, and no variable has a second life."""
    gc.collect()
    gc.disable()
    try:
        mine = Backend()
        gone = weakref.ref(mine)
        put("x", mine)
        lifetrack.why_alive(mine)
        REGISTRY.clear()
        del mine
        assert gone() is None
    finally:
        gc.enable()


def test_a_running_thread_is_told_once_with_where_it_is() -> None:
    """What the interpreter runs below the function of each thread says nothing; where the thread waits does."""
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait()

    thread = threading.Thread(target=work, name="waiting", daemon=True)
    thread.start()
    begun.wait()
    holders = explain({id(thread)}).holders[id(thread)]
    go_on.set()
    thread.join()
    paths = [holder.path for holder in holders if "waiting" in holder.path[0]]
    assert len(paths) == 1
    assert paths[0][0].startswith("Thread.run() (running function, threading.py:")
    assert paths[0][0].endswith(" in work)")
    assert ", thread waiting, now at test_paths.py:" in paths[0][0]


def test_nothing_is_kept_of_what_another_thread_drops() -> None:
    """The variables of other threads are looked at, and not held a moment longer."""
    dropped: list[bool] = []
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        mine = Backend()
        gone = weakref.ref(mine)
        begun.set()
        go_on.wait(10)
        del mine
        dropped.append(gone() is None)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    explain({id(thread)})
    go_on.set()
    thread.join()
    assert dropped == [True]


def test_what_a_function_has_of_its_variables_stays_its_own() -> None:
    """The dictionary that ``locals()`` has given to somebody is not emptied."""
    mine = Backend()
    names = locals()
    lifetrack.why_alive(mine)
    assert names["mine"] is mine


def test_the_collector_is_as_it_was() -> None:
    """It is off for the walk only, and stays off where it was."""
    lifetrack.why_alive(REGISTRY)
    assert gc.isenabled()
    gc.disable()
    try:
        lifetrack.why_alive(REGISTRY)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("openssl", "'openssl'"),
        ("app.db", "'app.db'"),
        ("worker-12", "'worker-12'"),
        ("/var/log/app.log", "..."),
        (3, "3"),
        (True, "True"),
        (None, "None"),
        (4929123412341234, "..."),
        ("sk-9fA8b7C6d5E4f3", "..."),
        ("hunter2\n", "..."),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "..."),
        ("d41d8cd98f00b204e9800998ecf8427e", "..."),
        ("<script>", "..."),
        ("x" * 41, "..."),
        (b"openssl", "..."),
        (("a", 1), "..."),
        (1.5, "..."),
    ],
)
def test_keys_are_shown_where_they_are_names(key: object, shown: str) -> None:
    """A key is data: a short name or number is shown, and nothing that may be a secret."""
    assert shown_key(key) == shown


def test_a_key_with_a_mind_of_its_own_is_not_asked() -> None:
    """The representation of a key is never made; a string of a class of the program's is no plain string."""

    class Word(str):
        __slots__ = ()

        def __repr__(self) -> str:
            raise AssertionError

    assert shown_key(Word("openssl")) == "..."


def test_a_hundred_leaks_are_one_walk() -> None:
    """Many objects are explained together, each by its own place in a long container."""
    REGISTRY["heap"] = [Backend() for _ in range(5_000)]
    addresses = [id(each) for each in REGISTRY["heap"][:5_000:50]]
    explained = explain(addresses)
    found = [str(explained.holders[address][0]) for address in addresses]
    assert found == [f"{__name__}.REGISTRY['heap'][{50 * number}] (module-global)" for number in range(100)]
    assert explained.seconds > 0


def test_an_object_with_very_many_holders_is_told_by_some() -> None:
    """The number of paths to one object is bounded."""
    mine = Backend()
    REGISTRY["many"] = [[mine] for _ in range(1_000)]
    assert len(lifetrack.why_alive(mine)) == 8


def test_a_long_chain_is_walked() -> None:
    """Objects that hang on each other like a chain are no problem for the stack."""
    chain: Any = Backend()
    address = id(chain)
    for _ in range(20_000):
        chain = [chain]
    REGISTRY["chain"] = chain
    del chain
    (holder,) = explain({address}).holders[address]
    assert len(holder.path) == 20_003
    while REGISTRY["chain"]:  # taken apart by hand: the interpreter would do it by recursion
        REGISTRY["chain"] = REGISTRY["chain"][0] if type(REGISTRY["chain"]) is list else None


def test_the_words_of_a_path() -> None:
    """A path reads as a program would write it, and what is no name stands apart."""
    path = ("app (module)", "POOL (app.Pool)", "_sessions (list)", "[3]")
    assert Holder("module-global", path).words == "app.POOL._sessions[3]"
    path = ("f() (running function, app.py:3)", "self (app.Pool)", "conn")
    assert Holder("running-frame", path).words == "f() (running function, app.py:3) > self.conn"
    assert Holder("of another version", ("x",)).advice == ""


@pytest.mark.parametrize("ended", sorted(set(ENDINGS) - {NEVER}))
def test_who_holds_what_is_released_need_not_release_it(ended: str) -> None:
    """Of what was released in any way nobody is told to release it; of what was not, the advice is the other one."""
    for verdict in ADVICE:
        holder = Holder(verdict, ("app (module)", "kept"))
        (released,), (still_open,) = held_after((holder,), ended), held_after((holder,), NEVER)
        assert held_after((holder,), None) == (still_open,) == (holder,)
        assert still_open.advice == ADVICE[verdict]
        assert released.advice
        assert not any(words in released.advice for words in ("or release it", "release it before", ", and close()"))


def test_python_311_keeps_no_copy_of_variables() -> None:
    """Up to Python 3.12 a frame that is asked for its variables has a copy of them; it is emptied again."""

    def work() -> int:
        mine = Backend()
        gone = weakref.ref(mine)
        lifetrack.why_alive(REGISTRY)
        del mine
        return 1 if gone() is None else 0

    assert work() == 1
