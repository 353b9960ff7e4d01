"""License keys: `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`, the last two characters of which check the others.

The characters are the numbers 0 to 30, and a key is a word of a Reed-Solomon code over the field of 31 elements: the
sum of its numbers, and the sum of each times its place, are both 0. If two characters at places i and j are wrong by e
and f, then e + f = 0 and i*e + j*f = 0, hence (i - j)*e = 0; places differ by less than 31, which is prime, so e = 0.
Any one or two wrong characters are therefore found, and with them every swap of two, neighbours or not.
"""

from __future__ import annotations

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 characters, a prime number of them: without 0 and O, and 1, I and L, which are read as each other."""

GROUPS, GROUP_LENGTH = 5, 5
LENGTH = GROUPS * GROUP_LENGTH
RANDOM_LENGTH = LENGTH - 2
"""Characters of a key that are random: 113 bits."""

_NUMBERS = {character: number for number, character in enumerate(ALPHABET)}
_ORDER = len(ALPHABET)


def completed(random_part: str) -> str:
    """The key that begins with these RANDOM_LENGTH characters of ALPHABET: checked, and grouped by hyphens."""
    if len(random_part) != RANDOM_LENGTH or not _NUMBERS.keys() >= set(random_part):
        message = f"a key begins with {RANDOM_LENGTH} characters of its alphabet"
        raise ValueError(message)
    plain, weighted = _sums(random_part)
    # the last two, a and b, solve plain + a + b = 0 and weighted + (LENGTH - 1) * a + LENGTH * b = 0
    last = ((LENGTH - 1) * plain - weighted) % _ORDER
    last_but_one = (-plain - last) % _ORDER
    return _grouped(random_part + ALPHABET[last_but_one] + ALPHABET[last])


def normalised(typed: str) -> str | None:
    """The key that somebody typed, in small letters, with blanks or without hyphens; None for what cannot be one."""
    characters = "".join(typed.split()).replace("-", "").upper()
    if len(characters) != LENGTH or not _NUMBERS.keys() >= set(characters) or _sums(characters) != (0, 0):
        return None
    return _grouped(characters)


def _sums(characters: str) -> tuple[int, int]:
    """The sum of the numbers, and of each times its place, the first being 1."""
    numbers = [_NUMBERS[character] for character in characters]
    return sum(numbers) % _ORDER, sum(place * number for place, number in enumerate(numbers, start=1)) % _ORDER


def _grouped(characters: str) -> str:
    return "-".join(characters[start : start + GROUP_LENGTH] for start in range(0, LENGTH, GROUP_LENGTH))
