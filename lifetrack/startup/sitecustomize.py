"""Starts tracking in a Python that was started by a followed program, before the first line of its own program.

The folder of this file stands first in ``PYTHONPATH`` of such children. It takes itself off ``sys.path`` and hands over
to the ``sitecustomize`` that would have been found without it, so that the program finds its path as it would be.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _load_package() -> None:
    """Load the package that this file belongs to, for a Python that does not have it on its path."""
    from importlib.util import module_from_spec, spec_from_file_location

    folder = os.path.dirname(_HERE)
    start = os.path.join(folder, "__init__.py")
    spec = spec_from_file_location("lifetrack", start, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        return
    sys.modules["lifetrack"] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["lifetrack"]
        raise


def _begin() -> None:
    try:
        try:
            from lifetrack.environment import begin_in_child
        except ImportError as error:
            if error.name != "lifetrack":
                raise
            _load_package()
            from lifetrack.environment import begin_in_child
        begin_in_child()
    except (ImportError, SyntaxError):
        return  # a Python that lifetrack is not installed for: it goes on untracked


def _give_way() -> None:
    """Import the real one in our place; if there is none, say so: ``site`` then goes on as it would."""
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.abspath(entry) != _HERE]
    sys.modules.pop("sitecustomize", None)
    __import__("sitecustomize")


if os.environ.get("LIFETRACK_CHILDREN"):
    _begin()
_give_way()
