"""The tenant that sells, and what its customers do: they subscribe, cancel, renew, and have their cards replaced."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.billing import service as billing
from app.domains.catalog.models import TaxRate
from app.domains.crm import service as crm
from app.domains.customers import service as customers
from app.domains.licensing import service as licensing
from app.domains.tenants import service as tenants
from app.domains.workflows import service as workflows
from soak.contracts import (
    COUNTRIES,
    CURRENCIES,
    PRICES,
    RECOVERS_AFTER_DAYS,
    ZONE,
    Contract,
    Cycle,
    plan_code,
    price_of,
)
from soak.expected import NOTICE_DAYS, month_after

GOOD_CARD = "pm_card_visa"
OTHER_CARD = "pm_card_mastercard"
SERVICE_HOUR = time(2, tzinfo=UTC)

SIGN_UP = "soak_sign_up"
DEFINITION: dict[str, Any] = {
    "name": SIGN_UP,
    "version": "1.0.0",
    "description": "A customer subscribes, and is billed once the service runs.",
    "input": {
        "customer_id": {"type": "string", "required": True},
        "plan_id": {"type": "string", "required": True},
        "start_date": {"type": "string", "required": True},
        "service_at": {"type": "string", "required": True},
        "trial_days": {"type": "integer"},
        "quantity": {"type": "integer"},
    },
    "steps": [
        {
            "name": "create_subscription",
            "type": "service_call",
            "service": "billing_service",
            "method": "create_subscription",
            "params": {
                name: f"${{{name}}}" for name in ("customer_id", "plan_id", "start_date", "trial_days", "quantity")
            },
        },
        {"name": "wait_for_service", "type": "wait", "until": "${service_at}"},
        {
            "name": "activate_service",
            "type": "service_call",
            "service": "billing_service",
            "method": "activate_service",
            "params": {"subscription_id": "${subscription_id}"},
        },
    ],
}


@dataclass
class Customer:
    """Somebody with a contract: their row, what they pay by, and the execution by which they subscribed."""

    contract: Contract
    customer_id: UUID
    method_id: UUID
    execution_id: int


@dataclass
class Seller:
    """Sells to these contracts' customers, as a tenant of its own."""

    world: World
    contracts: list[Contract]
    owner_id: UUID = field(init=False)
    customers: dict[int, Customer] = field(default_factory=dict)
    _agenda: dict[date, list[Contract]] = field(default_factory=dict)

    def open(self) -> None:
        """Make the tenant with its taxes, plans and the workflow by which people subscribe."""
        with self.world.database.transaction(OPERATOR_ID) as session:
            slug = f"soak-{new_id().hex[-12:]}"
            tenant = tenants.create_tenant(session, name="Soak", slug=slug, settings={"time_zone": ZONE})
            self.owner_id = tenant.id
        with self._transaction() as session:
            session.add_all(TaxRate(country=country, rate=rate) for country, rate in COUNTRIES.items())
            for plan in PRICES:
                _make_plan(session, plan, Cycle.MONTHLY, renews_itself=False)
                for renews_itself in (True, False):
                    _make_plan(session, plan, Cycle.ANNUAL, renews_itself=renews_itself)
            # who pays gets a license of the standard template
            licensing.seed(session)
            workflows.create_workflow(session, document=DEFINITION)
        for contract in self.contracts:
            for day in self._days_of(contract):
                self._agenda.setdefault(day, []).append(contract)

    def days(self) -> set[date]:
        """The days on which customers do something, or on which it matters that beat does."""
        return set(self._agenda)

    def act(self, day: date) -> bool:
        """Let the customers do what they do on a day; whether there was anything."""
        acting = self._agenda.get(day, ())
        for contract in acting:
            if day == contract.first_day:
                self._sign_up(contract)
            if day == contract.cancelled_on:
                self._cancel(contract)
            if day == _fails_on(contract):
                self._replace_card(contract, contract.trouble.card if contract.trouble else GOOD_CARD)
            if day == _renewed_on(contract):
                self._renew(contract)
            if day == _recovers_on(contract):
                self._replace_card(contract, OTHER_CARD)
        return bool(acting)

    def subscription_of(self, session: Session, contract: Contract) -> UUID:
        """The subscription that the customer's execution has made."""
        execution_id = self.customers[contract.number].execution_id
        found = session.execute(
            text(
                "SELECT output_data ->> 'subscription_id' FROM workflow_steps "
                "WHERE execution_id = :execution AND step_name = 'create_subscription'"
            ),
            {"execution": execution_id},
        )
        return UUID(found.scalar_one())

    def _days_of(self, contract: Contract) -> set[date]:
        moments = (_fails_on(contract), _recovers_on(contract), _renewed_on(contract), contract.cancelled_on)
        starts = contract.first_day + timedelta(days=contract.service_after)
        # what renews itself does so on the last day of its year
        last = month_after(contract.first_day, contract.months) - timedelta(days=1)
        return {contract.first_day, starts, last, *(day for day in moments if day is not None)}

    def _sign_up(self, contract: Contract) -> None:
        email = f"customer-{contract.number}@example.com"
        with self._transaction() as session:
            customer = customers.create_customer(
                session,
                new=customers.NewCustomer(
                    email=email,
                    name=f"Customer {contract.number}",
                    country=contract.country,
                    currency=contract.currency,
                ),
            )
            method = billing.add_method(session, customer_id=customer.id, reference=GOOD_CARD)
            runs = datetime.combine(contract.first_day + timedelta(days=contract.service_after), SERVICE_HOUR)
            context = {
                "customer_id": str(customer.id),
                "plan_id": contract.plan_code,
                "start_date": contract.first_day.isoformat(),
                "service_at": runs.isoformat(),
                "trial_days": contract.trial_days,
                "quantity": contract.quantity,
            }
            execution_id = workflows.start(session, workflow=SIGN_UP, context=context, trigger_type="manual")
        self.customers[contract.number] = Customer(contract, customer.id, method.id, execution_id)

    def _cancel(self, contract: Contract) -> None:
        with self._transaction() as session:
            billing.cancel_subscription(
                session,
                subscription_id=self.subscription_of(session, contract),
                at_period_end=not contract.is_cancelled_at_once,
            )

    def _replace_card(self, contract: Contract, card: str) -> None:
        customer = self.customers[contract.number]
        with self._transaction() as session:
            method = billing.add_method(session, customer_id=customer.customer_id, reference=card)
            billing.remove_method(session, customer_id=customer.customer_id, method_id=customer.method_id)
        customer.method_id = method.id

    def _renew(self, contract: Contract) -> None:
        """Accept the offer that was made for the renewal."""
        with self._transaction() as session:
            query = text("SELECT id FROM quotes WHERE subscription_id = :subscription AND status = 'open'")
            subscription_id = self.subscription_of(session, contract)
            quote_id = session.execute(query, {"subscription": subscription_id}).scalar_one()
            crm.accept_quote(session, quote_id=quote_id, key=f"soak/{contract.number}", accepted_by="the customer")

    def _transaction(self) -> Any:
        return self.world.database.transaction(self.owner_id)


def _make_plan(session: Session, plan: str, cycle: Cycle, *, renews_itself: bool) -> None:
    prices = [
        billing.Price(currency=currency, billing_cycle=cycle.value, amount=price_of(plan, currency, cycle))
        for currency in CURRENCIES
    ]
    fields = {
        "code": plan_code(plan, cycle, renews_itself=renews_itself),
        "name": f"{plan.capitalize()}, {cycle}",
        "currency": "EUR",
        "billing_cycle": cycle.value,
        "renews_automatically": renews_itself or cycle is Cycle.MONTHLY,
    }
    billing.create_plan(session, fields=fields, prices=prices)


def _renewed_on(contract: Contract) -> date | None:
    if contract.renewed_after is None:
        return None
    return month_after(contract.first_day, 12) - timedelta(days=NOTICE_DAYS - contract.renewed_after)


def _fails_on(contract: Contract) -> date | None:
    """The card is replaced by a bad one in time for what is to be paid next."""
    if contract.trouble is None:
        return None
    if contract.cycle is Cycle.ANNUAL:
        return _renewed_on(contract)
    return month_after(contract.first_day, contract.trouble_from) - timedelta(days=1)


def _recovers_on(contract: Contract) -> date | None:
    if contract.trouble is None or not contract.trouble.is_passing:
        return None
    failed = _renewed_on(contract)
    if contract.cycle is Cycle.MONTHLY:
        failed = month_after(contract.first_day, contract.trouble_from)
    return failed and failed + timedelta(days=RECOVERS_AFTER_DAYS)
