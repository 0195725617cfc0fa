"""Rows for classes that lifetrack does not know: what a third party's table is made of.

A distribution announces its table as an entry point of the group ``lifetrack.tables``; the entry point's name is the
name to watch it by, which is the library's import name. See ``docs/watching.md`` and ``examples/table_of_a_library``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lifetrack.values.declarations import INIT
from lifetrack.values.errors import DeclarationError
from lifetrack.values.settings import shown
from lifetrack.watchers.rows import CLASSES, Row, declare

__all__ = ["Row", "resource"]


def resource(
    where: str,
    *,
    release: str | Iterable[str],
    acquire: str = INIT,
    released_when: Callable[[Any], bool] | None = None,
    hint: str | None = None,
    parts: Callable[[Any], Iterable[object]] | None = None,
    parent: Callable[[Any], object] | None = None,
    grace: float = 0.0,
    ends_with_process: Callable[[Any], bool] | None = None,
    made_by: str | Iterable[str] = (),
    works: str | Iterable[str] = (),
    keeps: str | Iterable[str] = (),
    within: bool = False,
) -> Row:
    """Describe one class of a library, to be watched without being imported.

    ``where`` is ``module:Class``, the module being the one that defines the class. ``release`` names the methods that
    release it, each a plain method or a coroutine function, whose release is complete when the coroutine is.
    ``acquire`` names the method that acquires it, the constructor by default; with ``made_by``, given as
    ``module:Class.method`` or ``module:function``, the result of these acquires it instead.

    ``released_when`` is asked after a release method and whenever somebody wants to know. ``hint`` is the usual mend,
    shown with a finding. ``parts`` gives what it is made of, so that a leak of the whole is one finding; ``parent``
    gives what it depends on. ``grace`` is for how many seconds it may outlive its scope. What ``ends_with_process``
    says of an object that lives then is no leak, and neither is that it was collected.

    For pools and clients: while a method of ``works`` runs the object is at work, and what a method of ``keeps``
    acquires belongs to the innermost object at work, or else to its own. With ``within``, a new object does too.
    A class that is no resource but takes part in this has an empty ``release``.

    Raises DeclarationError for an argument that cannot work.
    """
    (target,) = _names((where,), "resource()", _is_target)
    module, _, name = target.partition(":")
    releases = _names(release, "release", _is_path)
    if not releases and not works and not keeps:
        raise DeclarationError(f"release= is empty: name the method that releases a {name}")
    questions = {"released_when": released_when, "ends_with_process": ends_with_process}
    _check_questions({**questions, "parts": parts, "parent": parent})
    options: dict[str, Any] = {word: question for word, question in questions.items() if question is not None}
    return Row(
        (module.partition(".")[0],), module, name, CLASSES,
        declare(*releases, acquire=_names((acquire,), "acquire", str.isidentifier)[0], hint=hint,
                grace=_seconds(grace), **options),
        parts=parts, parent=parent, within=bool(within),
        made_by=_names(made_by, "made_by", _is_target), works=_names(works, "works", str.isidentifier),
        keeps=_names(keeps, "keeps", str.isidentifier),
    )  # fmt: skip


def _check_questions(questions: dict[str, Callable[[Any], Any] | None]) -> None:
    for what, question in questions.items():
        if question is not None and not callable(question):
            raise DeclarationError(f"{what}= takes a function of the object, not {shown(question)}")


def _is_path(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _is_target(text: str) -> bool:
    module, colon, name = text.partition(":")
    return bool(colon) and _is_path(module) and _is_path(name)


def _names(value: object, what: str, is_good: Callable[[str], bool]) -> tuple[str, ...]:
    names: Any = (value,) if isinstance(value, str) else value
    if not isinstance(names, Iterable):
        raise DeclarationError(f"{what}= takes names, not {shown(value)}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str) or not is_good(name):
            raise DeclarationError(
                f"{what}= takes names{' such as module:Class' if is_good is _is_target else ''}, not {shown(name)}"
            )
    return found


def _seconds(grace: object) -> float:
    if isinstance(grace, bool) or not isinstance(grace, int | float) or not 0 <= grace < float("inf"):
        raise DeclarationError(f"grace= takes a number of seconds, not {shown(grace)}")
    return float(grace)
