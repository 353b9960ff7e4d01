from __future__ import annotations

from typing import Any

import pytest

from pipelines.documents import MAX_BYTES, parse
from pipelines.errors import DefinitionError

JSON = '{"name": "a", "steps": [{"on": true, "n": 1.5, "i": -3, "z": null}]}'
YAML = """
name: a          # a comment
steps:
  - on: true
    n: 1.5
    i: -3
    z:
"""


def test_json_and_yaml_are_the_same_document():
    assert parse(JSON) == parse(YAML) == {"name": "a", "steps": [{"on": True, "n": 1.5, "i": -3, "z": None}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("010", 10),
        ("1e3", 1000.0),
        ("yes", "yes"),
        ("'1'", "1"),
        (".inf", ".inf"),
        ("1.2.0", "1.2.0"),
        ("~", None),
        ("[a, 1]", ["a", 1]),
        ("{a: {b: c}}", {"a": {"b": "c"}}),
        ("|\n  two\n  lines", "two\nlines"),
    ],
)
def test_plain_yaml_means_what_json_can_say(text: str, value: Any):
    assert parse(f"x: {text}") == {"x": value}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\na: 2", "line 2, column 1: the key 'a' stands twice"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("a: &x [1]\nb: *x", "anchors and aliases are not allowed"),
        ("b: *x", "anchors and aliases are not allowed"),
        ("a: !!python/object/apply:os.system [x]", "tag .* is not allowed"),
        ("a: !!binary aGk=", "tag .* is not allowed"),
        ("1: x", "a key has to be a string"),
        ("? [a]\n: x", "a key has to be a string"),
        ("a: 1e999", "not a number of JSON"),
        ('{"a": 1e999}', "too large a number"),
        ('{"a": NaN}', "NaN is not a number of JSON"),
        ('{"a": [1,]}', "line 1, column"),
        ("a: [1", "line 1, column 6"),
        ("a: b: c", "line 1, column 5"),
        ("a: \x00", "character that YAML does not allow"),
        ("[" * 20_000, "nested too deeply"),
        ('{"a":' * 20_000, "nested too deeply"),
        ("x" * (MAX_BYTES + 1), "larger than"),
        ("a: !!float x", "could not convert"),
    ],
)
def test_what_is_not_a_document_is_refused(text: str, complaint: str):
    with pytest.raises(DefinitionError, match=complaint):
        parse(text)
