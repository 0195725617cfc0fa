"""Waiting for modules: whatever way they are imported, they are noticed once they have run, and nothing is left."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lifetrack.watchers.imports import forget, when_imported


class Heard:
    """Counts how often it was called, and what the module had by then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[bool] = []

    def __call__(self) -> None:
        self.seen.append("done" in vars(sys.modules[self.name]))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with two modules that can be imported, and its removal."""
    folder = tmp_path / "lt_waited"
    folder.mkdir()
    (folder / "__init__.py").write_text("done = True\n", encoding="utf-8")
    (folder / "inner.py").write_text("import lt_waited.other\ndone = True\n", encoding="utf-8")
    (folder / "other.py").write_text("done = True\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("lt_waited")]:
        del sys.modules[name]
    assert sys.meta_path == before


@pytest.mark.parametrize("name", ["lt_waited", "lt_waited.inner", "lt_waited.other"])
def test_a_module_is_noticed_when_it_has_run(package: Path, name: str) -> None:
    """A package, a module in it, and one that is imported by another; its loader is left as it was."""
    heard = Heard(name)
    when_imported(name, heard)
    assert heard.seen == []
    importlib.import_module("lt_waited.inner")
    assert heard.seen == [True]
    assert "exec_module" not in vars(sys.modules[name].__loader__)


def test_a_module_that_is_there_is_noticed_at_once(package: Path) -> None:
    """Whoever has imported it, and whenever."""
    importlib.import_module("lt_waited.inner")
    heard = Heard("lt_waited.inner")
    when_imported("lt_waited.inner", heard)
    assert heard.seen == [True]


def _lazy(name: str) -> ModuleType:
    """Import a module lazily, as the documentation of importlib does."""
    spec: Any = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("first", ["watched", "imported"])
def test_a_lazy_module_is_noticed_when_it_runs(package: Path, first: str) -> None:
    """Waiting for it does not make it run, be it imported before or after."""
    heard = Heard("lt_waited.other")
    importlib.import_module("lt_waited")
    if first == "watched":
        when_imported("lt_waited.other", heard)
    module = _lazy("lt_waited.other")
    if first == "imported":
        when_imported("lt_waited.other", heard)
    assert heard.seen == []
    assert type(module).__name__ == "_LazyModule"
    assert module.done
    assert heard.seen == [True]


def test_an_import_that_fails_is_waited_for_again(package: Path) -> None:
    """The error is the program's; the next attempt counts."""
    (package / "other.py").write_text("raise RuntimeError('not yet')\n", encoding="utf-8")
    heard = Heard("lt_waited.other")
    when_imported("lt_waited.other", heard)
    with pytest.raises(RuntimeError, match="not yet"):
        importlib.import_module("lt_waited.other")
    assert heard.seen == []
    (package / "other.py").write_text("done = 'yes, at last'\n", encoding="utf-8")
    importlib.invalidate_caches()
    importlib.import_module("lt_waited.other")
    assert heard.seen == [True]


def test_a_loader_of_several_modules_tells_of_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules in one ZIP archive share a loader."""
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("lt_zipped_one.py", "import lt_zipped_two\ndone = True\n")
        file.writestr("lt_zipped_two.py", "done = True\n")
    monkeypatch.syspath_prepend(str(archive))
    one, two = Heard("lt_zipped_one"), Heard("lt_zipped_two")
    when_imported("lt_zipped_one", one)
    when_imported("lt_zipped_two", two)
    try:
        module = importlib.import_module("lt_zipped_one")
        assert (one.seen, two.seen) == ([True], [True])
        assert "exec_module" not in vars(module.__loader__)
    finally:
        sys.modules.pop("lt_zipped_one", None)
        sys.modules.pop("lt_zipped_two", None)


def test_forgetting_leaves_nothing(package: Path) -> None:
    """Nobody is called, and the import system is what it was."""
    before = list(sys.meta_path)
    heard = Heard("lt_waited")
    when_imported("lt_waited", heard)
    when_imported("lt_never_installed", heard)
    forget("lt_waited", heard)
    forget("lt_never_installed", heard)
    assert sys.meta_path == before
    importlib.import_module("lt_waited")
    assert heard.seen == []


@pytest.mark.parametrize(
    ("name", "loader"),
    [("_symtable", importlib.machinery.BuiltinImporter), ("__phello__", importlib.machinery.FrozenImporter)],
)
def test_a_module_of_the_interpreter_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, loader: Any) -> None:
    """Its loader is a class, which belongs to all such modules; the module shows no other one afterwards."""
    if loader.find_spec(name) is None:
        pytest.skip(f"{name} is not in this interpreter")
    monkeypatch.delitem(sys.modules, name, raising=False)
    before, heard = list(sys.meta_path), []
    when_imported(name, lambda: heard.append(name))
    module = importlib.import_module(name)
    assert heard == [name]
    assert (module.__loader__, module.__spec__.loader) == (loader, loader)
    assert sys.meta_path == before
