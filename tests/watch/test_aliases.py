"""Names in other modules: all of them are exchanged, and given back, though not every walk is through all modules."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from lifetrack.watchers.aliases import exchange, foresee, forget_foreseen
from lifetrack.watchers.imports import when_imported

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

Importing: TypeAlias = Callable[..., Any]


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importing]:
    """Write modules and import the last of them; all are removed at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def import_last(**codes: str) -> ModuleType:
        for name, code in codes.items():
            (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(list(codes)[-1])

    yield import_last
    forget_foreseen()
    for name in [name for name in sys.modules if name.startswith("lt_")]:
        del sys.modules[name]


def names_in_order() -> dict[str, list[tuple[str, int]]]:
    """Every name in the modules of a test, by identity and in its order."""
    found = [(name, vars(module)) for name, module in sys.modules.items() if name.startswith("lt_")]
    return {name: [(key, id(value)) for key, value in namespace.items()] for name, namespace in found}


MAKER = "made = [1]"


def walk(*foreseen: object) -> None:
    """Exchange something else, which nobody has; what is foreseen is noted on the way."""
    foresee(foreseen)
    exchange(object(), object())


def check_exchange(old: object, **modules: str) -> None:
    """Exchange it: these modules have the new one under these names; and all is as before when it is undone."""
    before, new = names_in_order(), object()
    exchange(old, new)
    found = names_in_order().items()
    assert {name: key for name, names in found for key, value in names if value == id(new)} == modules
    forget_foreseen()
    exchange(new, old)
    assert names_in_order() == before


def exchanged_when_imported(name: str, new: object) -> None:
    """Exchange the class of a module as soon as that has run, as is done for classes written in C."""
    when_imported(name, lambda: exchange(sys.modules[name].Made, new, made_by=name))


def test_what_a_module_makes_is_exchanged_for_who_imports_it(importing: Importing) -> None:
    """Under the name of its own, of a module that it imports itself, and of the one that imports it; undo is exact."""
    new = type("New", (), {})
    exchanged_when_imported("lt_maker", new)
    user = importing(
        lt_friend="from lt_maker import Made as Alias",
        lt_maker="class Made: pass\nOld = [Made]\nimport lt_friend",
        lt_user="from lt_maker import Made",
    )
    maker, friend = sys.modules["lt_maker"], sys.modules["lt_friend"]
    during, (old,) = names_in_order(), maker.Old
    assert [user.Made, maker.Made, friend.Alias] == [new, new, new]
    exchange(new, old)
    assert [user.Made, maker.Made, friend.Alias] == [old, old, old]
    assert names_in_order() == {
        name: [(key, id(old) if value == id(new) else value) for key, value in names] for name, names in during.items()
    }


def test_who_was_imported_before_is_not_looked_through(importing: Importing) -> None:
    """Hundreds of modules are spared when one comes; none of them knows its class, unless it has handed that over."""
    new = type("New", (), {})
    earlier = importing(lt_earlier="")
    code = "class Made: pass\nimport lt_earlier\nlt_earlier.Alias = Made"
    exchanged_when_imported("lt_maker", new)
    maker = importing(lt_maker=code)
    assert (maker.Made, earlier.Alias.__name__) == (new, "Made")


def test_a_module_that_has_made_it_long_ago(importing: Importing) -> None:
    """Then those know it, too, that were complete before it was: it has imported them itself. Undo is exact."""
    maker = importing(lt_friend="from lt_maker import Made as Alias", lt_maker="class Made: pass\nimport lt_friend")
    before, old, new = names_in_order(), maker.Made, type("New", (), {})
    exchange(old, new, made_by="lt_maker")
    assert [maker.Made, maker.lt_friend.Alias] == [new, new]
    exchange(new, old)
    assert names_in_order() == before


def test_a_module_that_has_its_class_from_elsewhere(importing: Importing) -> None:
    """Others may know it from there, and for longer."""
    new = type("New", (), {})
    other = importing(lt_origin="class Made: pass", lt_other="from lt_origin import Made")
    exchanged_when_imported("lt_maker", new)
    maker = importing(lt_maker="from lt_origin import Made")
    assert [maker.Made, other.Made, sys.modules["lt_origin"].Made] == [new, new, new]


def test_what_is_foreseen_is_looked_for_in_few_modules(importing: Importing) -> None:
    """Those that had none of it at the noted walk are not looked through again; hardly any module has it."""
    without, old = importing(lt_without="made = None"), importing(lt_maker=MAKER).made
    walk(old)
    without.made = old  # what another walk would find
    check_exchange(old, lt_maker="made")


def test_what_is_not_foreseen_is_looked_for_in_all_modules(importing: Importing) -> None:
    """Be it something else, or not foreseen any more, or foreseen after the walk."""
    without, old = importing(lt_without="made, other = None, [2]"), importing(lt_maker=MAKER).made
    walk(old)
    check_exchange(without.other, lt_without="other")
    without.made = old
    foresee([old])
    check_exchange(old, lt_maker="made", lt_without="made")
    without.made = None
    walk()
    without.made = old
    check_exchange(old, lt_maker="made", lt_without="made")


def test_a_module_that_is_imported_after_the_noted_walk(importing: Importing) -> None:
    """It is looked through for what was foreseen, and so is another one under the name of one that had none of it."""
    before, old = importing(lt_without="made = None"), importing(lt_maker=MAKER).made
    walk(old)
    importing(lt_later="from lt_maker import made as alias")
    after = sys.modules["lt_without"] = ModuleType("lt_without")
    vars(after).update(vars(before), made=old)
    check_exchange(old, lt_maker="made", lt_later="alias", lt_without="made")


def test_a_module_that_is_still_being_imported_at_the_noted_walk(importing: Importing) -> None:
    """It takes names when it has been looked through, maybe in the place of others."""
    maker = importing(lt_maker=MAKER)
    maker.begin = lambda: walk(maker.made)
    importing(lt_user="made = None\n__import__('lt_maker').begin()\nfrom lt_maker import made")
    check_exchange(maker.made, lt_maker="made", lt_user="made")


def test_a_module_that_takes_a_name_later(importing: Importing) -> None:
    """A function may import into its module, a program that runs does so in its own, and a module may be reloaded."""
    user = importing(lt_user="def work():\n    global made\n    from lt_maker import made")
    again = importing(lt_again="import sys\nif 'lt_maker' in sys.modules: from lt_maker import made")
    old = importing(lt_maker=MAKER).made
    walk(old)
    user.work()
    importlib.reload(again)
    check_exchange(old, lt_maker="made", lt_user="made", lt_again="made")


def lazily(name: str) -> Any:
    """Import a module lazily, as the documentation of importlib does."""
    spec: Any = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_lazy_module_is_not_run(importing: Importing, tracker: Tracker) -> None:
    """Neither by watching nor by its undo; what it takes when the program has run it is exchanged."""
    maker = importing(lt_lazy="from lt_maker import made", lt_maker=MAKER)
    lazy = lazily("lt_lazy")
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    tracker.stop()
    walk(maker.made)
    assert type(lazy).__name__ == "_LazyModule"
    assert lazy.made is maker.made
    check_exchange(maker.made, lt_maker="made", lt_lazy="made")


def test_a_lazy_module_that_makes_something(importing: Importing) -> None:
    """It is exchanged there, too, though the module may look lazy until it has run."""
    new = type("New", (), {})
    importing(lt_maker="class Made: pass", lt_other="")
    exchanged_when_imported("lt_maker", new)
    assert lazily("lt_maker").Made is new
