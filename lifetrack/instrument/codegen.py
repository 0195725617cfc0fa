"""Generate wrappers with the exact signature of what they wrap.

Passing ``*args, **kwargs`` through would double the cost of a wrapper and blur the error of a wrong call. The generated
function takes and hands on the very parameters of the original, with its defaults.
"""

from __future__ import annotations

import functools
import keyword
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from lifetrack.ledger.territory import GENERATED, NOT_COUNTED

_VARARGS, _VARKEYWORDS = 0x04, 0x08
PREFIX = "_lt_"


class Parameters:
    """The parameters of a function as source text: how to declare them and how to hand them on."""

    def __init__(
        self, declare: str, call: str, names: tuple[str, ...], first: str, defaults: tuple[object, ...] = ()
    ) -> None:
        self.declare = declare
        self.call = call
        self.names = names
        self.first = first
        #: The default values, which ``declare`` calls ``_lt_default0`` and so on.
        self.defaults = defaults


_GENERIC = Parameters(f"{PREFIX}self, /, *args, **kwargs", f"{PREFIX}self, *args, **kwargs", ("args",), f"{PREFIX}self")


def parameters_of(function: object) -> Parameters:
    """Read the parameters of a plain function; anything else is handed whatever comes."""
    if not isinstance(function, FunctionType) or function.__code__.co_argcount == 0:
        return _GENERIC
    code = function.__code__
    count, only = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    plain, keywords = list(names[:count]), list(names[count : count + only])
    rest = list(names[count + only :])
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in plain + keywords):
        return _GENERIC
    if any(name.startswith(PREFIX) for name in plain + keywords):
        return _GENERIC
    declare, call, values = [], list(plain), list(function.__defaults__ or ())
    for index, name in enumerate(plain, 1):
        default = index - 1 - count + len(values)
        declare.append(name if default < 0 else f"{name}={PREFIX}default{default}")
        if index == code.co_posonlyargcount:
            declare.append("/")
    if code.co_flags & _VARARGS:
        star = rest.pop(0)
        declare.append(f"*{star}")
        call.append(f"*{star}")
        plain.append(star)
    elif keywords:
        declare.append("*")
    with_default = {name: value for name, value in (function.__kwdefaults__ or {}).items() if name in keywords}
    numbers = {name: number for number, name in enumerate(with_default, len(values))}
    declare += [f"{name}={PREFIX}default{numbers[name]}" if name in numbers else name for name in keywords]
    values += with_default.values()
    call += [f"{name}={name}" for name in keywords]
    if code.co_flags & _VARKEYWORDS:
        star = rest.pop(0)
        declare.append(f"**{star}")
        call.append(f"**{star}")
        keywords.append(star)
    return Parameters(", ".join(declare), ", ".join(call), tuple(plain[1:] + keywords), plain[0], tuple(values))


@functools.lru_cache(maxsize=512)
def _compiled(source: str, filename: str) -> Any:
    return compile(source, filename, "exec")


def generate(template: str, original: object, names: Mapping[str, object], what: str) -> Callable[..., Any]:
    """Make a wrapper of ``original`` from a template.

    The template is the body of a function, with ``{declare}``, ``{call}``, ``{first}`` and ``{arguments}`` for the
    parameters; ``names`` are what it uses, each with the prefix ``_lt_`` in the text.
    """
    parameters = parameters_of(original)
    arguments = "".join(f"{name}, " for name in parameters.names)
    text = template.format(
        declare=parameters.declare, call=parameters.call, first=parameters.first, arguments=f"({arguments})"
    )
    body = "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
    # Defaults are given at creation: calls of a function whose defaults were set later are not specialised.
    names = {**names, **{f"default{index}": value for index, value in enumerate(parameters.defaults)}}
    heads = ", ".join(f"{PREFIX}{name}" for name in names)
    source = f"def make({heads}):\n{body}\n    return wrapper\n"
    namespace: dict[str, Any] = {}
    exec(_compiled(source, GENERATED + what + NOT_COUNTED), namespace)  # noqa: S102 - our own template and names
    wrapper: Any = namespace["make"](*names.values())
    functools.update_wrapper(wrapper, original)  # type: ignore[arg-type]
    made: Callable[..., Any] = wrapper
    return made
