"""Opening a ticket in a workflow, and its undo."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from app.core.errors import BusinessError
from app.core.ids import new_id
from app.domains.ticketing.operations import OPERATIONS
from app.domains.ticketing.service import Status
from pipelines.errors import StepFailed
from pipelines.operations import Effect
from tests.calls import DirectCall, perform
from tests.domains.ticketing.conftest import Desk

CREATE = OPERATIONS["ticketing_service.create_ticket"]


def create(desk: Desk, *, key: str = "key", **params: Any) -> tuple[dict[str, Any], list[Effect]]:
    """The step of that key; returns its output and its effects."""
    wanted = {
        "title": "New Customer Onboarding",
        "description": "Set up and call.",
        "customer_id": str(desk.customer.id),
    }
    with ExitStack() as stack:
        call = DirectCall(desk.world.database, desk.owner_id, idempotency_key=key, _stack=stack)
        output = CREATE.function(call, **CREATE.bind(wanted | params))
        assert output is not None
        return dict(output), call.effects


def test_a_ticket_is_opened_and_its_undo_closes_it(desk: Desk) -> None:
    output, (effect,) = create(desk, priority="high", assigned_team="onboarding_team", ticket_type="general_inquiry")
    assert output["ticket_id"] == effect.reference
    (ticket,) = desk.all()
    assert output == {
        "ticket_id": str(ticket.id),
        "ticket_number": ticket.ticket_number,
        "title": "New Customer Onboarding",
        "description": "Set up and call.",
        "customer_id": str(desk.customer.id),
        "origin_type": "customer",
        "target_type": "tenant",
        "priority": "high",
        "ticket_type": "general_inquiry",
        "status": "open",
        "assigned_team": "onboarding_team",
        "service_address": None,
        "sla_due_date": ticket.sla_due_date.isoformat(),
        "context": {"assigned_team": "onboarding_team", "routing": {"team": "onboarding_team"}},
        "created_at": ticket.created_at.isoformat(),
    }
    assert effect.undo is not None
    assert CREATE.undone_by is not None
    for _ in range(2):
        undone = perform(OPERATIONS[CREATE.undone_by], desk.world.database, desk.owner_id, **effect.undo).output
        assert undone is not None
        assert undone["status"] == "closed"
    assert [entry.type for entry in desk.history(ticket)] == ["created", "status_changed"]
    assert desk.history(ticket)[-1].data["reason"] == "What it was opened for was undone."


def test_what_is_resolved_is_closed_by_the_undo_as_well(desk: Desk) -> None:
    _, (effect,) = create(desk)
    (ticket,) = desk.all()
    desk.moved(ticket, Status.RESOLVED)
    perform(OPERATIONS["ticketing_service.close_ticket"], desk.world.database, desk.owner_id, **effect.undo or {})
    assert desk.read(ticket).status == "closed"


def test_the_system_writes_it(desk: Desk) -> None:
    create(desk)
    (ticket,) = desk.all()
    (message,) = desk.messages(ticket)
    assert ticket.created_by == message.author == "system@workflow"
    assert (message.body, message.author_type) == ("Set up and call.", "customer")


def test_another_attempt_of_the_step_finds_its_ticket(desk: Desk) -> None:
    (first, effects), (second, again) = (create(desk) for _ in range(2))
    assert (first, effects) == (second, again)
    other, _ = create(desk, key="another step")
    assert other["ticket_id"] != first["ticket_id"]


def test_a_number_from_a_script_is_a_customer_too(desk: Desk) -> None:
    output, _ = create(desk, customer_id=desk.customer.serial)
    assert output["customer_id"] == str(desk.customer.id)


def test_what_is_asked_for_is_kept(desk: Desk) -> None:
    asked = {
        "ticket_type": "installation_request",
        "service_address": "Hauptstr. 1, Berlin",
        "affected_services": ["radius-aaa"],
        "device_serial_numbers": ["SN1"],
        "tenant_id": str(desk.owner_id),
    }
    output, _ = create(desk, **asked)
    assert (output["service_address"], output["assigned_team"]) == ("Hauptstr. 1, Berlin", "field_ops")
    (ticket,) = desk.all()
    assert (ticket.affected_services, ticket.device_serial_numbers) == (["radius-aaa"], ["SN1"])


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"customer_id": "nobody"}, "Invalid customer_id: nobody"),
        ({"customer_id": 2**62}, f"Invalid customer_id: {2**62} (customer lookup failed)"),
        (
            {"priority": "asap"},
            "Failed to create ticket: The priority is one of low, normal, high, urgent, not “asap”.",
        ),
        ({"tenant_id": "nowhere"}, "Failed to create ticket: There is no tenant “nowhere”."),
    ],
)
def test_what_is_wrong_is_said_in_the_words_that_scripts_know(
    desk: Desk, params: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BusinessError) as refused:
        create(desk, **params)
    assert str(refused.value) == sentence
    assert refused.value.permanent
    assert desk.all() == []


def test_a_customer_of_that_id_who_is_not_there(desk: Desk) -> None:
    stranger = str(new_id())
    with pytest.raises(BusinessError) as refused:
        create(desk, customer_id=stranger)
    assert str(refused.value) == f"Invalid customer_id: {stranger} (customer lookup failed)"


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(StepFailed, match="customer_id"):
        CREATE.bind({"title": "a", "description": "b", "customer_id": None})
