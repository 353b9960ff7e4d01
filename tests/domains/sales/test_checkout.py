"""The customer pays for a new order, where a payment gateway was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.core.world import World
from app.domains.sales import service as sales
from app.factory import build_world, create_app
from tests.domains.sales.conftest import Nowhere, slug

PUBLIC = "/api/public/orders"


@pytest.fixture(scope="session")
def paying_world(settings: Settings, world: World) -> Iterator[World]:
    """The application with a payment gateway chosen."""
    del world  # its database is seeded
    paying = build_world(replace(settings, payment_gateway="sandbox", resend_after=3600.0), sender=Nowhere())
    yield paying
    paying.close()


@pytest.fixture(scope="session")
def paying(paying_world: World) -> FlaskClient:
    return create_app(paying_world.settings, paying_world).test_client()


def document() -> dict[str, object]:
    wanted = slug()
    return {
        "customer_email": f"{wanted}@example.com",
        "customer_name": "John Smith",
        "company_name": "Example ISP Inc.",
        "organization_slug": wanted,
        "selected_services": [{"service_code": "subscriber-provisioning"}, {"service_code": "billing-invoicing"}],
    }


def placed(client: FlaskClient) -> dict[str, object]:
    answer = client.post(PUBLIC, json=document())
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.get_json()
    return found


def test_a_new_order_says_where_it_is_paid_for_and_there_what_is_due(paying: FlaskClient) -> None:
    order = placed(paying)
    path = urlsplit(str(order["checkout_url"])).path
    assert path == f"{PUBLIC}/{order['order_number']}/checkout"
    shown = paying.get(path).get_json()
    assert shown == {
        "order_number": order["order_number"],
        "status": "draft",
        "payment_status": "open",
        "amount": 348.0,
        "currency": "USD",
    }


def test_without_a_gateway_an_order_has_no_such_address(quiet_client: FlaskClient) -> None:
    order = placed(quiet_client)
    assert "checkout_url" not in order
    answer = quiet_client.get(f"{PUBLIC}/{order['order_number']}/checkout")
    assert (answer.status_code, answer.get_json()["detail"]) == (
        409,
        f"Nothing is to be paid for order {order['order_number']}.",
    )


def test_who_pays_starts_the_payment_and_it_is_started_once_for_a_key(paying: FlaskClient, paying_world: World) -> None:
    order = placed(paying)
    for _ in range(2):
        answer = paying.post(
            f"{PUBLIC}/{order['order_number']}/checkout",
            json={"payment_method": "pm_card_visa"},
            headers={"Idempotency-Key": f"pay-{order['order_number']}"},
        )
        assert answer.status_code == 202, answer.text
    with paying_world.database.transaction(OPERATOR_ID) as session:
        found = session.execute(
            text(
                "SELECT context FROM workflow_executions WHERE workflow_name = 'order_checkout' AND correlation_id = :number"
            ),
            {"number": order["order_number"]},
        ).scalars()
        assert list(found) == [{"order_id": order["id"], "payment_method": "pm_card_visa"}]


def test_an_order_that_there_is_not_is_not_paid_for(paying: FlaskClient) -> None:
    assert paying.post(f"{PUBLIC}/ORD-20260101-00000000/checkout", json={}).status_code == 404


def test_a_draft_that_changes_owes_what_it_costs_then_and_one_that_expires_owes_nothing(
    paying: FlaskClient, paying_world: World
) -> None:
    order = placed(paying)
    with paying_world.database.transaction(OPERATOR_ID) as session:
        sales.update_draft(
            session,
            order_id=int(str(order["id"])),
            changes={"selected_services": [{"service_code": "subscriber-provisioning", "quantity": 1}]},
        )
    path = f"{PUBLIC}/{order['order_number']}/checkout"
    assert paying.get(path).get_json()["amount"] == 99.0
    with paying_world.across.transaction() as session:
        session.execute(
            text("UPDATE orders SET created_at = now() - interval '99 days' WHERE id = :id"), {"id": order["id"]}
        )
    with paying_world.across.transaction() as session:
        assert sales.expire_drafts(session, days=90) >= 1
    assert paying.get(path).status_code == 409
