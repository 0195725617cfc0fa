"""The process: what is to be done before a fork, after it in the parent and in the child, and when the exit begins.

What is registered for that with the interpreter, it keeps to its very end, after all modules. A function of any module
of ours would keep that one, those which it imports, and at last the program's own, so that the collector goes through
all of them once more at each exit. So what is registered stands here, and knows the others by weak references only.
"""

from __future__ import annotations

from weakref import WeakMethod, ref

TYPE_CHECKING = False  # the module `typing` would be kept, and with it whatever its caches know
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    _Step: TypeAlias = Callable[[], object]

try:
    from os import register_at_fork as _register
except ImportError:  # nothing forks here, as on Windows
    _register = None  # type: ignore[assignment]

_before: list[ref[_Step]] = []
_in_parent: list[ref[_Step]] = []
_in_child: list[ref[_Step]] = []
_exiting: list[ref[_Step]] = []


def _do(steps: Iterable[ref[_Step]]) -> None:
    # All of them are held before the first is called, which may let go of another.
    for step in [step for each in steps if (step := each()) is not None]:
        step()


def when_forking(*, before: _Step | None = None, in_parent: _Step | None = None, in_child: _Step | None = None) -> None:
    """Call functions or methods around every fork, as long as they live; in the order in which they are given here."""
    for step, steps in ((before, _before), (in_parent, _in_parent), (in_child, _in_child)):
        if step is not None:
            steps.append(WeakMethod(step) if hasattr(step, "__self__") else ref(step))


def when_exiting(step: _Step) -> None:
    """Call a function, if it lives by then, when the interpreter begins to exit: before the program's exit hooks."""
    if not _exiting:
        _register_exit()
    _exiting.append(ref(step))


def _register_exit() -> None:
    # The interpreter calls these before the exit hooks that the program registered; there is no public way to come
    # first.
    import atexit
    import threading

    getattr(threading, "_register_atexit", atexit.register)(lambda: _do(_exiting))


if _register is not None:
    _register(
        before=lambda: _do(_before), after_in_parent=lambda: _do(_in_parent), after_in_child=lambda: _do(_in_child)
    )
