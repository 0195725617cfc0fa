"""Every kind of class, in the plainest use: what a guard refuses, what it lets through, what it tells."""

from __future__ import annotations

import pytest

from lifetrack.values.errors import DoubleReleaseError, LeakWarning, UseAfterReleaseError
from tests.guards.zoo import CALLS


def line_of(finding, word):
    """Give the line of the last event of this name, which must be in this file."""
    event = [event for event in finding.events if event.event == word][-1]
    assert event.stack[0].file == __file__
    return event.stack[0].line


def guarded(kind):
    if kind.unguarded:
        pytest.skip(kind.unguarded)


def test_a_live_object_is_of_its_plain_type(declared, kind):
    """Nothing of ours stands between a live object and its class."""
    cls = declared()
    obj = cls(*kind.arguments)
    assert type(obj) is cls
    assert isinstance(obj, cls)
    assert obj.use() == "used"
    assert obj.close() == "closed"
    assert CALLS == ["use", "close"]


def test_use_after_release_is_refused_with_all_three_places(declared, kind, here):
    """A method of a released object raises, does not run, and the error names acquisition, release and use."""
    guarded(kind)
    cls = declared()
    acquired, obj = here(), cls(*kind.arguments)
    released, _ = here(), obj.close()
    with pytest.raises(UseAfterReleaseError) as caught:
        used, _ = here(), obj.use()
    used = here() - 1
    finding = caught.value.finding
    assert finding.rule == "LT201"
    assert (finding.site.file, finding.site.line) == (__file__, acquired)
    assert [line_of(finding, word) for word in ("acquired", "released", "used")] == [acquired, released, used]
    assert CALLS == ["close"]


def test_double_release_is_refused_with_both_places(declared, kind, here):
    """A second release raises, does not run, and the error names both."""
    guarded(kind)
    cls = declared()
    obj = cls(*kind.arguments)
    first, _ = here(), obj.close()
    with pytest.raises(DoubleReleaseError) as caught:
        obj.close()
    second = here() - 1
    finding = caught.value.finding
    assert finding.rule == "LT202"
    releases = [event.stack[0].line for event in finding.events if event.event == "released"]
    assert releases == [first, second]
    assert CALLS == ["close"]


def test_what_one_asks_of_a_released_object_keeps_working(declared, kind):
    """Attributes, properties, isinstance, hash, equality and repr give what they gave before the release."""
    cls = declared()
    obj = cls(*kind.arguments)

    def asked():
        answers = []
        for question in (repr, str, hash, bool, lambda o: o == o, lambda o: isinstance(o, cls), lambda o: o.__class__):
            try:
                answers.append(question(obj))
            except Exception as error:  # the specimen's own refusal counts as its answer
                answers.append((type(error), str(error)))
        return answers

    before = asked()
    obj.close()
    after = asked()
    assert after[2:] == before[2:]
    if kind.named:  # a file or socket of its own says in its repr that it is closed
        assert after == before
    assert obj.size == 3
    if kind.named:
        assert obj.name == "specimen" or obj.name == "name"


def test_under_record_the_program_goes_on(declared, kind, tracker):
    """Policy record files the misuse and lets every call run and return its value."""
    guarded(kind)
    cls = declared("record")
    obj = cls(*kind.arguments)
    obj.close()
    assert obj.use() == "used"
    assert CALLS == ["close", "use"]
    assert [finding.rule for finding in tracker.report().findings] == ["LT201"]


def test_under_warn_the_line_of_the_use_is_named(declared, kind, here):
    """Policy warn shows a LeakWarning at the line of the misuse, and the call runs."""
    guarded(kind)
    cls = declared("warn")
    obj = cls(*kind.arguments)
    obj.close()
    with pytest.warns(LeakWarning, match="LT201") as shown:
        assert obj.use() == "used"
    assert [(item.filename, item.lineno) for item in shown] == [(__file__, here() - 1)]


def test_guard_all_refuses_properties_too(declared, kind):
    """With guard="all" a property of a released object is a use."""
    guarded(kind)
    cls = declared(guard="all")
    obj = cls(*kind.arguments)
    assert obj.size == 3
    obj.close()
    with pytest.raises(UseAfterReleaseError):
        _ = obj.size


def test_guard_all_refuses_plain_attributes_too(declared, kind):
    """With guard="all" an attribute of a released object is a use."""
    guarded(kind)
    if not kind.named:
        pytest.skip("this kind has no plain attribute")
    cls = declared(guard="all")
    obj = cls(*kind.arguments)
    _ = obj.name
    obj.close()
    with pytest.raises(UseAfterReleaseError):
        _ = obj.name


def test_a_method_named_in_after_release_stays_legitimate(declared, kind):
    """What the declaration names may be called on a released object."""
    cls = declared(after_release=("use",))
    obj = cls(*kind.arguments)
    obj.close()
    assert obj.use() == "used"


def test_an_idempotent_release_may_be_repeated(declared, kind, tracker):
    """A class declared idempotent may be released twice; the second call runs too."""
    cls = declared(idempotent=True)
    obj = cls(*kind.arguments)
    assert obj.close() == "closed"
    assert obj.close() == "closed"
    assert tracker.report().findings == ()
