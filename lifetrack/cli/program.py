"""Run somebody's program in this process as the interpreter itself would.

The program gets a fresh ``__main__``, its own ``sys.argv`` and ``sys.path[0]``, and dies of its exceptions with the
traceback that it would have had. What cannot be hidden: frames below its first one, ``sys.orig_argv``, and which
modules are loaded already.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import linecache
import marshal
import os
import sys
from collections.abc import Callable
from dataclasses import field
from textwrap import dedent
from types import CodeType, ModuleType
from typing import Any

from lifetrack.cli.shadows import give_way
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass

SCRIPT = "script"
MODULE = "module"
CODE = "code"
_PYC_HEADER = 16


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be run: what it is, its name as given, its arguments.

    ``source`` is what the script's file holds; None for a folder or an archive with a ``__main__``, and for modules.
    """

    kind: str
    name: str
    args: tuple[str, ...] = ()
    source: bytes | None = field(default=None, repr=False)


def find_program(kind: str, name: str, args: tuple[str, ...] = ()) -> Program:
    """Make a program ready; raise ConfigurationError for a script that cannot be read.

    A script is read once, here, so that a pipe such as ``/dev/fd/63`` can be run as well.
    """
    if kind != SCRIPT or _has_importer(_absolute(name)):
        return Program(kind, name, args)
    try:
        with open(name, "rb") as file:
            return Program(kind, name, args, file.read())
    except (OSError, ValueError) as error:
        reason = f"[Errno {error.errno}] {error.strerror}" if isinstance(error, OSError) else str(error)
        raise ConfigurationError(f"can't open file {_absolute(name)!r}: {reason}") from None


def execute(program: Program) -> None:
    """Run the program to its end; its exceptions come through, SystemExit too.

    Raises whatever the program raises. ``__main__`` stays the program's afterwards, as atexit hooks, threads and
    pickles need it.
    """
    main = _fresh_main()
    if not sys.flags.safe_path and sys.path:
        del sys.path[0]  # the folder that the interpreter put there for lifetrack's own start
    if program.kind == MODULE:
        _run_module(program)
    elif program.kind == CODE:
        _run_code(program, main)
    elif program.source is None:
        sys.argv = [program.name, *program.args]
        _lead_path(_absolute(program.name), always=True)
        _run_as_main("__main__", alter_argv=False)
    else:
        _run_script(program, program.source, main)


def without_our_frames(traceback: Any) -> Any:
    """Give the part of a traceback that the program's own frames made; the whole of it if none of ours leads it."""
    rest = traceback
    while rest is not None and rest.tb_frame.f_code.co_filename != __file__:
        rest = rest.tb_next
    if rest is None:
        return traceback
    while rest is not None and rest.tb_frame.f_code.co_filename == __file__:
        rest = rest.tb_next
    return rest


def _absolute(name: str) -> str:
    # As the interpreter does it: ``./`` and ``..`` stay in the path.
    if os.path.isabs(name):
        return name
    return os.getcwd() if name in ("", ".") else os.getcwd() + os.sep + name


def _has_importer(path: str) -> bool:
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _fresh_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__loader__ = importlib.machinery.BuiltinImporter
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    return main


def _lead_path(entry: str, *, always: bool = False) -> None:
    # With -P or -I the interpreter leaves the program's folder out, but not a folder or archive that is the program.
    if always or not sys.flags.safe_path:
        sys.path.insert(0, entry)
        give_way(entry)


def _run_module(program: Program) -> None:
    sys.argv = ["-m", *program.args]
    _lead_path(os.getcwd())
    _run_as_main(program.name, alter_argv=True)


def _run_as_main(name: str, *, alter_argv: bool) -> None:
    # The function that the interpreter itself calls: its frames are those that users know from their tracebacks.
    import runpy

    start: Callable[..., object] = runpy._run_module_as_main  # type: ignore[attr-defined]
    start(name, alter_argv)


def _run_code(program: Program, main: ModuleType) -> None:
    sys.argv = ["-c", *program.args]
    _lead_path("")
    text = program.name + "\n"
    if sys.version_info >= (3, 14):
        text = dedent(text)
    code = compile(text, "<string>", "exec", dont_inherit=True)
    _remember_text(code, text)
    exec(code, main.__dict__)  # noqa: S102 - to run it is what we are asked for


def _remember_text(code: CodeType, text: str) -> None:
    # From 3.13 on tracebacks show the lines of ``-c`` programs.
    register: Callable[..., object] | None = getattr(linecache, "_register_code", None)
    if register is not None:
        register("<string>" if sys.version_info < (3, 14) else code, text, "<string>")


def _run_script(program: Program, source: bytes, main: ModuleType) -> None:
    path = _absolute(program.name)
    sys.argv = [program.name, *program.args]
    _lead_path(os.path.dirname(os.path.realpath(program.name)))
    names = main.__dict__
    names["__file__"] = path
    if sys.version_info < (3, 15):
        names["__cached__"] = None
    compiled = path.endswith(".pyc") or source[:2] == importlib.util.MAGIC_NUMBER[:2]
    loader = importlib.machinery.SourcelessFileLoader if compiled else importlib.machinery.SourceFileLoader
    names["__loader__"] = loader("__main__", path)
    try:
        code = _load_compiled(source) if compiled else compile(source, path, "exec", dont_inherit=True)
        exec(code, names)  # noqa: S102 - to run it is what we are asked for
    finally:
        # The interpreter takes them away again, so that atexit hooks do not see them.
        names.pop("__file__", None)
        names.pop("__cached__", None)


def _load_compiled(data: bytes) -> CodeType:
    magic = importlib.util.MAGIC_NUMBER
    cut_in_magic = len(data) < len(magic) and sys.version_info >= (3, 13)
    if cut_in_magic or (data.startswith(magic) and len(data) <= _PYC_HEADER):
        raise EOFError("EOF read where not expected")
    if not data.startswith(magic):
        raise RuntimeError("Bad magic number in .pyc file")
    code = marshal.loads(data[_PYC_HEADER:])  # noqa: S302 - a compiled script that its user names
    if not isinstance(code, CodeType):
        raise RuntimeError("Bad code object in .pyc file")  # noqa: TRY004 - as the interpreter does
    return code
