"""Files of data and pictures, and figures."""

from __future__ import annotations

import sys
from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, declare

_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"


def _has_no_file(image: Any) -> bool:
    """Whether a picture has read all of its file, was closed, or reads from a file that is somebody else's."""
    file = getattr(image, "fp", None)
    return file is None or not getattr(image, "_exclusive_fp", True) or bool(getattr(file, "closed", False))


def _is_put_away(figure: Any) -> bool:
    """Whether pyplot keeps a figure no more."""
    managers: Any = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
    return all(manager.canvas.figure is not figure for manager in managers.figs.values())


ROWS: tuple[Row, ...] = (
    Row(
        # What groups and datasets give as their file is another object for the same.
        ("h5py",), "h5py._hl.files", "File", CLASSES,
        declare("close", released_when=lambda file: not file.id.valid,
                hint=f"{_WITH}: groups and datasets of it keep the file open, too"),
        usual=False, not_from=("h5py._hl.base",),
    ),
    Row(
        ("PIL",), "PIL.Image", "Image", CLASSES,
        declare("close", released_when=_has_no_file,
                hint="use 'with Image.open(...) as image', or load() or close() it: the file stays open until then"),
        usual=False, made_by=("PIL.Image:open",), parts=lambda image: (image.fp,),
    ),
    Row(
        # pyplot keeps a figure until it is told, so that it is never collected before; at exit it destroys them all.
        ("matplotlib",), "matplotlib.pyplot", "Figure", CLASSES,
        declare("close", released_when=_is_put_away, ends_with_process=lambda _: True,
                hint="call plt.close(figure) when it was saved, or plt.close('all') at the end of a test"),
        usual=False, made_by=("matplotlib.pyplot:figure",),
    ),
)  # fmt: skip
