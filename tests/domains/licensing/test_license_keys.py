"""License keys find what was mistyped."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domains.licensing.rules.keys import ALPHABET, LENGTH, RANDOM_LENGTH, completed, normalised

license_keys = st.text(ALPHABET, min_size=RANDOM_LENGTH, max_size=RANDOM_LENGTH).map(completed)
places = st.integers(0, LENGTH - 1)


def plain(license_key: str) -> list[str]:
    return list(license_key.replace("-", ""))


@given(license_keys)
def test_a_key_is_five_groups_of_five_and_is_itself(license_key):
    assert [len(group) for group in license_key.split("-")] == [5] * 5
    assert normalised(license_key) == license_key


@given(
    license_keys, st.sampled_from([str.lower, lambda key: key.replace("-", ""), lambda key: f" {key[:8]} {key[8:]}\n"])
)
def test_blanks_hyphens_and_small_letters_do_not_matter(license_key, typed):
    assert normalised(typed(license_key)) == license_key


@given(license_keys, places, st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_found(license_key, place, wrong):
    characters = plain(license_key)
    assume(characters[place] != wrong)
    characters[place] = wrong
    assert normalised("".join(characters)) is None


@given(license_keys, places, places)
def test_every_swap_of_two_characters_is_found(license_key, one, other):
    characters = plain(license_key)
    assume(characters[one] != characters[other])
    characters[one], characters[other] = characters[other], characters[one]
    assert normalised("".join(characters)) is None


def test_no_wrong_character_and_no_swap_of_neighbours_is_missed_in_a_whole_key():
    right = plain(completed("TURNUP2345ABCDEFGHJKMNP"))
    for place in range(LENGTH):
        for wrong in ALPHABET.replace(right[place], ""):
            assert normalised("".join([*right[:place], wrong, *right[place + 1 :]])) is None
    for place in range(1, LENGTH):
        swapped = [*right[: place - 1], right[place], right[place - 1], *right[place + 1 :]]
        assert swapped == right or normalised("".join(swapped)) is None


@given(license_keys, places, places, st.sampled_from(ALPHABET), st.sampled_from(ALPHABET))
def test_any_two_wrong_characters_are_found(license_key, one, other, first, second):
    characters = plain(license_key)
    characters[one], characters[other] = first, second
    assume(characters != plain(license_key))
    assert normalised("".join(characters)) is None


@pytest.mark.parametrize("typed", ["", "ABCDE", "O" * LENGTH, "é" * LENGTH, "\x00", "2" * (LENGTH + 1)])
def test_what_is_no_key_is_none(typed):
    assert normalised(typed) is None


@given(st.text(max_size=60))
def test_anything_may_be_typed(typed):
    assert normalised(typed) is None or len(normalised(typed)) == LENGTH + 4


def test_no_two_characters_look_alike():
    assert len(set(ALPHABET)) == len(ALPHABET) == 31
    assert not set("01OIL") & set(ALPHABET)


@pytest.mark.parametrize("wrong", ["", "A" * (RANDOM_LENGTH - 1), "0" * RANDOM_LENGTH])
def test_a_key_is_made_of_its_alphabet_only(wrong):
    with pytest.raises(ValueError, match="begins with"):
        completed(wrong)
