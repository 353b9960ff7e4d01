"""Events that outside systems raise, by HTTP: what they start and wake, and what of them is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.core import event_types
from app.core.events import MOST_BYTES, publish_batch
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.domains.workflows import service
from app.factory import create_app
from app.http.principal import Principal
from app.http.tokens import Tokens
from tests.domains.workflows import test_waiting
from tests.domains.workflows.lab import Lab
from tests.domains.workflows.test_attacks import beside
from tests.domains.workflows.test_waiting import begun, executions_of, hand_on, output, triggered, wait
from tests.servers import Json, prepared

lab = test_waiting.lab

EVENTS = "/api/v1/events"
LEAD = "0190c2f5-0000-7000-8000-000000000001"


@pytest.fixture(scope="session")
def waiting_settings(worker_id: str) -> Settings:
    """A database which no loop looks at."""
    return replace(prepared(f"turnup_inbound_{worker_id}", 15), resend_after=5.0, check_events=False)


@dataclass(frozen=True)
class Outside:
    """An outside system with a token of the lab's tenant."""

    lab: Lab
    client: FlaskClient
    user_id: UUID = field(default_factory=new_id)

    def send(
        self, *, permissions: frozenset[str] = frozenset({"event.publish"}), headers: Json | None = None, **event: Any
    ) -> TestResponse:
        principal = Principal(
            user_id=self.user_id, owner_id=self.lab.owner, email="crm@example.com", roles=(), permissions=permissions
        )
        token = Tokens(self.lab.world.settings).issue(principal)
        return self.client.post(EVENTS, json=event, headers={"Authorization": f"Bearer {token}", **(headers or {})})

    def raised(self, **event: Any) -> Json:
        """The same, and the event as it was raised."""
        answer = self.send(**event)
        assert answer.status_code == 202, answer.text
        document: Json = answer.get_json()
        return document

    def refused(self, **event: Any) -> dict[str, str]:
        """What was said to be wrong, by its place."""
        answer = self.send(**event)
        assert answer.status_code == 422, answer.text
        return {fault["pointer"]: fault["message"] for fault in answer.get_json()["errors"]}

    def kept(self) -> int:
        with self.lab.world.database.transaction(self.lab.owner) as session:
            return int(session.execute(text("SELECT count(*) FROM outbox")).scalar_one())


@pytest.fixture
def outside(lab: Lab) -> Outside:
    return Outside(lab, create_app(lab.world.settings, lab.world).test_client())


# --- what it does -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["lead.qualified", "crm.lead.qualified"])
@pytest.mark.parametrize("heard", ["lead.qualified", "crm.lead.qualified"])
def test_it_starts_what_it_triggers_under_either_name(lab: Lab, outside: Outside, said: str, heard: str) -> None:
    name = triggered(lab, triggers=[{"event": heard, "context": {"lead": "${event.data.lead_id}"}}])
    outside.raised(type=said, data={"lead_id": LEAD})
    hand_on(lab)
    assert [(each.context, each.state) for each in executions_of(lab, name)] == [({"lead": LEAD}, "completed")]


def test_it_wakes_what_waits_for_it(lab: Lab, outside: Outside) -> None:
    execution_id = begun(lab, [wait(event="billing.payment.received", match="event.data.order_id == 42")])
    outside.raised(type="payment.received", data={"order_id": 41, "amount": "9.00", "currency": "EUR"})
    outside.raised(type="payment.received", data={"order_id": 42, "amount": "9.00", "currency": "EUR"})
    hand_on(lab)
    assert output(lab, execution_id, "w")["event"]["data"]["order_id"] == 42


def test_it_is_published_as_a_cloud_event_that_says_who_raised_it(lab: Lab, outside: Outside) -> None:
    answered = outside.raised(type="parcel.sent", source="https://parcels.example/7", data={"weight": 1.5})
    published: list[Json] = []
    with lab.world.across.transaction() as session:
        while publish_batch(session, published.extend):
            pass
    assert answered in published
    assert answered["source"] == "https://parcels.example/7"
    assert answered["tenantid"] == str(lab.owner)
    assert answered["data"] == {"weight": 1.5}


def test_a_trigger_can_tell_who_raised_it(lab: Lab, outside: Outside) -> None:
    name = triggered(lab, triggers=[{"event": "parcel.sent", "when": "event.source == '/acme'"}])
    outside.raised(type="parcel.sent", source="/other")
    outside.raised(type="parcel.sent", source="/acme")
    hand_on(lab)
    assert len(executions_of(lab, name)) == 1


def test_it_is_about_whom_its_type_says(outside: Outside) -> None:
    assert outside.raised(type="lead.qualified", data={"lead_id": LEAD})["subject"] == f"lead/{LEAD}"
    assert outside.raised(type="parcel.sent")["subject"] == "parcel.sent"
    assert outside.raised(type="parcel.sent", subject="parcel/7")["subject"] == "parcel/7"


def test_a_whole_cloud_event_is_taken(lab: Lab, outside: Outside) -> None:
    told = outside.raised(
        specversion="1.0",
        id="A-1",
        source="/acme",
        type="parcel.sent",
        subject="parcel/7",
        time="2026-03-01T12:00:00+01:00",
        datacontenttype="application/json",
        tenantid=str(lab.owner),
        data={},
        headers={"Content-Type": "application/cloudevents+json"},
    )
    assert told["type"] == "parcel.sent"


def test_who_raised_it_is_in_the_audit_log(lab: Lab, outside: Outside) -> None:
    told = outside.raised(type="parcel.sent", source="/acme")
    with lab.world.database.transaction(lab.owner) as session:
        query = text("SELECT action, after FROM audit_log WHERE object = :object")
        found = session.execute(query, {"object": f"event/{told['id']}"}).one()
    assert found == ("event.raised", {"type": "parcel.sent", "source": "/acme"})


# --- once ---------------------------------------------------------------------------------------------------------------


def test_an_id_of_a_source_is_one_event_however_often_it_is_sent(lab: Lab, outside: Outside) -> None:
    name = triggered(lab, triggers=[{"event": "parcel.sent"}])
    first = outside.raised(type="parcel.sent", source="/acme", id="A-1", data={"n": 1})
    hand_on(lab)
    assert outside.raised(type="parcel.sent", source="/acme", id="A-1", data={"n": 1}) == first
    hand_on(lab)
    assert len(executions_of(lab, name)) == 1


def test_an_id_is_a_sources_own_and_a_tenants_own(lab: Lab, outside: Outside) -> None:
    ids = {outside.raised(type="parcel.sent", source=source, id="A-1")["id"] for source in ("/acme", "/other")}
    assert len(ids) == 2


def test_another_event_under_a_known_id_is_refused(outside: Outside) -> None:
    outside.raised(type="parcel.sent", source="/acme", id="A-1", data={"n": 1})
    answer = outside.send(type="parcel.sent", source="/acme", id="A-1", data={"n": 2})
    assert answer.status_code == 409
    assert answer.get_json()["errors"][0]["pointer"] == "/id"


def test_a_repeated_request_raises_nothing_twice(outside: Outside) -> None:
    key = {"Idempotency-Key": str(new_id())}
    before = outside.kept()
    first = outside.send(type="parcel.sent", headers=key)
    again = outside.send(type="parcel.sent", headers=key)
    assert (first.status_code, again.status_code, again.get_json()) == (202, 202, first.get_json())
    assert outside.kept() == before + 1


# --- what is refused ----------------------------------------------------------------------------------------------------


def test_data_that_are_not_as_the_type_says_are_refused_with_every_place(outside: Outside) -> None:
    assert outside.refused(type="order.created", data={"order_id": "42"}).keys() == {
        "/data/order_id",
        "/data/order_number",
    }


def test_a_type_that_only_looks_like_one_is_refused_with_the_right_one(outside: Outside) -> None:
    assert "quote.accepted" in outside.refused(type="quote.acepted")["/type"]


@pytest.mark.parametrize("event_type", ["", "quote", "Quote.Accepted", "crm.quote", "a.b.c.d", "quote.accepted!", 7])
def test_what_is_no_type_is_refused(outside: Outside, event_type: Any) -> None:
    assert "/type" in outside.refused(type=event_type)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("specversion", "0.3"),
        ("datacontenttype", "text/xml"),
        ("source", "/turnup"),
        ("source", "/turnup/sales"),
        ("source", "a b"),
        ("subject", ""),
        ("id", ""),
        ("data", []),
        ("time", "yesterday"),
        ("colour", "red"),
    ],
)
def test_what_is_no_cloud_event_is_refused_by_its_place(outside: Outside, field: str, value: Any) -> None:
    before = outside.kept()
    assert outside.refused(**{"type": "parcel.sent", field: value}).keys() == {f"/{field}"}
    assert outside.kept() == before


def test_data_that_no_bus_need_take_are_refused(outside: Outside) -> None:
    assert outside.refused(type="parcel.sent", data={"text": "x" * MOST_BYTES}).keys() == {"/data"}


def test_an_event_of_another_tenant_is_not_raised(outside: Outside) -> None:
    assert outside.send(type="parcel.sent", tenantid=str(OPERATOR_ID)).status_code == 404


def test_it_needs_the_permission(outside: Outside) -> None:
    assert outside.send(type="parcel.sent", permissions=frozenset({"workflow:execute"})).status_code == 403


# --- the catalogue ------------------------------------------------------------------------------------------------------


def test_everybody_may_read_which_events_there_are(client: FlaskClient) -> None:
    shown = client.get(f"{EVENTS}/types").get_json()
    assert [each["type"] for each in shown] == [each.type for each in event_types.listed()]
    qualified = next(each for each in shown if each["type"] == "lead.qualified")
    assert qualified["also_known_as"] == ["crm.lead.qualified"]
    assert qualified["schema"]["required"] == ["lead_id"]


def test_one_type_by_either_name(client: FlaskClient) -> None:
    for name in ("payment.received", "billing.payment.received"):
        assert client.get(f"{EVENTS}/types/{name}").get_json()["type"] == "payment.received"
    assert client.get(f"{EVENTS}/types/nothing.happened").status_code == 404


def test_what_is_raised_twice_at_the_same_time_is_one_event(lab: Lab) -> None:
    event: Json = {"event_type": "parcel.sent", "data": {}, "source": "/acme", "event_id": "A-1"}
    ids: list[str] = []

    def raise_it() -> None:
        with lab.world.database.transaction(lab.owner) as session:
            ids.append(service.raise_event(session, **event)["id"])

    with lab.world.database.transaction(lab.owner) as session:
        ids.append(service.raise_event(session, **event)["id"])
        second = beside(lab, raise_it)
    second.join()
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_a_definition_that_listens_for_what_nothing_raises_is_warned_of(lab: Lab) -> None:
    document = {
        "name": "listens",
        "version": "1.0.0",
        "triggers": [{"event": "crm.lead.qualifed"}, {"event": "lead.qualified"}],
        "steps": [{"name": "w", "type": "wait", "event": "order.compleated"}, wait("own", event="parcel.sent")],
    }
    with lab.world.database.transaction(lab.owner) as session:
        faults, warnings = service.validate_document(session, document=document)
    assert faults == []
    assert {warning.pointer: warning.message for warning in warnings} == {
        "/triggers/0/event": "There is no event lead.qualifed. Did you mean lead.qualified?",
        "/steps/0/event": "There is no event order.compleated. Did you mean order.completed?",
    }
