"""Settings: what is right is taken in every form it has, and every error names the place and the mend."""

from __future__ import annotations

import dataclasses

import pytest

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Certainty
from lifetrack.values.settings import (
    DEFAULT_FRAMES,
    MAX_FRAMES,
    Level,
    Policy,
    Settings,
    parse_fail_on,
    parse_frames,
    parse_level,
    parse_policy,
    shown,
)


@pytest.mark.parametrize("word", ["off", "counts", "sites", "stacks", "full"])
def test_every_level_is_known_by_its_word(word):
    """A level is known by its word, in any case and with blanks around it, and gives its word back."""
    assert parse_level(word).word == word
    assert parse_level(f" {word.upper()} ") is parse_level(word)
    assert parse_level(parse_level(word)) is parse_level(word)


def test_levels_are_ordered():
    """Each level records more than the one before, so levels compare."""
    words = ["off", "counts", "sites", "stacks", "full"]
    assert sorted(Level, key=int) == [parse_level(word) for word in words]


@pytest.mark.parametrize("bad", ["", "stack", "2", 2, True, None, b"sites", Certainty.PROVEN])
def test_an_unknown_level_names_the_known_ones(bad):
    """What is no level is refused, with what was given and the list of levels."""
    with pytest.raises(ConfigurationError) as caught:
        parse_level(bad)
    assert str(caught.value) == f"unknown level {shown(bad)}: use one of off, counts, sites, stacks, full"


@pytest.mark.parametrize("word", ["raise", "warn", "record"])
def test_a_policy_of_one_word_serves_every_rule(word):
    """One word is the policy of all rules."""
    policy = parse_policy(word)
    assert (policy["LT101"], policy["LT202"], policy.rules) == (word, word, {})


def test_a_policy_by_rule_falls_back_to_the_star():
    """A mapping gives a rule its own policy and all others that of the star."""
    policy = parse_policy({"LT202": "record", "*": "raise"})
    assert (policy["LT202"], policy["LT201"]) == ("record", "raise")


def test_a_policy_without_a_star_falls_back_to_the_default():
    """Rules that a mapping does not name have the default policy, which the caller may set."""
    assert parse_policy({"LT202": "record"})["LT201"] == "warn"
    assert parse_policy({"LT202": "record"}, default="raise")["LT201"] == "raise"
    assert parse_policy({})["LT101"] == "warn"


@pytest.mark.parametrize("text", ["LT202=record,*=raise", " LT202 = record , * = raise "])
def test_the_text_form_says_the_same(text):
    """The form for command lines and environment is read as the mapping is."""
    assert parse_policy(text) == Policy("raise", {"LT202": "record"})


def test_a_policy_is_taken_as_it_is():
    """A Policy made before passes through."""
    policy = Policy("record", {"LT101": "raise"})
    assert parse_policy(policy) is policy


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("shout", "unknown policy 'shout': use one of raise, warn, record"),
        ("", "unknown policy '': use one of raise, warn, record"),
        ({"LT202": "shout"}, "unknown policy 'shout' for LT202: use one of raise, warn, record"),
        ({"*": "shout"}, "unknown policy 'shout' for '*': use one of raise, warn, record"),
        ({"LT202": None}, "unknown policy None for LT202: use one of raise, warn, record"),
        ({"LT999": "warn"}, "unknown rule 'LT999' in the policy: 'lifetrack rules' lists them"),
        ({202: "warn"}, "unknown rule 202 in the policy: 'lifetrack rules' lists them"),
        ("LT202=record,raise", "policy 'raise' is not RULE=POLICY: write for example LT202=record,*=raise"),
        ("LT202=", "unknown policy '' for LT202: use one of raise, warn, record"),
        ("=raise", "unknown rule '' in the policy: 'lifetrack rules' lists them"),
        (None, "a policy is a word or a mapping of rules to words, not NoneType"),
        (7, "a policy is a word or a mapping of rules to words, not int"),
        (["raise"], "a policy is a word or a mapping of rules to words, not list"),
    ],
)
def test_a_bad_policy_names_the_place_and_the_mend(bad, message):
    """What is wrong with a policy is said with its rule and with what may stand there."""
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(bad)
    assert str(caught.value) == message


@pytest.mark.parametrize("word", [["raise"], {"a": 1}])
def test_a_policy_word_that_cannot_be_hashed_is_refused_alike(word):
    """A list in the place of a word is the same clear error, not a TypeError."""
    with pytest.raises(ConfigurationError, match="for LT101: use one of raise, warn, record"):
        parse_policy({"LT101": word})


def test_the_mapping_is_copied():
    """Changing the mapping afterwards does not change the policy."""
    choice = {"LT202": "record"}
    policy = parse_policy(choice)
    choice["LT202"] = "raise"
    assert policy["LT202"] == "record"


@pytest.mark.parametrize("frames", [1, 2, 16, MAX_FRAMES])
def test_a_number_of_frames_is_taken(frames):
    """Every whole number from 1 to the most is a length of stacks."""
    assert parse_frames(frames) == frames


@pytest.mark.parametrize("bad", [0, -1, MAX_FRAMES + 1, 1.0, "16", None, True, [1]])
def test_a_bad_number_of_frames_names_the_range(bad):
    """All else is refused, and the range is named."""
    with pytest.raises(ConfigurationError) as caught:
        parse_frames(bad)
    assert str(caught.value) == f"frames={shown(bad)}: use a whole number from 1 to 256"


@pytest.mark.parametrize("certainty", list(Certainty))
def test_fail_on_takes_each_certainty(certainty):
    """A certainty is known by its word, in any case, and by itself."""
    assert parse_fail_on(certainty.word) is certainty
    assert parse_fail_on(certainty.word.upper()) is certainty
    assert parse_fail_on(certainty) is certainty


@pytest.mark.parametrize("never", ["never", " NEVER ", None])
def test_fail_on_takes_never(never):
    """With ``never`` no finding is a failure."""
    assert parse_fail_on(never) is None


@pytest.mark.parametrize("bad", ["always", "", 3, True, Level.SITES])
def test_a_bad_fail_on_names_the_known_ones(bad):
    """What is no certainty is refused with the list of them, ``never`` among them."""
    with pytest.raises(ConfigurationError) as caught:
        parse_fail_on(bad)
    assert str(caught.value) == f"unknown certainty {shown(bad)}: use one of hint, suspected, proven, never"


def test_a_configuration_error_is_a_value_error_without_a_cause_of_ours():
    """The user sees one error, which is also a ValueError, with nothing of our insides chained to it."""
    with pytest.raises(ValueError, match="unknown certainty") as caught:
        parse_fail_on("often")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_settings_have_the_documented_defaults_and_stay_as_they_are():
    """The defaults are stacks of 16 frames and warnings; settings do not change."""
    settings = Settings()
    assert (settings.level, settings.policy["LT101"], settings.frames) == (Level.STACKS, "warn", DEFAULT_FRAMES)
    assert DEFAULT_FRAMES == 16
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.frames = 3


def test_settings_work_alike_without_assertions(run_python):
    """Checking does not depend on ``assert``: under ``python -O`` a bad level is refused too."""
    program = (
        "from lifetrack.values.settings import parse_level\n"
        "try:\n    parse_level('loud')\nexcept ValueError as error:\n    print(error)\n"
    )
    assert run_python(program, python_flags=["-O"]).stdout.startswith("unknown level 'loud'")


class _Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("a repr that raises")


@pytest.mark.parametrize(
    "wrong",
    [lambda value: parse_level(value), lambda value: parse_policy({value: "warn"}), lambda value: parse_frames(value)],
)
def test_a_value_whose_repr_raises_is_one_clear_error(wrong) -> None:
    """Of what is no word or number only the type is named."""
    with pytest.raises(ConfigurationError, match="of type _Hostile"):
        wrong(_Hostile())
