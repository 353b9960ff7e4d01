"""The catalogue of event types: complete, right in itself, and held to by whoever raises events."""

from __future__ import annotations

import ast
import re
import string
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.core import event_types
from app.core.db import Database
from app.core.event_types import EventBreaksItsType, EventType
from app.core.events import MOST_BYTES, EventTooLarge, canonical, emit
from app.core.ids import OPERATOR_ID, new_id
from pipelines.triggers import EVENT_TYPE
from tests.architecture.code import calls
from tests.events_page import PAGE, with_types

PROMISED = """
order.created order.submitted order.validating order.approved order.provisioning order.activating order.completed
order.failed order.cancelled service.activated service.activation_failed
lead.created lead.qualified quote.created quote.sent quote.accepted quote.rejected quote.expired
payment.received payment.failed payment.refunded invoice.created invoice.overdue
subscription.created subscription.activated subscription.expiring_soon subscription.extended subscription.expired
subscription.cancelled
customer.created license.issued license.revoked partner.commission_recorded
deployment.provisioned deployment.failed deployment.destroyed
ticket.created ticket.installation_approved ticket.sla_breached ticket.escalated
workflow.started workflow.waiting workflow.completed workflow.failed workflow.rolled_back
device.provisioned device.failed
"""

TYPES = event_types.listed()
each_type = pytest.mark.parametrize("of_type", TYPES, ids=[each.type for each in TYPES])


# --- the catalogue ------------------------------------------------------------------------------------------------------


def test_it_has_every_type_that_was_promised() -> None:
    assert set(PROMISED.split()) - {each.type for each in TYPES} == set()


@each_type
def test_a_type_is_described_by_a_json_schema(of_type: EventType) -> None:
    Draft202012Validator.check_schema(of_type.schema)
    assert of_type.meaning.endswith(".")
    assert EVENT_TYPE.fullmatch(of_type.type)


@each_type
def test_what_a_type_needs_and_is_about_are_properties_of_it(of_type: EventType) -> None:
    properties = of_type.schema["properties"].keys()
    named = {name for _, name, _, _ in string.Formatter().parse(of_type.subject) if name}
    assert set(of_type.schema["required"]) <= properties
    assert named
    assert named <= properties


@each_type
def test_other_names_mean_the_same_type(of_type: EventType) -> None:
    assert {canonical(name) for name in of_type.also_known_as} <= {of_type.type}
    assert all(EVENT_TYPE.fullmatch(name) for name in of_type.also_known_as)


def test_crm_and_billing_are_other_names_of_their_types() -> None:
    names = {name for each in TYPES for name in each.also_known_as}
    assert {"crm.lead.qualified", "crm.quote.accepted", "billing.payment.received", "billing.invoice.created"} <= names


def _raised() -> list[tuple[str, str]]:
    """Where the product raises an event, and what is written as its type: a pattern, where a part of it is computed."""
    found = []
    for path, call, called in calls():
        if called.rpartition(".")[2] != "emit" or len(call.args) < 2:
            continue
        match call.args[1]:
            case ast.Constant(value=str(name)):
                found.append((path, re.escape(name)))
            case ast.JoinedStr(values=parts):
                pattern = "".join(re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in parts)
                found.append((path, pattern))
    return found


def test_every_event_that_the_code_raises_is_in_it() -> None:
    raised = _raised()
    assert len(raised) > 10
    names = [each.type for each in TYPES]
    assert [(path, name) for path, name in raised if not any(re.fullmatch(name, each) for each in names)] == []


def test_the_page_has_the_table_of_all_types() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_types(text), "run `python -m tests.events_page`"


# --- held to by whoever raises ------------------------------------------------------------------------------------------

ORDER = {"order_id": 42, "order_number": "ORD-1", "status": "draft"}


def raised(database: Database, event_type: str, data: dict[str, Any], subject: str = "order/42") -> None:
    with database.transaction(OPERATOR_ID) as session:
        emit(session, event_type, subject, data)


def test_an_event_as_its_type_says_is_raised(database: Database) -> None:
    raised(database, "order.created", ORDER)


@pytest.mark.parametrize(
    ("event_type", "data", "subject", "why"),
    [
        ("order.created", {"order_id": 42, "order_number": "ORD-1"}, "order/42", "status"),
        ("order.created", ORDER | {"secret": "x"}, "order/42", "secret"),
        ("order.created", ORDER | {"order_id": "42"}, "order/42", "/data/order_id"),
        ("order.created", ORDER, "order/43", "subject"),
        ("order.compleated", ORDER, "order/42", "catalogue"),
        ("customer.created", {"customer_id": "7"}, "customer/7", "uuid"),
    ],
)
def test_one_that_is_not_is_a_fault_of_the_program(
    database: Database, event_type: str, data: dict[str, Any], subject: str, why: str
) -> None:
    with pytest.raises(EventBreaksItsType, match=why):
        raised(database, event_type, data, subject)


def test_types_of_others_are_theirs(database: Database) -> None:
    raised(database, "parcel.sent", {"anything": [1]}, f"parcel/{new_id()}")


def test_an_event_has_its_limits(database: Database) -> None:
    raised(database, "parcel.sent", {"text": "x" * (MOST_BYTES - 20)})
    with pytest.raises(EventTooLarge):
        raised(database, "parcel.sent", {"text": "x" * MOST_BYTES})


# --- what others may raise ----------------------------------------------------------------------------------------------


def test_from_outside_the_least_is_enough() -> None:
    assert event_types.faults("order.created", {"order_id": 42, "order_number": "ORD-1", "more": True}) == []


def test_from_outside_every_fault_is_said_with_its_place() -> None:
    found = event_types.faults("order.created", {"order_id": "42"})
    assert {fault.pointer for fault in found} == {"/data/order_id", "/data/order_number"}


def test_a_type_that_only_looks_like_one_is_refused_with_the_right_one() -> None:
    (fault,) = event_types.faults("order.compleated", {})
    assert fault.pointer == "/type"
    assert "order.completed" in fault.message


def test_a_subject_is_made_of_the_data() -> None:
    known = event_types.find("order.created")
    assert known is not None
    assert known.subject_of(ORDER) == "order/42"
    assert known.subject_of({}) is None
    assert known.subject_of({"order_id": None}) is None
