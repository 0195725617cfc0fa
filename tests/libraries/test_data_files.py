"""Files of data, pictures and figures: what stays open is found at its line; what others do for them is silent."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def told(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


FILE = "h5py._hl.files.File"


def test_h5py(watching: Callable[..., Tracker], line_of: Callable[[Finding], str], tmp_path: Path) -> None:
    """A file that is left open is found; what groups and datasets give as their file is none of its own."""
    h5py = pytest.importorskip("h5py")
    tracker = watching("h5py")
    with tracker.scope("right"):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("numbers", data=[1, 2, 3])
            assert file["numbers"].file == file.parent.file
        file.close()
    assert told(tracker) == []
    with tracker.scope("wrong"):
        left = h5py.File(tmp_path / "a.h5")  # site: h5py
    (finding,) = tracker.find_leaks()
    left.close()
    assert (finding.rule, finding.resource.type) == ("LT103", FILE)
    assert "# site: h5py" in line_of(finding)
    assert tracker.report().totals.live == 0


OPENS = """
import h5py, io
in_memory = h5py.File(io.BytesIO(), "w"), h5py.File("none", "w", driver="core", backing_store=False)
left = h5py.File({path!r}, "w")
for each in in_memory: each.close()
"""


def test_h5py_with_the_witness(run_python: RunPython, tmp_path: Path) -> None:
    """What is left open is told once, by its own name, and by the system's where nobody watches the library."""
    pytest.importorskip("h5py")
    pytest.importorskip("psutil")
    program = OPENS.format(path=str(tmp_path / "left.h5"))
    flags = ["-m", "lifetrack", "run", "--witness", f"--report={tmp_path / 'report.json'}"]
    for watch, expected in (("stdlib,h5py", ("LT101", FILE)), ("stdlib", ("LT501", "file descriptor"))):
        done = run_python("", "-c", program, python_flags=[*flags, f"--watch={watch}"])
        assert done.returncode == 0, done.stderr
        findings = json.loads((tmp_path / "report.json").read_text())["findings"]
        assert [(each["rule"], each["resource"]["type"]) for each in findings] == [expected]


def test_h5py_kept_open_by_a_dataset(watching: Callable[..., Tracker], tmp_path: Path) -> None:
    """A file object that is dropped while a dataset keeps its file open is one finding."""
    h5py = pytest.importorskip("h5py")
    tracker = watching("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("numbers", data=[1, 2, 3])

    def numbers() -> Any:
        return h5py.File(tmp_path / "a.h5")["numbers"]

    found = numbers()
    assert (list(found), told(tracker)) == ([1, 2, 3], [("LT102", FILE)])


def test_numpy_memmap(watching: Callable[..., Tracker], tmp_path: Path) -> None:
    """An array over a mapped file has no close(): dropping it is how it ends."""
    numpy = pytest.importorskip("numpy")
    tracker = watching()
    with tracker.scope("right"):
        array: Any = numpy.memmap(tmp_path / "array", mode="w+", shape=(10,))
        array[:] = 1
        del array
        gc.collect()
    assert told(tracker) == []


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture in a file."""
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (4, 4)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A picture of two frames in a file."""
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (4, 4), "red").save(
        tmp_path / "frames.gif", save_all=True, append_images=[image.new("RGB", (4, 4), "blue")]
    )
    return tmp_path / "frames.gif"


def test_pillow(watching: Callable[..., Tracker], line_of: Callable[[Finding], str], picture: Path) -> None:
    """A picture that was opened and not read has its file open: one finding, with the file below it."""
    from PIL import Image

    tracker = watching("PIL")
    with tracker.scope("wrong"):
        image = Image.open(picture)  # site: pillow
    (finding,) = tracker.find_leaks()
    image.close()
    assert (finding.rule, finding.resource.type) == ("LT103", "PIL.PngImagePlugin.PngImageFile")
    assert [child.resource.type for child in finding.children] == ["_io.BufferedReader"]
    assert "# site: pillow" in line_of(finding)
    assert tracker.report().totals.live == 0


def test_pillow_dropped(watching: Callable[..., Tracker], picture: Path) -> None:
    """The same of a picture that is dropped."""
    from PIL import Image

    tracker = watching("PIL")
    assert Image.open(picture).size == (4, 4)
    assert told(tracker) == [("LT102", "PIL.PngImagePlugin.PngImageFile")]


def test_pillow_frames(watching: Callable[..., Tracker], frames: Path) -> None:
    """One with several frames keeps its file when the first was read: that is told as the picture's."""
    from PIL import Image

    tracker = watching("PIL", "stdlib")
    with tracker.scope("wrong"):
        image = Image.open(frames)
        image.load()
    (finding,) = tracker.find_leaks()
    image.close()
    assert (finding.rule, finding.resource.type) == ("LT103", "PIL.GifImagePlugin.GifImageFile")
    assert [child.resource.type for child in finding.children] == ["_io.BufferedReader"]


@pytest.mark.parametrize("watch", [("PIL",), ("PIL", "stdlib")])
def test_pillow_frames_used_rightly(watching: Callable[..., Tracker], frames: Path, watch: tuple[str, ...]) -> None:
    """Closed, whether by a block or not, or read from somebody else's file."""
    from PIL import Image

    tracker = watching(*watch)
    with tracker.scope("right"):
        with Image.open(frames) as image:
            image.seek(1)
            image.load()
        image = Image.open(frames)
        image.load()
        image.close()
        with open(frames, "rb") as file:
            image = Image.open(file)
            image.seek(1)
    assert told(tracker) == []


@pytest.mark.parametrize("watch", [("PIL",), ("PIL", "stdlib")])
def test_pillow_used_rightly(watching: Callable[..., Tracker], picture: Path, watch: tuple[str, ...]) -> None:
    """Read to its end, closed, or from somebody else's file."""
    from PIL import Image

    tracker = watching(*watch)
    with tracker.scope("right"):
        Image.open(picture).load()
        with Image.open(picture) as image:
            assert image.size == (4, 4)
        Image.open(picture).convert("L")
        image = Image.open(picture)
        image.close()
        with open(picture, "rb") as file:
            Image.open(file)
        Image.new("RGB", (2, 2))
    assert told(tracker) == []


@pytest.fixture
def plt() -> Any:
    """Pyplot, without a screen."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot

    matplotlib.pyplot.close("all")
    return matplotlib.pyplot


def test_matplotlib(watching: Callable[..., Tracker], line_of: Callable[[Finding], str], plt: Any) -> None:
    """A figure that pyplot still keeps when a scope ends is found; one that was closed, or is not pyplot's, is none."""
    from matplotlib.figure import Figure

    tracker = watching("matplotlib")
    with tracker.scope("job"):
        figure, axes = plt.subplots()  # site: matplotlib
        axes.plot([1, 2])
        assert plt.figure(figure.number) is figure
        Figure().subplots()
        plt.close(plt.figure())
    (finding,) = tracker.find_leaks()
    plt.close("all")
    assert (finding.rule, finding.resource.type) == ("LT103", "matplotlib.figure.Figure")
    assert "# site: matplotlib" in line_of(finding)
    assert tracker.report().totals.live == 0
    del figure, axes
    assert len(told(tracker)) == 1


def test_figures_at_the_end_of_the_process(watching: Callable[..., Tracker], plt: Any) -> None:
    """What is open when a program ends is destroyed by pyplot itself, as is what is closed and then dropped."""
    tracker = watching("matplotlib")
    plt.figure()
    assert told(tracker) == []
    plt.close()
    assert told(tracker) == []
