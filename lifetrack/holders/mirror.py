"""A mirror of who refers to an object, for those that draw what they are given: names in it, nothing of the program's.

Whatever a library of graphs asks of it, its ``repr`` or its truth, it asks of the mirror.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from types import BuiltinMethodType, CellType, FrameType, ModuleType
from typing import Any

from lifetrack.holders import roots
from lifetrack.holders.describing import described
from lifetrack.holders.looking import Finder, frame_of, is_of, is_suspendable, local_name, name_in
from lifetrack.holders.sieve import PIECE, Passable
from lifetrack.holders.walk import Walk
from lifetrack.ledger.entries import type_name
from lifetrack.ledger.territory import is_ours

#: How long the text of an image is.
_LONGEST = 40


class Image(deque["Image"]):
    """Stands for an object, and refers to the images of what that refers to. Its class bears the name of the object."""

    #: Under which names it has what the picture shows.
    names: list[str]
    #: How many more hold it than are shown.
    more: int

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(self.names))
        return names if len(names) <= _LONGEST else f"{names[: _LONGEST - 3]}..."


def mirror(obj: object, depth: int, breadth: int) -> list[Image]:
    """Make images of an object, of its holders, and of theirs, up to ``depth`` of them; its own is the first.

    Of each the first ``breadth`` holders are there. Modules and classes have none. Nothing of lifetrack's own is there.
    """
    return _Mirror(breadth).of(obj, depth)


class _Mirror:
    def __init__(self, breadth: int) -> None:
        self._breadth = breadth
        self._find = Finder()
        self._passable = Passable()
        #: The objects that have an image, and these, by address.
        self._objects: dict[int, Any] = {}
        self._images: dict[int, Image] = {}
        self._modules = _modules()
        self._running = roots.running()
        #: What holds objects for this alone, or holds every module.
        self._closed = {id(self._objects), id(self._images), *map(id, roots.import_system()), id(sys.modules)}
        self._closed.update(id(root.carrier) for root in self._running)
        self._reached: list[Any] = []
        if gc.get_freeze_count():
            walk = Walk({0}, {0})  # nothing is there, so it goes to the end
            users, libraries = roots.modules()
            walk.go([*roots.registrations(), *users, *libraries])
            self._closed.update(id(root.carrier) for root in walk.roots.values() if root.copied)
            self._reached = walk.order

    def of(self, obj: object, depth: int) -> list[Image]:
        self._image(obj, described(obj)).names.append("(the object)")
        level = [obj]
        self._closed.add(id(level))
        for _ in range(depth):
            above = self._holders(level)
            level[:] = above
            del above
            if not level:
                break
        level.clear()
        return list(self._images.values())

    def _holders(self, level: list[Any]) -> list[Any]:
        """Give images to the holders of some objects; give those that were not known and whose own are asked for."""
        wanted = {id(each): each for each in level}
        self._closed.add(id(wanted))
        found = [each for each in (*gc.get_referrers(*level), *self._hidden(wanted)) if self._counts(each)]
        new: list[Any] = []
        asked: set[int] = set()
        self._closed.update((id(found), id(new)))
        for holder in found:
            is_new = id(holder) not in self._objects
            if id(holder) in asked:
                continue
            asked.add(id(holder))
            for address in dict.fromkeys(map(id, gc.get_referents(holder))):
                if address in wanted:
                    self._tie(holder, wanted[address])
            if is_new and id(holder) in self._objects and not self._is_end(holder):
                new.append(holder)
        for root in self._running:
            for name, value in root.carrier.items():
                if id(value) in wanted:
                    self._tie(root.carrier, value, root.label, name)
        return new

    def _hidden(self, wanted: dict[int, Any]) -> list[Any]:
        """Give the holders that the collector does not tell, because they are frozen."""
        found: list[Any] = []
        for start in range(0, len(self._reached), PIECE):
            piece = self._reached[start : start + PIECE]
            if not wanted.keys().isdisjoint(map(id, gc.get_referents(*piece))):
                found += (each for each in piece if not wanted.keys().isdisjoint(map(id, gc.get_referents(each))))
        return found

    def _counts(self, holder: Any) -> bool:
        """Whether a holder is the program's: neither ours, nor what every module hangs on."""
        if is_of(holder, FrameType) and (is_ours(holder.f_code) or holder.f_locals is holder.f_globals):
            return False
        named = self._modules.get(id(holder))
        ours = named is not None and (named == "lifetrack" or named.startswith("lifetrack."))
        return not ours and id(holder) not in self._closed and self._passable[type(holder)]

    def _tie(self, holder: Any, held: Any, label: str = "", name: str = "") -> None:
        image = self._images[id(held)]
        known = self._images.get(id(holder))
        if known is None and sum(1 for _ in self._above(image)) >= self._breadth:
            image.more += 1
            return
        if known is None:
            known = self._image(holder, label or self._told(holder))
        known.append(image)
        known.names.append(name or self._name(holder, held))

    def _above(self, image: Image) -> list[Image]:
        return [each for each in self._images.values() if any(held is image for held in each)]

    def _image(self, obj: Any, label: str) -> Image:
        name = label.encode("utf-8", "backslashreplace").decode().replace("\0", "?")
        cls: type[Image] = type(name, (Image,), {})
        image = self._images[id(obj)] = cls()
        self._objects[id(obj)] = obj
        image.names, image.more = [], 0
        return image

    def _is_end(self, holder: Any) -> bool:
        return id(holder) in self._modules or is_of(holder, type, ModuleType, BuiltinMethodType)

    def _told(self, holder: Any) -> str:
        if (named := self._modules.get(id(holder))) is not None:
            return f"{named} (module)"
        if is_of(holder, type):
            return f"class {type_name(holder)}"
        return described(holder)

    def _name(self, holder: Any, held: Any) -> str:
        """Tell under which name a holder has an object; empty where it has none."""
        name: str | None
        if id(holder) in self._modules:
            name = name_in(holder, held) if is_of(holder, dict) else None
        elif is_of(holder, dict):
            name = self._find.key(holder, held)
        elif is_of(holder, list, tuple, deque):
            name = self._find.index(holder, held)
        elif is_of(holder, FrameType) or is_suspendable(holder):
            name = local_name(holder if is_of(holder, FrameType) else frame_of(holder), held)
        elif is_of(holder, CellType):
            name = "cell_contents"
        elif is_of(holder, type):
            name = name_in(dict(type.__dict__["__dict__"].__get__(holder)), held)
        else:
            name = self._find.attribute(holder, held)
        return name or "(inside)"


def _modules() -> dict[int, str]:
    """Give the names of modules by the address of the module and of its namespace."""
    found: dict[int, str] = {}
    for name, (module, names) in roots.module_dicts().items():
        found.setdefault(id(module), name)
        if names is not None:
            found.setdefault(id(names), name)
    return found
