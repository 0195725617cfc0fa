"""Libraries and the import system are told by what a program can change."""

from __future__ import annotations

import importlib.machinery
import subprocess
import sys
import types
from typing import Any

import pytest

import lifetrack
from lifetrack.holders import explain, leaks
from lifetrack.values import budgets


class Backend:
    """What is held."""

    def close(self) -> None:
        """Release it."""


def test_a_loader_does_not_make_a_module_a_holder() -> None:
    """What the loader of a module has is not told as a variable of that module."""

    class Loader:
        held: Any = None

    loader, module = Loader(), types.ModuleType("loaded_by_somebody")
    loader.held = Backend()
    module.__loader__ = loader  # type: ignore[assignment]
    module.__spec__ = importlib.machinery.ModuleSpec("loaded_by_somebody", loader)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "loaded_by_somebody", module)
        roots = [holder.path[0] for holder in lifetrack.why_alive(loader.held)]
    assert roots == ["the import system"]


def test_a_search_that_fails_costs_no_finding(tracker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding is there without holders, and the report says that one was left out."""

    def fail(*_: object) -> None:
        raise RuntimeError

    tracker.tracked(Backend)
    tracker.start(policy="record", report=False)
    kept = Backend()
    monkeypatch.setattr(explain, "explain", fail)
    report = tracker.report()
    kept.close()
    assert [finding.held_by for finding in report.findings] == [()]
    assert report.tracker.search.left_out == 1
    assert leaks.MOST >= 100


@pytest.mark.parametrize("worked", [False, True])
def test_waiting_gives_no_time_to_look_for_holders(tracker: Any, monkeypatch: pytest.MonkeyPatch, worked: bool) -> None:
    """What walks at the ends of scopes may take is a share of the processor's time, not of the clock's."""
    tracker.tracked(Backend)
    tracker.start(policy="record", report=False)
    evidence = tracker._account.judgement.evidence
    for _ in range(51):
        evidence._budget.spend(budgets.SECONDS / 50)
    monkeypatch.setattr(budgets, "process_time", lambda: float(worked))
    kept = []
    with tracker.scope("waiting"):
        kept.append(Backend())
    assert evidence.search.walks == worked
    kept[0].close()


def test_a_module_is_named_as_it_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under whatever further names it stands: multiprocessing knows the main module by another one."""
    module = types.ModuleType("shop_main")
    module.kept = kept = [object()]  # type: ignore[attr-defined]
    for name in ("a_shop", "shop_main", "z_shop"):
        monkeypatch.setitem(sys.modules, name, module)
    (found,) = (each for each in lifetrack.why_alive(kept) if each.verdict == "module-global")
    assert found.path[0] == "shop_main (module)"


def test_looking_for_holders_leaves_asyncio_sound() -> None:
    """Its C module shows freed objects to whoever asks, on Python 3.12: who has asked hangs at the next collection."""
    program = (
        "import asyncio, gc, lifetrack\n"
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    future = loop.create_future()\n"
        "    loop.call_soon(future.set_result, 1)\n"
        "    await future\n"
        "asyncio.run(main())\n"
        "for _ in range(2):\n"
        "    lifetrack.why_alive(object())\n"
        "    gc.collect()\n"
        "asyncio.run(main())\n"
        "print('sound')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "sound\n"
