"""The source of the fast path: the wrappers of a constructor and of a synchronous release.

The whole recording is written out in them, because a call of ours would cost as much as what it does. Numbers are those
of lifetrack.ledger.entries: state 1 is live, 2 releasing, 3 released. Words in capitals are filled in by level. Objects
of subclasses without methods of their own find their shape on their class, unless its metaclass might run code then.
"""

from __future__ import annotations

from lifetrack.values.settings import Level

CONSTRUCTOR = """
_lt_last = None
def wrapper({declare}):
    nonlocal _lt_last
    try:
        _lt_original({call})
    except BaseException as _lt_error:
        _lt_failed({first}, _lt_error, _lt_caller(1), {arguments})
        raise
    if _lt_pending:
        _lt_drain()
    _lt_key = _lt_id({first})
    try:
        _lt_frame = _lt_getframe(1)
    except ValueError:  # called from C code, with no frame above
        _lt_frame = _lt_getframe()
    LOOK
    if _lt_key in _lt_entries:
        _lt_entry = _lt_entries[_lt_key]
        if _lt_entry[0] != 1 or _lt_entry[1] is None:
            return _lt_acquire({first}, _lt_frame)
        AGAIN
        return
    _lt_cls = _lt_type({first})
    if _lt_cls is _lt_class:
        _lt_entries[_lt_key] = [1, _lt_next(_lt_numbers), TRACE, PLACE, _lt_home, MOMENT, None, None, None, None]
        return
    try:
        _lt_kin = _lt_cls.__lifetrack_shape__ if _lt_type(_lt_cls) is _lt_meta else _lt_shape({first})
        _lt_kind = _lt_kin.kind if _lt_kin.cls is _lt_cls else _lt_shape({first}).kind
    except AttributeError:
        return _lt_acquire({first}, _lt_frame)
    BRIEF
    _lt_entries[_lt_key] = [1, _lt_next(_lt_kind.numbers), TRACE, PLACE, _lt_kind, MOMENT, None, None, None, None]
"""
_LOOK = """_lt_code = _lt_frame.f_code
    if _lt_code is not _lt_last:
        if _lt_files[_lt_code.co_filename] != _lt_user:
            return UNSITED
        _lt_last = _lt_code"""
# The constructor of a subclass is calling: when it ends it notes its own caller in place of this, so be brief.
_BRIEF = """if _lt_frame.f_code is _lt_kin.constructor:
        _lt_brief = (_lt_frame.f_code, _lt_frame.f_lasti, None)
        _lt_entries[_lt_key] = [
            1, _lt_next(_lt_kind.numbers), _lt_brief, None, PLACE, _lt_kind, MOMENT, None, None, None, None]
        return"""
# As moment() does, without the call; and as stamp() does.
_MOMENT = "(_lt_clock(), _lt_thread.who, _lt_task() if _lt_tasks else None)"
_STAMP = "(_lt_clock(), None, None)"
#: What stands for the words in capitals, by level.
CONSTRUCTOR_AT = {
    Level.COUNTS: {"LOOK": "", "AGAIN": "", "BRIEF": "", "TRACE": "None, None", "MOMENT": "None"},
    Level.SITES: {
        "LOOK": _LOOK.replace("UNSITED", "_lt_acquire({first}, _lt_frame)"),
        "AGAIN": """_lt_entry[2] = _lt_code
        _lt_entry[3] = _lt_frame.f_lasti""",
        "BRIEF": "",
        "TRACE": "_lt_code, _lt_frame.f_lasti",
        "MOMENT": "None",
    },
    Level.STACKS: {
        "LOOK": "",
        "AGAIN": """_lt_entry[2] = _lt_capture(_lt_frame)
        _lt_entry[6] = MOMENT""",
        "BRIEF": _BRIEF,
        "TRACE": "_lt_capture(_lt_frame), None",
        "MOMENT": _MOMENT,
    },
}
RELEASE = """
_lt_last = None
def wrapper({declare}):
    nonlocal _lt_last
    try:
        _lt_entry = _lt_entries[_lt_id({first})]
    except KeyError:
        _lt_unknown({first})
        return _lt_original({call})
    if _lt_entry[0] != 1:
        if _lt_entry[0] == 2 or not _lt_begins(_lt_entry, {first}, _lt_name, _lt_caller(1)):
            return _lt_original({call})
        _lt_entry[0] = 2
        try:
            _lt_result = _lt_original({call})
        except BaseException as _lt_error:
            _lt_failed(_lt_entry, _lt_error, _lt_caller(1))
            raise
        if _lt_result is not None and _lt_type(_lt_result) is _lt_coroutine:
            return _lt_awaited(_lt_entry, {first}, _lt_name, _lt_result)
        _lt_released(_lt_entry, {first}, _lt_name, _lt_caller(1))
        return _lt_result
    _lt_entry[0] = 2
    try:
        _lt_result = _lt_original({call})
    except BaseException as _lt_error:
        _lt_failed(_lt_entry, _lt_error, _lt_caller(1))
        raise
    if _lt_result is not None and _lt_type(_lt_result) is _lt_coroutine:
        return _lt_awaited(_lt_entry, {first}, _lt_name, _lt_result)
    _lt_cls = _lt_type({first})
    try:
        _lt_frame = _lt_getframe(1)
    except ValueError:  # called from C code, with no frame above
        _lt_frame = _lt_getframe()
    if _lt_cls is _lt_class:
        _lt_kin = _lt_home
        _lt_tomb = _lt_home.tombstone
    else:
        try:
            _lt_kin = _lt_cls.__lifetrack_shape__ if _lt_type(_lt_cls) is _lt_meta else _lt_home
            _lt_tomb = _lt_kin.tombstone if _lt_kin.cls is _lt_cls and _lt_kin.declaration is _lt_declared else None
        except AttributeError:
            _lt_tomb = None
    if _lt_tomb is None:
        _lt_released(_lt_entry, {first}, _lt_name, _lt_frame)
        return _lt_result
    RECORD
    _lt_entry[0] = 3
    if _lt_kin.plain:
        {first}.__class__ = _lt_tomb
    else:
        _lt_set_class({first}, _lt_tomb)
    return _lt_result
"""
RELEASE_AT = {
    Level.COUNTS: {"RECORD": ""},
    Level.SITES: {
        "RECORD": "LOOK\n    _lt_entry[7] = _lt_code\n    _lt_entry[8] = _lt_frame.f_lasti",
        "LOOK": _LOOK.replace("UNSITED", "_lt_elsewhere(_lt_entry, {first}, _lt_name, _lt_frame, _lt_result)"),
    },
    Level.STACKS: {
        "RECORD": "_lt_entry[7] = _lt_capture(_lt_frame)\n    _lt_entry[9] = MOMENT",
        "MOMENT": _MOMENT,
    },
}


#: The same where the times are wanted at level ``sites`` too.
CONSTRUCTOR_TIMED = CONSTRUCTOR_AT | {
    Level.SITES: CONSTRUCTOR_AT[Level.SITES] | {
        "AGAIN": CONSTRUCTOR_AT[Level.SITES]["AGAIN"] + f"\n        _lt_entry[6] = {_STAMP}",
        "MOMENT": _STAMP,
    },
}  # fmt: skip
RELEASE_TIMED = RELEASE_AT | {
    Level.SITES: RELEASE_AT[Level.SITES] | {
        "RECORD": RELEASE_AT[Level.SITES]["RECORD"] + f"\n    _lt_entry[9] = {_STAMP}",
    },
}  # fmt: skip


#: While no scope has ever been entered, there is no need to ask for the innermost one.
_PLACE = "_lt_place() if _lt_scoped else None"


def filled(template: str, parts: dict[Level, dict[str, str]], level: Level) -> str:
    """Put the parts for a level into a template."""
    for word, text in parts[min(level, Level.STACKS)].items():
        template = template.replace(word, text)
    return template.replace("PLACE", _PLACE)
