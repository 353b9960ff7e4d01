"""Pure decisions about orders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.sales.rules import (
    EVENTS,
    PLACEHOLDER,
    SOURCES,
    UNDONE,
    Status,
    Work,
    email_fault,
    expand,
    failure_message,
    is_legal,
    percent_done,
    remaining_seconds,
)

MIGRATION = Path(__file__).parents[3] / "migrations/versions/0025_sales.py"


def activation(name: str, *depends_on: str) -> dict[str, Any]:
    return {"name": name, "type": "service_call", "depends_on": list(depends_on)}


DOCUMENT: dict[str, Any] = {
    "name": "order_to_activation",
    "steps": [
        {"name": "provision_deployment"},
        {"name": PLACEHOLDER, "type": "transform", "output": {}},
        {"name": "complete_order"},
        {"name": "send_welcome_email"},
        {"name": "notify_operations", "depends_on": ["complete_order"]},
    ],
}


def test_the_database_knows_the_same_transitions() -> None:
    in_database = set(re.findall(r"\('(\w+)', '(\w+)'\)", MIGRATION.read_text()))
    told = {(before, after) for after, befores in SOURCES.items() for before in befores} | {UNDONE}
    assert in_database == {(before.value, after.value) for before, after in told}


def test_what_is_over_stays_over() -> None:
    assert not any(is_legal(Status.ACTIVE, after) for after in Status)
    assert [after for after in Status if is_legal(Status.ACTIVE, after, undone=True)] == [Status.CANCELLED]
    assert not any(is_legal(Status.CANCELLED, after) for after in Status)
    assert [after for after in Status if is_legal(Status.FAILED, after)] == [Status.SUBMITTED, Status.CANCELLED]


def test_every_state_has_an_event() -> None:
    assert set(EVENTS) == set(Status)
    assert EVENTS[Status.ACTIVE] == "order.completed"


def test_activations_take_the_place_of_the_placeholder() -> None:
    expanded = expand(
        DOCUMENT,
        [activation("a"), activation("b", "a"), activation("c", "a"), activation("d", "b")],
        max_duration_seconds=60,
        rollback_on_failure=False,
    )
    assert {step["name"]: step["depends_on"] for step in expanded["steps"]} == {
        "provision_deployment": [],
        "a": ["provision_deployment"],
        "b": ["a"],
        "c": ["a"],
        "d": ["b"],
        "complete_order": ["c", "d"],
        "send_welcome_email": ["complete_order"],
        "notify_operations": ["complete_order"],
    }
    assert expanded["max_duration_seconds"] == 60
    assert expanded["rollback_on_failure"] is False
    assert DOCUMENT["steps"][2] == {"name": "complete_order"}


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=30))
def test_complete_order_waits_for_every_activation_whatever_the_graph(graph: list[list[int]]) -> None:
    steps = [
        activation(f"s{number}", *sorted({f"s{need % number}" for need in needs} if number else set()))
        for number, needs in enumerate(graph)
    ]
    expanded = {step["name"]: step["depends_on"] for step in expand(DOCUMENT, steps)["steps"]}
    reached, ahead = set(), ["complete_order"]
    while ahead:
        for name in expanded[ahead.pop()]:
            if name not in reached:
                reached.add(name)
                ahead.append(name)
    assert reached == {step["name"] for step in steps} | {"provision_deployment"}


def test_the_estimate_is_the_longest_path_of_what_is_left() -> None:
    works = [
        Work("a", (), finished=True),
        Work("b", ("a",), finished=False, running_seconds=3.0),
        Work("c", ("a",), finished=False),
        Work("d", ("b", "c"), finished=False),
    ]
    medians = {"b": 10.0, "c": 5.0, "d": 2.0}
    assert remaining_seconds(works, medians) == 9.0
    assert remaining_seconds(works, {"b": 10.0, "d": 2.0}) is None
    assert remaining_seconds([Work("b", (), finished=False, running_seconds=99.0)], medians) == 0.0
    assert remaining_seconds([], {}) == 0.0


def test_a_customer_reads_what_they_can_mend_and_no_operators_detail() -> None:
    assert failure_message("validate_order", "The subdomain “x” is taken.") == "The subdomain “x” is taken."
    assert "password" not in failure_message("provision_deployment", "psycopg: password authentication failed")
    assert "RADIUS AAA" in failure_message("activate_radius_aaa", "timeout", "RADIUS AAA")
    assert failure_message(None, None) == "Your order could not be completed."


@pytest.mark.parametrize("address", ["admin@example.com", "jörg@müller.de"])
def test_addresses_that_mail_can_go_to(address: str) -> None:
    assert email_fault(address) is None


@pytest.mark.parametrize(
    "address", ["", "admin", "a b@example.com", "a@localhost", "a@x.com, b@x.com", "a@b.com\nBcc: c@d.com"]
)
def test_addresses_that_no_mail_can_go_to(address: str) -> None:
    assert email_fault(address) is not None


@pytest.mark.parametrize(("done", "total", "percent"), [(0, 0, 0), (1, 3, 33), (2, 3, 66), (3, 3, 100)])
def test_percent_is_rounded_down(done: int, total: int, percent: int) -> None:
    assert percent_done(done, total) == percent
