"""A tenant with rows in every table, made the way the product makes them: what nobody else may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app.adapters.payments.sandbox import Sandbox
from app.core.clock import utc_now
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.billing import service as billing
from app.domains.communications import service as communications
from app.domains.crm import service as crm
from app.domains.customers import service as customers
from app.domains.deployments import service as deployments
from app.domains.licensing import service as licensing
from app.domains.notifications import service as notifications
from app.domains.partners import service as partners
from app.domains.sales.service import Order
from app.domains.tenants import service as tenants
from app.domains.ticketing import service as ticketing
from app.domains.workflows import service as workflows
from app.factory import build_world, create_app
from app.http.models import LoginAttempt
from app.http.principal import Principal
from app.http.routes import PUBLIC, Route, declared
from app.http.tokens import Tokens
from tests.domains.sales.conftest import Nowhere, Shop, new_order, open_shop
from tests.domains.tenants.accounts import Account, make_account

ALL_SERVICES = (
    "subscriber-provisioning",
    "billing-invoicing",
    "radius-aaa",
    "network-monitoring",
    "analytics-reporting",
    "automation-workflows",
)


PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# the account of the caller itself, whatever it is
OWN = {"GET /api/v1/auth/me", "POST /api/v1/auth/password"}


@dataclass(frozen=True)
class First:
    """The tenant whose rows they are, and what they are called by in addresses."""

    shop: Shop
    account: Account
    order: Order
    workflow_id: int

    @property
    def owner_id(self) -> UUID:
        return self.shop.owner_id


@dataclass(frozen=True)
class Walk:
    """Every route that asks for a token, with the first tenant's names in its address."""

    http: FlaskClient
    settings: Settings
    names: dict[str, str]

    def routes(self, *, reading: bool) -> Iterator[tuple[Route, str]]:
        for path, route in declared(self.http.application):
            asks = route is not None and route.needs is not PUBLIC and f"{route.method} {path}" not in OWN
            if route and asks and (route.method == "GET") is reading:
                yield route, path

    def answer(self, method: str, path: str, headers: dict[str, str]) -> TestResponse:
        names = self.names
        if "activation-workflows" in path:
            names = names | {"workflow_id": names["activation-workflows"]}
        address = PARAMETER.sub(lambda match: names[match[1]], path)
        return self.http.open(address, method=method, headers=headers, json=None if method == "GET" else {})


@pytest.fixture(scope="session")
def quiet(settings: Settings, world: World) -> Iterator[World]:
    """A world whose messages go nowhere."""
    quiet = build_world(replace(settings, resend_after=3600.0), sender=Nowhere())
    yield quiet
    quiet.close()


@pytest.fixture(scope="session")
def http(quiet: World) -> FlaskClient:
    """The API over it."""
    return create_app(quiet.settings, quiet).test_client()


@pytest.fixture(scope="session")
def first(quiet: World, http: FlaskClient) -> First:
    """The first tenant: its order is active, all services are, and each room has kept something of it."""
    shop = open_shop(quiet)
    account = make_account(quiet, "sales", owner_id=shop.owner_id)
    with quiet.across.transaction() as session:
        identity = tenants.authenticate(session, email=account.email, password=account.password)
        assert identity is not None
        tenants.open_session(session, identity=identity, days=1)
    with shop.session() as session:
        communications.seed(session)
        communications.make_secret_link(session, secret=quiet.vault.seal(session, "a test", "hush"))
        notifications.create_team(
            session, code="own", name="Own", members=[account.user_id], channels=["json://127.0.0.1:9"]
        )
        notifications.notify_team(session, team="own", title="Something", message="happened.", key="own")
        customer = customers.create_customer(
            session,
            new=customers.NewCustomer(
                email=account.email,
                name="Somebody",
                addresses=[customers.NewAddress(kind="service", line1="Hauptstr. 1", city="Berlin", country="DE")],
            ),
        )
        window = {"name": "Own", "weekdays": ["sat"], "starts_at": time(2), "duration_minutes": 60}
        deployments.create_window(session, fields=window)
        deployments.schedule_deployment(session, order_id=1, key="own")
        licensing.seed(session)
        licensing.issue_license(session, customer_id=customer.id, key="own", template="standard")
        billing.seed(session)
        subscribed = billing.create_subscription(session, customer_id=customer.id, plan="standard", key="own")
        billing.start_subscription(session, subscription_id=subscribed.id)
        billing.extend_subscription(session, subscription_id=subscribed.id, quote_id=new_id())
        billing.add_method(session, customer_id=customer.id, reference="pm_card_visa")
        ticketing.seed(session)
        asked = ticketing.NewTicket(title="Something", description="is wrong.", customer=customer.id)
        ticketing.create_ticket(session, new=asked, key="own", by=ticketing.SYSTEM)
        make_partner(session, member_id=account.user_id)
        make_lead(session)
        workflow = workflows.create_workflow(
            session,
            document={
                "name": "own",
                "triggers": [{"event": "never.happens"}],
                "steps": [{"name": "say", "type": "transform", "output": {"said": 1}}],
            },
        )
        session.add(LoginAttempt(bucket="0" * 32, at=utc_now()))
    make_payment(quiet, shop, subscription_id=subscribed.id)
    order = shop.submitted(selected_services=[{"service_code": code, "quantity": 1} for code in ALL_SERVICES])
    shop.run(order)
    active = shop.order(order.id)
    with shop.session() as session:
        filters = {"workflow": "order_to_activation"}
        workflows.create_bulk(session, verb="retry", filters=filters, created_by="somebody", permissions=[])
    assert active.status == "active"
    assert active.tenant_id is not None
    with shop.session() as session:
        activation.set_up_monitoring(
            session, tenant_id=active.tenant_id, address="http://127.0.0.1:9", is_up=True, response_seconds=0.1
        )
    placed = http.post(
        "/api/v1/orders",
        json=_body(shop),
        headers=bearer(quiet.settings, shop.owner_id, account.user_id) | {"Idempotency-Key": str(new_id())},
    )
    assert placed.status_code == 201, placed.get_json()
    with shop.session() as session:
        waiting = workflows.start(session, workflow="own", context={}, trigger_type="manual", begin=False)
        workflows.signal(session, execution_id=waiting, name="early")
        workflows.switch_off(session, reason="nothing more is to start")
    return First(shop, account, active, workflow.id)


@pytest.fixture(scope="session")
def walk(http: FlaskClient, settings: Settings, first: First) -> Walk:
    """What the first tenant's rows are called in addresses, by the parameter's name."""

    def one(query: str) -> str:
        with first.shop.session() as session:
            return str(session.execute(text(query)).scalars().first())

    names = {
        "order_id": str(first.order.id),
        "execution_id": str(first.order.execution_id),
        "tenant_id": str(first.order.tenant_id),
        "user_id": str(first.account.user_id),
        "customer_id": one("SELECT id FROM customers"),
        "plan_id": one("SELECT id FROM plans"),
        "invoice_id": one("SELECT id FROM invoices"),
        "payable_id": one("SELECT id FROM payables"),
        "payment_id": one("SELECT id FROM payments"),
        "method_id": one("SELECT id FROM payment_methods"),
        "subscription_id": one("SELECT id FROM subscriptions WHERE customer_id IS NOT NULL"),
        "license_id": one("SELECT id FROM licenses"),
        "license_template_id": one("SELECT id FROM license_templates"),
        "lead_id": one("SELECT id FROM leads"),
        "quote_id": one("SELECT id FROM quotes"),
        "survey_id": one("SELECT id FROM site_surveys"),
        "partner_id": one("SELECT id FROM partners"),
        "agreement_id": one("SELECT id FROM partner_agreements"),
        "commission_id": one("SELECT id FROM commissions"),
        "license_pool_id": one("SELECT id FROM license_pools"),
        "allocation_id": one("SELECT id FROM license_allocations"),
        "ticket_id": one("SELECT id FROM tickets"),
        "priority": "high",
        "template_id": one("SELECT id FROM deployment_templates"),
        "instance_id": one("SELECT id FROM deployment_instances"),
        "maintenance_window_id": one("SELECT id FROM maintenance_windows"),
        "scheduled_deployment_id": one("SELECT id FROM scheduled_deployments"),
        "workflow_id": str(first.workflow_id),
        "activation-workflows": one("SELECT id FROM activation_workflows"),
        "bulk_id": one("SELECT id FROM bulk_operations"),
        "trigger_id": one("SELECT id FROM workflow_triggers WHERE owner_id IS NOT NULL"),
        "code": one("SELECT code FROM packages"),
        "service_code": one("SELECT code FROM services"),
        "message_template_id": one("SELECT id FROM message_templates"),
        "message_id": one("SELECT id FROM messages"),
        "team_id": one("SELECT id FROM teams WHERE code = 'own'"),
        "notification_id": one("SELECT id FROM notification_recipients"),
        "currency": "USD",
        "name": "own",
    }
    return Walk(http, settings, names)


@pytest.fixture
def second(world: World) -> UUID:
    """Another tenant."""
    return make_account(world, "sales").owner_id


def bearer(settings: Settings, owner_id: UUID, user_id: UUID | None = None) -> dict[str, str]:
    """Headers of a user of that tenant who may do everything."""
    principal = Principal(user_id or new_id(), owner_id, "anybody@example.com", permissions=frozenset({"*"}))
    return {"Authorization": f"Bearer {Tokens(settings).issue(principal)}"}


def make_payment(world: World, shop: Shop, *, subscription_id: UUID) -> None:
    """An invoice that was paid, a part of which went back, and what the gateway told of it."""
    with shop.session() as session:
        subscription = billing.lock_subscription(session, subscription_id=subscription_id)
        start, end = subscription.current_period_start, subscription.current_period_end
        invoice = billing.bill_period(session, subscription=subscription, period_start=start, period_end=end)
        payable = billing.find_payable(session, source_type="invoice", source_id=str(invoice.id))
    assert payable is not None
    paid = billing.take_payment(world, owner_id=shop.owner_id, payable_id=payable.id, requested_by="own")
    billing.give_back(
        world, owner_id=shop.owner_id, payment_id=paid.id, requested_by="own", amount=Decimal(1), reason="It rained."
    )
    sandbox = Sandbox(world.settings)
    payload, headers = sandbox.signed_event("charge.dispute.created", paid.reference or "")
    assert billing.receive_event(world, gateway_name=sandbox.name, payload=payload, headers=headers)


def make_lead(session: Session) -> None:
    """A lead with a quote that it has accepted, and a survey of its place."""
    fields = {
        "email": f"{new_id().hex}@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "company_name": "Engines Ltd",
        "wanted_products": [{"product_code": "starter", "quantity": 1}],
    }
    lead_id = crm.create_lead(session, fields=fields).id
    crm.qualify_lead(session, lead_id=lead_id, key="own")
    quote = crm.generate_quote(session, lead_id=lead_id, key="own")
    crm.accept_quote(session, quote_id=quote.id, key="own")
    address = {"line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}
    crm.request_survey(session, lead_id=lead_id, fields={"address": address})


def make_partner(session: Session, *, member_id: UUID) -> None:
    """A partner with everything that one may have."""
    partner_id = partners.create_partner(session, fields={"code": "own", "name": "Own", "email": "own@example.com"}).id
    partners.add_member(session, partner_id=partner_id, user_id=member_id)
    partners.put_pool(session, partner_id=partner_id, template="standard", fields={"total": 1})
    terms = partners.Terms(kind="fixed", currency="USD", amount=Decimal(1))
    partners.create_agreement(session, partner_id=partner_id, terms=terms)
    data = {"name": "Whose", "email": f"{new_id().hex}@example.com"}
    customer = partners.create_customer(session, partner=partner_id, customer_data=data, key="own")
    partners.allocate_licenses(session, partner=partner_id, customer_id=customer.id, license_count=1, key="theirs")
    partners.record_commission(session, partner=partner_id, sale=partners.Sale(customer_id=customer.id), key="own")


def _body(shop: Shop) -> dict[str, Any]:
    new = new_order(deployment_template_id=shop.template_id("none"))
    names = ("customer_email", "customer_name", "company_name", "organization_slug", "deployment_region")
    chosen = {"selected_services": list(new.selected_services), "deployment_template_id": new.deployment_template_id}
    return {name: getattr(new, name) for name in names} | {
        key: str(value) if isinstance(value, UUID) else value for key, value in chosen.items()
    }
