"""What tests leave to those around them to call: the finalizers of classes, modules and the session, and the run's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import pytest

from lifetrack.pytest_plugin.reach import in_runner, is_runners

#: Whose methods are no finalizers of the program's; plugins have nodes of their own.
_PYTESTS = (pytest.Item, pytest.Collector, pytest.FixtureDef, pytest.Config)


def held_by_nodes(item: pytest.Item) -> list[object]:
    """Give what the finalizers can be about that the program has given to what a test is in, and to the run.

    pytest keeps them where nobody is meant to look; where they are not found there are none.
    """
    from lifetrack.pytest_plugin.cleanups import held_by_cleanup

    finalizers = [each for each in (*_of_nodes(item), *_of_run(item.config)) if not _is_pytests(each)]
    return [value for finalizer in finalizers for value in held_by_cleanup(finalizer)]


def _of_nodes(item: pytest.Item) -> Iterable[Any]:
    stack: Any = getattr(getattr(item.session, "_setupstate", None), "stack", None)
    for node, entry in list(stack.items()) if type(stack) is dict else ():
        if node is not item:
            yield from list(entry[0])


def _of_run(config: pytest.Config) -> Iterable[Any]:
    stack: Any = getattr(config, "_cleanup_stack", None)
    for _, callback in list(getattr(stack, "_exit_callbacks", ())):
        yield getattr(callback, "__wrapped__", callback)


def _is_pytests(finalizer: Any) -> bool:
    """Whether it is the runner's own or ours: these lead to everything."""
    function = finalizer.func if type(finalizer) is partial else finalizer
    if type(function) is MethodType:
        cls = type(function.__self__)
        return issubclass(cls, _PYTESTS) or is_runners(cls)
    return type(function) is FunctionType and in_runner(function.__module__)
