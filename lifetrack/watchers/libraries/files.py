"""Files of data and pictures, and figures."""

from __future__ import annotations

import sys
from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, declare

_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"


def _files(image: Any) -> tuple[object, ...]:
    """Give the file of a picture: one with several frames keeps it under another name when the first was read."""
    # What stands there afterwards may raise whatever is asked of it.
    return tuple(file for name in ("fp", "_fp") if hasattr(type(file := getattr(image, name, None)), "read"))


def _has_no_file(image: Any) -> bool:
    """Whether a picture has read all of its file, or was closed."""
    return all(bool(getattr(file, "closed", False)) for file in _files(image))


def _reads_others(image: Any) -> bool:
    """Whether a picture reads from a file that is somebody else's."""
    return not getattr(image, "_exclusive_fp", True)


def _is_put_away(figure: Any) -> bool:
    """Whether pyplot keeps a figure no more."""
    managers: Any = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
    return all(manager.canvas.figure is not figure for manager in managers.figs.values())


_PICTURE = declare(
    "close", "__exit__", "load", released_when=_has_no_file,
    hint="use 'with Image.open(...) as image', or load() or close() it: the file stays open until then",
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    Row(
        # What groups and datasets give as their file is another object for the same.
        ("h5py",), "h5py._hl.files", "File", CLASSES,
        declare("close", released_when=lambda file: not file.id.valid,
                hint=f"{_WITH}: groups and datasets of it keep the file open, too"),
        usual=False, not_from=("h5py._hl.base",),
    ),
    # Files are opened for the first before the second, which closes them, is imported.
    *(
        Row(
            ("PIL",), module, name, CLASSES, _PICTURE,
            usual=False, made_by=("PIL.Image:open",), parts=_files, is_empty=_reads_others,
        )
        for module, name in (("PIL.Image", "Image"), ("PIL.ImageFile", "ImageFile"))
    ),
    Row(
        # pyplot keeps a figure until it is told, so that it is never collected before; at exit it destroys them all.
        ("matplotlib",), "matplotlib.pyplot", "Figure", CLASSES,
        declare("close", released_when=_is_put_away, ends_with_process=lambda _: True,
                hint="call plt.close(figure) when it was saved, or plt.close('all') at the end of a test"),
        usual=False, made_by=("matplotlib.pyplot:figure",),
    ),
)  # fmt: skip
