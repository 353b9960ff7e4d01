"""A change of the API is a change of docs/openapi.json, which a reader of the commit sees."""

from __future__ import annotations

from tests.openapi import SNAPSHOT, as_text, document, operations


def test_the_committed_description_is_the_api_s_own() -> None:
    assert SNAPSHOT.read_text(encoding="utf-8") == as_text(document()), "run `make openapi` and look at what changed"


def test_each_operation_says_what_it_is_for() -> None:
    assert [name for name, operation in operations(document()) if not operation.get("summary")] == []
