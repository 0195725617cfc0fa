"""Populating: plugins of real distributions are found, validated and registered; broken ones hinder nobody."""

from __future__ import annotations

import sys

import pytest

from tests.backends.conftest import PLUGINS

_COLLECTION = """
from tls_host import TlsBackend
backends = BackendCollection("tls", kind=TlsBackend, groups=GROUP, api_version="2.3")
"""
_SUMMARY = """
show({
    "names": backends.names(), "added": found.added, "log": TlsBackend.log,
    "rejected": {r.entry_point.name: [r.distribution, type(r.error).__name__, str(r.error), r.traceback]
                 for r in found.rejected},
    "threes": all(len(r) == 3 for r in found.rejected),
    "kept": [r.entry_point.name for r in found.rejected if r.error.__traceback__ is not None],
})
"""
BROKEN = {
    "import-error": ("tls-import-error", "RuntimeError", "boom on import"),
    "missing-dependency": ("tls-missing-dependency", "ModuleNotFoundError", "a_dependency_that_is_missing"),
    "missing-attribute": ("tls-missing-attribute", "AttributeError", "Backend"),
    "leaves": ("tls-leaves", "SystemExit", "bye"),
    "wrong-class": ("tls-wrong-type", "BackendError", "Stranger is no subclass of tls_host.TlsBackend"),
    "wrong-object": ("tls-wrong-type", "BackendError", "int is no tls_host.TlsBackend"),
    "constructor": ("tls-constructor", "OSError", "no device"),
    "old": ("tls-old", "BackendError", "is made for api_version 1, and the collection offers '2.3'"),
    "no-version": ("tls-silent", "BackendError", "has no api_version"),
    "twin": ("tls-duplicate", "BackendError", "cannot have the name 'schannel': tls_good.SChannel"),
}  # fmt: skip


def test_every_broken_plugin_is_reported_and_the_others_go_on(environment):
    """Each rejected plugin comes with its entry point, its distribution, its error and the text of its traceback."""
    environment.install(*PLUGINS)
    found = environment.run(_COLLECTION + "found = backends.populate()\n" + _SUMMARY)
    assert found["names"] == found["added"] == ["openssl", "schannel", "stuck"]
    assert set(found["rejected"]) == set(BROKEN)
    for name, (distribution, error, words) in BROKEN.items():
        assert found["rejected"][name][:2] == [distribution, error]
        assert words in found["rejected"][name][2]
        assert error in found["rejected"][name][3]
    assert "tls_import_error.py" in found["rejected"]["import-error"][3]
    assert found["threes"]
    assert found["kept"] == [], "a traceback keeps the frames of a plugin alive"
    assert "made old" not in found["log"], "a class of the wrong version is not even called"
    assert found["log"].count("made schannel") == 2
    assert "closed schannel" in found["log"], "a backend that was made and refused is released"


def test_what_is_rejected_is_logged(environment):
    """The log has a warning for each broken plugin, with distribution and traceback."""
    environment.install("tls-good", "tls-import-error")
    found = environment.run(
        "records = []\n"
        "class Keep(logging.Handler):\n"
        "    def emit(self, record): records.append([record.name, record.levelname, record.getMessage()])\n"
        "logging.getLogger('lifetrack').addHandler(Keep())\n" + _COLLECTION + "backends.populate()\nshow(records)"
    )
    ((name, level, text),) = found
    assert (name, level) == ("lifetrack.backends", "WARNING")
    for words in ("'tls'", "'import-error'", "tls-import-error 1.5", "Traceback", "boom on import"):
        assert words in text


def test_populating_is_done_once_and_again_on_request(environment):
    """A second call gives the same result and makes nothing; `again` tries what was rejected, and keeps the rest."""
    environment.install("tls-good", "tls-import-error")
    found = environment.run(
        _COLLECTION
        + """
first = backends.populate()
openssl = backends.get("openssl")
second = backends.populate()
made = len(TlsBackend.log)
third = backends.populate(again=True)
show([first == second, made, len(TlsBackend.log), third.added, len(third.rejected), backends.get("openssl") is openssl])
"""
    )
    assert found == [True, 2, 2, [], 1, True]


def test_a_plugin_that_was_installed_meanwhile_is_found_on_request(environment):
    """`again` finds new distributions; `populate(group)` adds a group; unknown groups are empty."""
    environment.install("tls-good")
    program = (
        _COLLECTION.replace("groups=GROUP", "groups=()")
        + """
empty = backends.populate()
first = backends.populate(GROUP)
import shutil, importlib
for entry in list(__import__("pathlib").Path(HIDDEN).iterdir()):
    shutil.move(entry, SITE)
importlib.invalidate_caches()
show([empty.added, first.added, backends.populate("no.such.group").added, backends.populate(again=True).added])
"""
    )
    hidden, site = environment.folder.parent / "hidden", environment.folder
    environment.folder = hidden
    environment.install("tls-release")
    environment.folder = site
    found = environment.run(f"HIDDEN, SITE = {str(hidden)!r}, {str(site)!r}\n" + program)
    assert found == [[], ["openssl", "schannel"], [], ["stuck"]]


def test_plugins_are_chosen_by_name_without_importing_the_others(environment):
    """`include` and `exclude` name entry points; what is not wanted is not loaded at all."""
    environment.install("tls-good", "tls-import-error", "tls-release")
    found = environment.run(
        """
from tls_host import TlsBackend
one = BackendCollection("one", groups=GROUP, include="openssl")
other = BackendCollection("other", groups=[GROUP], exclude=["import-error", "openssl"])
show([one.populate().added, "tls_release" in sys.modules, other.populate().added, "tls_import_error" in sys.modules,
      one.populate(include=["schannel"]).added, one.names()])
"""
    )
    assert found == [["openssl"], False, ["schannel", "stuck"], False, ["schannel"], ["openssl", "schannel"]]


def test_a_lazy_collection_populates_itself_when_it_is_asked(environment):
    """Nothing is imported until the first question; sealing asks, too, so that the collection is complete."""
    environment.install("tls-good")
    found = environment.run(
        """
one = BackendCollection("one", groups=GROUP, lazy=True)
before = "tls_good" in sys.modules
name = one.get("openssl").name
other = BackendCollection("other", groups=GROUP, lazy=True)
other.seal()
show([before, name, other.names(), BackendCollection("plain", groups=GROUP).names()])
"""
    )
    assert found == [False, "openssl", ["openssl", "schannel"], []]


def test_capabilities_and_protocols_of_plugins(environment):
    """The kind may be a protocol; what a plugin declares can be required."""
    environment.install("tls-good", "tls-wrong-type")
    found = environment.run(
        """
from typing import Protocol
class Shakes(Protocol):
    name: str
    def handshake(self) -> str: ...
backends = BackendCollection("tls", kind=Shakes, groups=GROUP, exclude="wrong-class")
found = backends.populate()
show([found.added, str(found.rejected[0].error), backends.require("certificates").name, backends.require("keys").name])
"""
    )
    assert found == [
        ["openssl", "schannel"],
        "int lacks handshake, name, which __main__.Shakes asks for",
        "schannel",
        "openssl",
    ]


def test_the_entry_point_may_lead_to_a_function_or_an_object(environment):
    """A factory is called, an object is taken as it is, `create` makes backends in its own way."""
    environment.install("tls-good")
    found = environment.run(
        """
class Wrapped:
    def __init__(self, cls): self.name, self.cls = cls.name, cls
backends = BackendCollection("tls", groups=GROUP, create=Wrapped)
backends.populate()
show([type(b).__name__ for b in backends])
"""
    )
    assert found == ["Wrapped", "Wrapped"]


def test_a_plugin_that_asks_while_it_is_loaded_gets_what_there_is(environment, tmp_path):
    """Asking for the population from within it neither waits for itself nor starts another one."""
    environment.install("tls-good", "tls-release")
    found = environment.run(
        _COLLECTION
        + """
from tls_good import SChannel
seen = []
plain = SChannel.__init__
def __init__(self):
    plain(self)
    inner = backends.populate()
    seen.append([inner.complete, list(inner.added), list(backends.names())])
SChannel.__init__ = __init__
found = backends.populate()
show([seen, found.complete, found.added])
"""
    )
    assert found == [[[False, ["openssl"], ["openssl"]]], True, ["openssl", "schannel", "stuck"]]


def test_an_interrupted_search_is_taken_up_again(environment):
    """Ctrl-C in a plugin comes through; the group does not count as searched, and nothing is made twice."""
    environment.install("tls-good", "tls-release")
    found = environment.run(
        _COLLECTION
        + """
from tls_good import SChannel
plain = SChannel.__init__
def interrupted(self): raise KeyboardInterrupt
SChannel.__init__ = interrupted
try:
    backends.populate()
    came = False
except KeyboardInterrupt:
    came = True
SChannel.__init__ = plain
found = backends.populate()
show([came, found.added, TlsBackend.log])
"""
    )
    assert found == [True, ["openssl", "schannel", "stuck"], ["made openssl", "made schannel", "made stuck"]]


def test_reload_replaces_a_backend_by_a_new_one_of_its_plugin(environment):
    """The new one has the same name; the old one is released; one that was added by hand cannot be reloaded."""
    environment.install("tls-good")
    found = environment.run(
        _COLLECTION
        + """
backends.populate()
old = backends.get("openssl")
new = backends.reload("openssl")
class Own(TlsBackend):
    name = "own"
    api_version = 2
backends.add(Own())
try:
    backends.reload("own")
except BackendError as error:
    text = str(error)
show([new is backends.get("openssl"), new is not old, TlsBackend.log[-3:], backends.names(), text])
"""
    )
    assert found == [
        True, True, ["made openssl", "closed openssl", "made own"], ["openssl", "schannel", "own"],
        "collection 'tls': reload() of 'own', which was added by hand: use replace()",
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["cleanup", "seal"])
def test_nothing_is_populated_after_the_end(environment, ending):
    """A collection that is sealed or cleaned up refuses; what was found before is still told once it is sealed."""
    environment.install("tls-good")
    found = environment.run(
        _COLLECTION
        + f"""
backends.{ending}()
try:
    backends.populate()
    show("populated")
except BackendError as error:
    show([str(error), TlsBackend.log])
"""
    )
    assert "populate()" in found[0]
    assert found[1] == []


def test_metadata_that_cannot_be_read_hides_nobody(environment):
    """Garbage in one distribution's entry points is logged with its place; a value that leads nowhere is rejected."""
    environment.install("tls-good")
    broken = environment.folder / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[tls_host.backends]\nthis line means nothing\n")
    wrong = environment.folder / "wrong-1.0.dist-info"
    wrong.mkdir()
    (wrong / "METADATA").write_text("Metadata-Version: 2.1\nName: wrong\nVersion: 1.0\n")
    (wrong / "entry_points.txt").write_text("[tls_host.backends]\nnowhere = 3 & 4\n")
    found = environment.run(
        "records = []\n"
        "class Keep(logging.Handler):\n"
        "    def emit(self, record): records.append(record.getMessage())\n"
        "logging.getLogger('lifetrack').addHandler(Keep())\n" + _COLLECTION + "found = backends.populate()\n"
        "show([found.added, [str(r) for r in found.rejected], records])"
    )
    assert found[0] == ["openssl", "schannel"]
    assert any("broken-1.0.dist-info cannot be read" in record for record in found[2])
    if sys.version_info >= (3, 15):  # importlib.metadata refuses such a value itself
        assert any("wrong-1.0.dist-info cannot be read" in record for record in found[2])
    else:
        (text,) = found[1]
        assert "'nowhere' (3 & 4) of wrong 1.0: BackendError: entry point 'nowhere' leads to '3 & 4': write it" in text


def test_an_error_without_a_text_is_reported_all_the_same(environment):
    """A plugin whose own exception cannot be shown is rejected like any other."""
    environment.install("tls-good")
    found = environment.run(
        _COLLECTION
        + """
class Mute(Exception):
    def __str__(self): raise RuntimeError("no words")
import tls_good
def __init__(self): raise Mute
tls_good.OpenSsl.__init__ = __init__
found = backends.populate()
show([found.added, str(found.rejected[0])])
"""
    )
    assert found[0] == ["schannel"]
    assert found[1].endswith("Mute: (it has no text)")
