"""Subscriptions of customers: made once for whatever asks, found, and changed in how they go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault, Invalid, Unavailable
from app.core.events import emit
from app.core.ids import new_id
from app.core.money import rounded
from app.domains.billing import queries
from app.domains.billing.errors import (
    PlanNotSold,
    SubscriptionNotFound,
    SubscriptionOfAnother,
    SubscriptionStateForbids,
)
from app.domains.billing.models import Plan, Subscription, SubscriptionExtension
from app.domains.billing.models.subscriptions import MADE_FOR
from app.domains.billing.rules.plans import terms_faults
from app.domains.billing.rules.subscription_states import ENDED, Status
from app.domains.billing.service.calendar import first_of, today, zone_of
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.plans import find_plan, price_of
from app.domains.billing.service.stating import about, picture, subject
from app.domains.customers import service as customers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """How somebody subscribes. `amount`: for one period and the whole quantity."""

    billing_cycle: str
    currency: str
    quantity: int
    amount: Decimal
    trial_days: int
    first_day: date
    zone: ZoneInfo


def create_subscription(
    session: Session,
    *,
    customer_id: UUID,
    plan: UUID | str,
    key: str,
    billing_cycle: str | None = None,
    start_date: date | None = None,
    trial_days: int | None = None,
    quantity: int = 1,
) -> Subscription:
    """A customer's subscription to a plan (by id or code), `pending` until its service starts; emits subscription.created.

    In the customer's currency, without one in the plan's; cycle and trial are the plan's where none is given. Its first
    period begins on `start_date` (the owner's calendar; default today), or where there is a trial, when that ends. `key`
    names what asks, a step of an execution, say: asking again finds the subscription while it has not ended.

    Raises NotFound for the customer, PlanNotFound, PlanNotSold, Invalid with all faults, SubscriptionOfAnother.
    """
    customer = customers.get_customer(session, customer_id=customer_id)
    if earlier := queries.subscription_for(session, key):
        return _of_customer(earlier, customer_id)
    sold = _sold(find_plan(session, plan=plan))
    terms = _terms(
        session,
        sold,
        currency=customer.currency or sold.currency,
        billing_cycle=billing_cycle or sold.billing_cycle,
        start_date=start_date,
        trial_days=sold.trial_days if trial_days is None else trial_days,
        quantity=quantity,
    )
    made = _inserted(session, customer_id, sold, terms, key=key)
    if made is None:
        # another attempt was faster; it has committed, since the insert waited for it
        if earlier := queries.subscription_for(session, key):
            return _of_customer(earlier, customer_id)
        message = "The subscription was made and ended by somebody else at the same time: try again."
        raise Unavailable(message)
    emit(session, "subscription.created", subject(made), about(made))
    audit.record(session, "subscription.created", subject(made), after=picture(made))
    return made


def get_subscription(session: Session, *, subscription_id: UUID) -> Subscription:
    """A subscription in any state. Raises SubscriptionNotFound."""
    return _found(queries.subscription(session, subscription_id))


def lock_subscription(session: Session, *, subscription_id: UUID) -> Subscription:
    """The subscription as it is now; nobody else changes it until the transaction ends. Raises SubscriptionNotFound."""
    return _found(queries.subscription(session, subscription_id, locked=True))


def all_subscriptions(
    *,
    customer_id: UUID | None = None,
    plan_id: UUID | None = None,
    tenant_id: UUID | None = None,
    status: str | None = None,
) -> Select[Subscription]:
    """Subscriptions by these filters, to be paged."""
    return queries.all_subscriptions(customer_id=customer_id, plan_id=plan_id, tenant_id=tenant_id, status=status)


def extensions_of(session: Session, *, subscription_id: UUID) -> Select[SubscriptionExtension]:
    """The renewals of a subscription, to be paged. Raises SubscriptionNotFound."""
    return queries.extensions(get_subscription(session, subscription_id=subscription_id).id)


def update_subscription(session: Session, *, subscription_id: UUID, changes: Mapping[str, bool]) -> Subscription:
    """Change whether it renews by itself (`renews_automatically`) and whether it ends with its period (`is_set_to_end`).

    Raises SubscriptionNotFound, SubscriptionStateForbids when it has ended, Invalid when it has no period that could end.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    if subscription.status in ENDED:
        message = f"The subscription is {subscription.status}: nothing of it goes on."
        raise SubscriptionStateForbids(message)
    if subscription.current_period_end is None and any(changes.values()):
        message = "The subscription has no end: it runs until it is cancelled."
        raise Invalid(message, faults=[Fault(f"/{name}", message) for name in changes])
    before = picture(subscription)
    subscription.renews_automatically = changes.get("renews_automatically", subscription.renews_automatically)
    subscription.is_set_to_end = changes.get("is_set_to_end", subscription.is_set_to_end)
    session.flush()
    if subscription.renews_automatically and subscription.status == Status.EXPIRING:
        move_to(session, subscription=subscription, status=Status.ACTIVE, reason="It renews by itself from now on.")
    session.refresh(subscription)  # updated_at is the database's
    audit.record(session, "subscription.updated", subject(subscription), before=before, after=picture(subscription))
    return subscription


def _found(subscription: Subscription | None) -> Subscription:
    if subscription is not None:
        return subscription
    message = "There is no such subscription."
    raise SubscriptionNotFound(message)


def _of_customer(subscription: Subscription, customer_id: UUID) -> Subscription:
    if subscription.customer_id == customer_id:
        return subscription
    message = "The same was asked for before, and the subscription is another customer's."
    raise SubscriptionOfAnother(message, faults=[Fault("/customer_id", message)])


def _sold(plan: Plan) -> Plan:
    if plan.is_active:
        return plan
    message = f"The plan “{plan.code}” is not sold any more."
    raise PlanNotSold(message, faults=[Fault("/plan_id", message)])


def _terms(
    session: Session,
    plan: Plan,
    *,
    currency: str,
    billing_cycle: str,
    start_date: date | None,
    trial_days: int,
    quantity: int,
) -> _Terms:
    zone = zone_of(session)
    this_day = today(session, zone)
    first_day = start_date or this_day
    found = terms_faults(
        quantity=quantity, trial_days=trial_days, start_date=first_day, today=this_day, billing_cycle=billing_cycle
    )
    if found:
        message = "Nobody can subscribe like this."
        raise Invalid(message, faults=found)
    price = price_of(plan, currency=currency, billing_cycle=billing_cycle)
    if price is None:
        message = f"The plan “{plan.code}” has no {billing_cycle} price in {currency}."
        raise PlanNotSold(message, faults=[Fault("/plan_id", message)])
    return _Terms(
        billing_cycle=billing_cycle,
        currency=currency,
        quantity=quantity,
        amount=rounded(price * quantity, currency),
        trial_days=trial_days,
        first_day=first_day,
        zone=zone,
    )


def _inserted(session: Session, customer_id: UUID, plan: Plan, terms: _Terms, *, key: str) -> Subscription | None:
    """The new row; None where there is one for that key. An insert waits for whoever is about to make one."""
    period_day = terms.first_day + timedelta(days=terms.trial_days)
    start, end = first_of(period_day, billing_cycle=terms.billing_cycle, zone=terms.zone)
    made: Subscription | None = session.scalar(
        insert(Subscription)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            customer_id=customer_id,
            plan_id=plan.id,
            quantity=terms.quantity,
            status=Status.PENDING.value,
            amount=terms.amount,
            currency=terms.currency,
            billing_cycle=terms.billing_cycle,
            anchor_day=period_day.day,
            time_zone=terms.zone.key,
            current_period_start=start,
            current_period_end=end,
            trial_days=terms.trial_days,
            trial_ends_at=start if terms.trial_days else None,
            renews_automatically=plan.renews_automatically and end is not None,
            created_for=key,
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "created_for"], index_where=text(MADE_FOR))
        .returning(Subscription)
    )
    return made
