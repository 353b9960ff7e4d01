"""Partners over HTTP: for staff, and for who acts for a partner."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.domains.partners import service
from app.http.principal import Principal
from app.http.tokens import Tokens
from tests.domains.tenants.accounts import make_account

PARTNERS = "/api/v1/partners"


@pytest.fixture
def staff(headers):
    return headers("partner.*", "commission.*", "license.allocate")


@pytest.fixture
def own(trade):
    return f"{PARTNERS}/{trade.partner_id}"


@pytest.fixture
def member(world, settings, trade):
    """Headers of a user who acts for the partner, with the role that partners' users have."""
    user_id = make_account(world, "partner", owner_id=trade.owner_id).user_id
    with trade.session() as session:
        service.add_member(session, partner_id=trade.partner_id, user_id=user_id)
    principal = Principal(
        user_id, trade.owner_id, "p@example.com", permissions=frozenset({"partner.use", "license.allocate"})
    )
    return {"Authorization": f"Bearer {Tokens(settings).issue(principal)}"}


def test_a_partner_is_made_once_per_idempotency_key(client, staff, trade):
    body = {"code": "edge", "name": "Edge", "email": "sales@edge.example.com", "branding": {"primary_color": "#AABBCC"}}
    once = {**staff, "Idempotency-Key": str(new_id())}
    first, second = (client.post(PARTNERS, json=body, headers=once) for _ in range(2))
    assert (first.status_code, first.json) == (201, second.json)
    assert (first.json["status"], first.json["branding"]) == ("active", {"primary_color": "#aabbcc"})
    shown = client.get(first.headers["Location"], headers=staff)
    assert (shown.status_code, shown.json["customer_count"]) == (200, 0)
    taken = client.post(PARTNERS, json=body, headers=staff)
    assert (taken.status_code, taken.json["code"]) == (409, "partner-code-taken")


def test_partners_are_listed_by_status_and_part_of_their_names(client, staff, trade, own):
    other = trade.new_partner("zenith")
    assert client.post(f"{own}/deactivate", json={"reason": "test"}, headers=staff).status_code == 200

    def found(**query):
        return [each["id"] for each in client.get(PARTNERS, query_string=query, headers=staff).json]

    assert found() == [str(other), str(trade.partner_id)]
    assert found(status="inactive") == [str(trade.partner_id)]
    assert found(q="ENITH") == [str(other)]
    assert found(q="sales@acme.example.com") == [str(other), str(trade.partner_id)]
    assert found(q="%") == []
    first = client.get(PARTNERS, query_string={"limit": 1}, headers=staff)
    rest = client.get(PARTNERS, query_string={"limit": 1, "cursor": first.headers["X-Next-Cursor"]}, headers=staff)
    assert [each["code"] for each in first.json + rest.json] == ["zenith", "acme"]


def test_a_change_is_refused_to_who_read_an_earlier_version(client, staff, own):
    tag = client.get(own, headers=staff).headers["ETag"]
    changed = client.patch(own, json={"name": "Acme Ltd"}, headers={**staff, "If-Match": tag})
    assert (changed.status_code, changed.json["name"], changed.json["code"]) == (200, "Acme Ltd", "acme")
    assert changed.headers["ETag"] != tag
    assert client.patch(own, json={"name": "x"}, headers={**staff, "If-Match": tag}).status_code == 412
    assert client.post(f"{own}/deactivate", json={"reason": "test"}, headers=staff).json["status"] == "inactive"
    assert client.post(f"{own}/activate", headers=staff).json["status"] == "active"


def test_who_acts_for_a_partner_reaches_it_and_no_other(client, staff, member, trade, own):
    trade.agree()
    commission = trade.record(order_id=1, base_amount=Decimal(100))
    allocation = trade.allocate(trade.customer())
    other = trade.new_partner("other")
    read = ("", "/license-pools", "/quota", "/allocations", "/agreements", "/commissions")
    deeper = (f"/allocations/{allocation.id}", f"/commissions/{commission.id}")
    for path in (*read, *deeper):
        assert client.get(own + path, headers=member).status_code == 200, path
        assert client.get(f"{PARTNERS}/{other}{path}", headers=member).status_code == 404, path
    assert client.get(PARTNERS, headers=member).status_code == 403
    for method, path in (("PATCH", ""), ("PUT", "/license-pools"), ("POST", "/agreements"), ("POST", "/commissions")):
        assert client.open(own + path, method=method, json={}, headers=member).status_code == 403, path


def test_users_come_to_act_for_a_partner_and_go(client, staff, world, trade, own):
    user_id = str(make_account(world, "partner", owner_id=trade.owner_id).user_id)
    address = f"{own}/members/{user_id}"
    for _ in range(2):
        assert client.put(address, headers=staff).json["user_id"] == user_id
    assert [each["user_id"] for each in client.get(f"{own}/members", headers=staff).json] == [user_id]
    for _ in range(2):
        assert client.delete(address, headers=staff).status_code == 204
    assert client.get(f"{own}/members", headers=staff).json == []
    assert client.put(f"{own}/members/{new_id()}", headers=staff).status_code == 404


def test_licenses_are_pooled_given_out_and_returned(client, staff, trade, own):
    priced = {"license_template_id": "standard", "total": 3, "unit_price": 9.9, "currency": "USD"}
    pool = client.put(f"{own}/license-pools", json=priced, headers=staff)
    assert (pool.status_code, pool.json["total"], pool.json["available"]) == (200, 3, 3)
    assert '"unit_price": 9.90' in pool.text
    assert client.get(f"{own}/license-pools/{pool.json['id']}", headers=staff).json == pool.json
    body = {"customer_id": str(trade.customer()), "license_count": 2}
    once = {**staff, "Idempotency-Key": str(new_id())}
    made, again = (client.post(f"{own}/allocations", json=body, headers=once) for _ in range(2))
    assert (made.status_code, made.json) == (201, again.json)
    assert len(made.json["licenses"]) == 2
    quota = client.get(f"{own}/quota?requested=2", headers=staff).json
    assert quota == {"total": 3, "allocated": 2, "available": 1, "requested": 2, "sufficient": False}
    short = client.post(f"{own}/allocations", json=body, headers=staff)
    assert (short.status_code, short.json["code"]) == (409, "license-pool-exhausted")
    assert "total 3, used 2, available 1, requested 2" in short.json["detail"]
    less = client.put(f"{own}/license-pools", json=priced | {"total": 1}, headers=staff)
    assert (less.status_code, less.json["code"]) == (409, "license-pool-below-allocated")
    address = made.headers["Location"]
    assert client.get(address, headers=staff).json == made.json
    for _ in range(2):
        returned = client.post(f"{address}/return", headers=staff)
        assert (returned.status_code, returned.json["status"]) == (200, "returned")
    assert client.get(f"{own}/quota", headers=staff).json["allocated"] == 0
    assert [each["status"] for each in client.get(f"{own}/allocations", headers=staff).json] == ["returned"]


def test_who_acts_for_a_partner_gives_licenses_to_its_own_customers_only(client, member, trade, own):
    body = {"customer_id": str(trade.customer()), "license_count": 1}
    assert client.post(f"{own}/allocations", json=body, headers=member).status_code == 201
    body["customer_id"] = str(trade.customer(partner_id=trade.new_partner("other")))
    refused = client.post(f"{own}/allocations", json=body, headers=member)
    assert (refused.status_code, refused.json["code"]) == (409, "customer-of-another-partner")


def test_commissions_are_agreed_recorded_and_paid_once(client, staff, trade, own):
    terms = {
        "kind": "tiered",
        "currency": "USD",
        "tiers": [{"from_amount": 0, "rate": 5}, {"from_amount": 1000, "rate": 10}],
    }
    agreed = client.post(f"{own}/agreements", json=terms, headers=staff)
    assert (agreed.status_code, agreed.json["applies_to"], agreed.json["valid_until"]) == (201, "both", None)
    assert client.get(agreed.headers["Location"], headers=staff).json["tiers"] == terms["tiers"]
    overlapping = client.post(f"{own}/agreements", json=terms, headers=staff)
    assert (overlapping.status_code, overlapping.json["code"]) == (409, "partner-agreements-overlap")
    sale = {"order_id": 42, "base_amount": 2000, "currency": "USD"}
    made, again = (client.post(f"{own}/commissions", json=sale, headers=staff) for _ in range(2))
    assert (made.status_code, made.json) == (201, again.json)
    assert '"amount": 150.00' in made.text
    address = made.headers["Location"]
    paid = client.post(f"{address}/pay", json={"reference": "SEPA 1"}, headers=staff)
    assert (paid.status_code, paid.json["status"]) == (200, "paid")
    for verb, body in (("pay", {"reference": "SEPA 2"}), ("void", {"reason": "test"})):
        refused = client.post(f"{address}/{verb}", json=body, headers=staff)
        assert (refused.status_code, refused.json["code"]) == (409, "commission-state-forbids")
    other = client.post(f"{own}/commissions", json=sale | {"order_id": 43}, headers=staff)
    gone = client.post(f"{other.headers['Location']}/void", json={"reason": "test"}, headers=staff)
    assert (gone.status_code, gone.json["status"], gone.json["void_reason"]) == (200, "void", "test")
    for status, order_id in (("paid", 42), ("void", 43)):
        listed = client.get(f"{own}/commissions", query_string={"status": status}, headers=staff).json
        assert [each["order_id"] for each in listed] == [order_id]
    ended = client.post(f"{agreed.headers['Location']}/end", json={}, headers=staff)
    assert (ended.status_code, ended.json["valid_until"] is None) == (200, False)
    nothing = client.post(f"{own}/commissions", json=sale | {"order_id": 44}, headers=staff)
    assert (nothing.status_code, nothing.json["code"]) == (409, "commission-not-due")


def test_a_customer_is_asked_for_by_an_event(client, member, trade, own):
    with trade.session() as session:
        brand = {"company_name": "Acme", "primary_color": "#aabbcc"}
        service.update_partner(session, partner_id=trade.partner_id, changes={"branding": brand})
    body = {
        "customer_data": {"name": "Ada", "email": "ada@example.com"},
        "license_count": 2,
        "white_label_config": {"company_name": "Ada's", "custom_domain": "ada.example.com"},
        "base_amount": 99.9,
        "currency": "USD",
    }
    once = {**member, "Idempotency-Key": str(new_id())}
    asked, again = (client.post(f"{own}/customer-requests", json=body, headers=once) for _ in range(2))
    assert (asked.status_code, asked.json) == (202, again.json)
    with trade.session() as session:
        (event,) = session.scalars(select(OutboxEvent).where(OutboxEvent.type == "partner.customer_requested"))
    assert (str(event.id), event.subject) == (asked.json["event_id"], f"partner/{trade.partner_id}")
    assert event.data == {
        "partner_id": str(trade.partner_id),
        "customer_data": body["customer_data"],
        "license_count": 2,
        "license_template_id": None,
        "white_label_config": {
            "company_name": "Ada's",
            "primary_color": "#aabbcc",
            "custom_domain": "ada.example.com",
        },
        "commission": {"base_amount": "99.9", "currency": "USD"},
    }
    assert (trade.count("customers"), trade.quota().allocated) == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"license_count": 21}, "license-pool-exhausted"),
        ({"customer_data": {"name": "Ada", "email": "taken@example.com"}}, "customer-exists"),
        ({"license_template_id": "unknown"}, "license-template-not-found"),
        ({"customer_data": {"name": "Ada"}}, "invalid"),
        ({"base_amount": 1}, "invalid"),
    ],
)
def test_what_cannot_come_true_is_not_asked_for(client, member, trade, own, wrong, code):
    trade.customer(email="taken@example.com")
    body = {"customer_data": {"name": "Ada", "email": "ada@example.com"}, "license_count": 1}
    refused = client.post(f"{own}/customer-requests", json=body | wrong, headers=member)
    assert refused.json["code"] == code
    assert trade.count("outbox WHERE type = 'partner.customer_requested'") == 0


def test_a_partner_that_is_not_active_asks_for_nobody(client, staff, member, own):
    client.post(f"{own}/deactivate", json={"reason": "test"}, headers=staff)
    body = {"customer_data": {"name": "Ada", "email": "ada@example.com"}, "license_count": 1}
    refused = client.post(f"{own}/customer-requests", json=body, headers=member)
    assert (refused.status_code, refused.json["code"]) == (409, "partner-inactive")


@pytest.mark.parametrize(
    ("path", "wrong", "pointer"),
    [
        ("", {"code": "No Code", "name": "x", "email": "x@example.com"}, "/code"),
        ("", {"code": "x", "name": "x", "email": "x@example.com", "branding": {"logo_url": "x"}}, "/branding/logo_url"),
        ("", {"code": "x", "name": "x", "email": "x@example.com", "owner_id": str(OPERATOR_ID)}, "/owner_id"),
    ],
)
def test_what_is_wrong_is_named(client, staff, path, wrong, pointer):
    refused = client.post(PARTNERS + path, json=wrong, headers=staff)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_permissions_and_other_owners(client, token_for, headers, trade, own):
    elsewhere = {"Authorization": f"Bearer {token_for('*')}"}
    assert client.get(own, headers=elsewhere).status_code == 404
    assert client.get(own, headers=headers("partner.read")).status_code == 403
    assert client.post(PARTNERS, json={}, headers=headers("partner.read")).status_code == 403
    assert client.get(PARTNERS).status_code == 401
    nobody = client.get(f"{PARTNERS}/{new_id()}", headers=headers("partner.*"))
    assert (nobody.status_code, nobody.json["code"]) == (404, "partner-not-found")
