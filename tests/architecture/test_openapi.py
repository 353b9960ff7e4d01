"""A change of the API is a change of docs/openapi.json, which a reader of the commit sees."""

from __future__ import annotations

import re

from jsonschema import Draft202012Validator

from tests.architecture.conftest import First, Walk, bearer
from tests.openapi import SNAPSHOT, as_text, document, operations


def test_the_committed_description_is_the_api_s_own() -> None:
    assert SNAPSHOT.read_text(encoding="utf-8") == as_text(document()), "run `make openapi` and look at what changed"


def test_each_operation_says_what_it_is_for() -> None:
    assert [name for name, operation in operations(document()) if not operation.get("summary")] == []


def test_answers_are_as_they_are_described(walk: Walk, first: First) -> None:
    described = document()
    headers = bearer(walk.settings, first.owner_id, first.account.user_id)
    wrong: dict[str, set[str]] = {}
    for route, path in walk.routes(reading=True):
        operation = described["paths"].get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), {}).get("get")
        content = operation["responses"]["200"]["content"] if operation else {}
        if "application/json" in content:
            schema = content["application/json"]["schema"] | {"components": described["components"]}
            answer = walk.answer(route.method, path, headers).get_json()
            faults = Draft202012Validator(schema).iter_errors(answer)
            said = {f"{[each for each in fault.path if isinstance(each, str)]}: {fault.message}" for fault in faults}
            if said:
                wrong[path] = said
    assert wrong == {}
