"""The fast paths of a ledger that has a journal: the event is written down in them, for a call would cost as much.

They do what those without a journal do, and stand in their place at the levels ``sites`` and ``stacks``; at ``counts``,
and where ``sites`` are timed, the recorder does it all. The numbers 8 and 48 are those of lifetrack.journal.format.
"""

from __future__ import annotations

from typing import Any

from lifetrack.instrument.templates import CONSTRUCTOR, RELEASE
from lifetrack.ledger.entries import Kind
from lifetrack.ledger.ledger import Ledger
from lifetrack.values.settings import Level, Settings

_TAIL = CONSTRUCTOR.index("    _lt_cls = _lt_type({first})")
_RECORD = """    _lt_cls = _lt_type({first})
    HOME
    if _lt_cls is _lt_class:
        _lt_kind = _lt_home
    else:
        try:
            _lt_kin = _lt_cls.__lifetrack_shape__ if _lt_type(_lt_cls) is _lt_meta else _lt_shape({first})
            _lt_kind = _lt_kin.kind if _lt_kin.cls is _lt_cls else _lt_shape({first}).kind
        except AttributeError:
            return _lt_acquire({first}, _lt_frame)
        BRIEF
    NUMBERED
    try:
        _lt_slot = _lt_take()
    except IndexError:
        _lt_slot = _lt_refill(_lt_kind)
    _lt_where = PLACE
    _lt_number = _lt_next(_lt_kind.numbers)
    WRITE
    _lt_entries[_lt_key] = [1, _lt_slot, TRACE, _lt_where, _lt_kind, MOMENT, None, None, None, None]
"""
# As in the templates, with the sites' numbers at hand. Another thread may change what is remembered meanwhile.
_LOOK = """_lt_code = _lt_frame.f_code
    _lt_same, _lt_known = _lt_last
    if _lt_same is not _lt_code:
        _lt_fresh = _lt_sites(_lt_code)
        if _lt_fresh is None:
            return UNSITED
        _lt_last = _lt_fresh
        _lt_known = _lt_fresh[1]
    _lt_at = _lt_frame.f_lasti
    _lt_site = _lt_known[_lt_at]
    if _lt_site is None:
        _lt_site = _lt_known[_lt_at] = _lt_located(_lt_code, _lt_at)"""
# Often it is the same stack as the last time, which the note on the frame above shows, see lifetrack.ledger.capture.
_STACK = """_lt_known = _lt_last
    _lt_above = _lt_frame.f_back
    if (_lt_above is None or _lt_above.f_trace is not _lt_known[0] or _lt_frame.f_lasti != _lt_known[1]
            or _lt_above.f_lasti != _lt_known[2] or _lt_frame.f_code is not _lt_known[3]):
        _lt_last = _lt_known = _lt_learned(_lt_frame, _lt_capture(_lt_frame), _lt_thread.who)
    _lt_trace = _lt_known[4]
    _lt_who = _lt_thread.who
    _lt_moment = _lt_clock(), _lt_who, _lt_task() if _lt_tasks else None"""
_THREAD = "_lt_known[7] if _lt_who is _lt_known[6] else _lt_threads[_lt_who]"
_PACKED = """_lt_pack(
            _lt_slot, 0, _lt_number, _lt_kind.noted, _lt_known[5], _lt_moment[0], {owner}, {thread},
            _lt_number)"""
_CONSTRUCTOR = CONSTRUCTOR[:_TAIL].replace("_lt_last = None", "_lt_last = _lt_nothing") + _RECORD
_CONSTRUCTOR_AT = {
    Level.SITES: {
        "LOOK": _LOOK.replace("UNSITED", "_lt_acquire({first}, _lt_frame)"),
        "AGAIN": """_lt_entry[2] = _lt_code
        _lt_entry[3] = _lt_at
        _lt_moved(_lt_entry)""",
        "BRIEF": "",
        "HOME": """if _lt_cls is _lt_class and not _lt_scoped:
        try:
            _lt_slot = _lt_take()
        except IndexError:
            _lt_slot = _lt_refill(_lt_home)
        _lt_number = _lt_next(_lt_numbers)
        _lt_pack(_lt_slot, 0, _lt_number, _lt_noted, _lt_site, _lt_clock(), _lt_number)
        _lt_entries[_lt_key] = [1, _lt_slot, _lt_code, _lt_at, None, _lt_home, None, None, None, None, None]
        return""",
        "NUMBERED": "",
        "WRITE": """if _lt_scoped:
        _lt_swept = _lt_names.swept
        _lt_pack_owned(
            _lt_slot, 0, _lt_number, _lt_kind.noted, _lt_site, _lt_clock(), _lt_owner(_lt_where), _lt_number)
        if _lt_names.swept is not _lt_swept:
            _lt_reowned(_lt_slot, _lt_where)
    else:
        _lt_pack(_lt_slot, 0, _lt_number, _lt_kind.noted, _lt_site, _lt_clock(), _lt_number)""",
        "TRACE": "_lt_code, _lt_at",
        "MOMENT": "None",
    },
    Level.STACKS: {
        "LOOK": "",
        "AGAIN": """_lt_entry[2] = _lt_capture(_lt_frame)
        _lt_entry[6] = _lt_clock(), _lt_thread.who, _lt_task() if _lt_tasks else None
        _lt_moved(_lt_entry)""",
        "BRIEF": """if _lt_frame.f_code is _lt_kin.constructor:
            _lt_entry = [
                1, _lt_next(_lt_kind.numbers), (_lt_frame.f_code, _lt_frame.f_lasti, None), None, PLACE, _lt_kind,
                (_lt_clock(), _lt_thread.who, _lt_task() if _lt_tasks else None), None, None, None, None]
            _lt_acquired(_lt_entry)
            _lt_entries[_lt_key] = _lt_entry
            return""",
        "HOME": "",
        "NUMBERED": _STACK,
        "WRITE": f"""if _lt_scoped:
        _lt_swept = _lt_names.swept
        {_PACKED.format(owner="_lt_owner(_lt_where)", thread=_THREAD)}
        if _lt_names.swept is not _lt_swept:
            _lt_reowned(_lt_slot, _lt_where)
    else:
        {_PACKED.format(owner="0", thread=_THREAD)}
    if _lt_moment[2] is not None:
        _lt_tasked(_lt_slot, _lt_moment[2])""",
        "TRACE": "_lt_trace, None",
        "MOMENT": "_lt_moment",
    },
}
_OVER = """if _lt_slot is _lt_scrap:
        _lt_unkept(_lt_entry)
    else:
        _lt_give(_lt_slot)"""
_RELEASE = RELEASE.replace("_lt_last = None", "_lt_last = _lt_nothing")
_RELEASE_AT = {
    Level.SITES: {
        "RECORD": f"""{_LOOK}
    _lt_entry[7] = _lt_code
    _lt_entry[8] = _lt_at
    _lt_slot = _lt_entry[1]
    _lt_slot[8] = _lt_site
    {_OVER}""".replace("UNSITED", "_lt_elsewhere(_lt_entry, {first}, _lt_name, _lt_frame, _lt_result)"),
    },
    Level.STACKS: {
        "RECORD": f"""{_STACK}
    _lt_entry[7] = _lt_trace
    _lt_entry[9] = _lt_moment
    _lt_slot = _lt_entry[1]
    _lt_end(_lt_slot, 48, _lt_moment[0], {_THREAD}, _lt_known[5])
    {_OVER}""",
    },
}
_PLACE = "_lt_place() if _lt_scoped else None"


def _filled(template: str, parts: dict[str, str]) -> str:
    for word, text in parts.items():
        template = template.replace(word, text)
    return template.replace("PLACE", _PLACE)


def is_journaled_slowly(ledger: Ledger, settings: Settings) -> bool:
    """Whether there is a journal and no template for it: the recorder does it all."""
    return ledger.journal is not None and (settings.level < Level.SITES or settings.timed)


def constructor_of(ledger: Ledger, level: Level, home: Kind) -> tuple[str, dict[str, Any]] | None:
    """Give the template of a constructor and the names it uses, where there is a journal at this level."""
    if ledger.journal is None or level < Level.SITES:
        return None
    level = min(level, Level.STACKS)
    return _filled(_CONSTRUCTOR, _CONSTRUCTOR_AT[level]), {
        **ledger.journal.acquiring(with_stacks=level == Level.STACKS),
        "noted": home.noted,
    }


def release_of(ledger: Ledger, level: Level) -> tuple[str, dict[str, Any]] | None:
    """As :func:`constructor_of`, for a release."""
    if ledger.journal is None or level < Level.SITES:
        return None
    level = min(level, Level.STACKS)
    return _filled(_RELEASE, _RELEASE_AT[level]), ledger.journal.releasing(with_stacks=level == Level.STACKS)
