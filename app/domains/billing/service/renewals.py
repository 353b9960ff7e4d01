"""What a renewal is offered for: whether it may be, to which plan, for how long and for how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.errors import Invalid
from app.core.money import rounded
from app.core.ports import port
from app.core.settings import Settings
from app.domains.billing.models import Plan, Subscription
from app.domains.billing.rules.cycles import MONTHS_OF_CYCLE
from app.domains.billing.rules.plans import renewal_faults
from app.domains.billing.rules.renewals import Eligibility, Renewable, eligibility, renewal_price
from app.domains.billing.rules.subscription_states import Status
from app.domains.billing.service.calendar import end_after
from app.domains.billing.service.plans import get_plan, plan_on_sale, price_of
from app.domains.billing.service.settling import overdue_since
from app.domains.billing.service.subscriptions import get_subscription

NO_DISCOUNT = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalOffer:
    """What a renewal of a subscription would be; whether it may be, `eligibility` says.

    `plan`: the one that it goes on with, None where it has none or none is sold. Amounts are without tax: `current_price`
    is for one billing cycle as it is now, `renewal_price` for one from then on, `list_price` - `discount_amount` = `amount`
    for the whole term. `period_start`: where the current period ends; now, where it has no end.
    """

    subscription: Subscription
    eligibility: Eligibility
    plan: Plan | None
    current_price: Decimal
    renewal_price: Decimal
    list_price: Decimal
    discount_amount: Decimal
    amount: Decimal
    currency: str
    term_months: int
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class Succession:
    """What a subscription goes on as. `amount`: for one billing cycle and the whole quantity; `is_sold`: anybody may."""

    plan: Plan | None
    amount: Decimal
    is_sold: bool


def renewal_offer(
    session: Session,
    *,
    subscription_id: UUID,
    term_months: int | None = None,
    discount_percentage: Decimal = NO_DISCOUNT,
) -> RenewalOffer:
    """What renewing a subscription now would be, eligible or not. Nothing is changed.

    `term_months`: calendar months; default as many as its billing cycle has. The price is that of its plan as it is sold
    now, or of the plan's successor. Raises SubscriptionNotFound, Invalid for a term or a discount that cannot be.
    """
    if faults := renewal_faults(term_months=term_months, discount_percentage=discount_percentage):
        raise Invalid(" ".join(fault.message for fault in faults), faults=faults)
    subscription = get_subscription(session, subscription_id=subscription_id)
    settings = port(session, Settings)
    at = now(session)
    successor = succession(session, subscription)
    months = MONTHS_OF_CYCLE.get(subscription.billing_cycle, 1)
    term = months if term_months is None else term_months
    price = renewal_price(
        successor.amount,
        months=months,
        currency=subscription.currency,
        term_months=term,
        discount_percent=discount_percentage,
    )
    start = subscription.current_period_end or at
    return RenewalOffer(
        subscription=subscription,
        eligibility=eligibility(
            Renewable(
                status=Status(subscription.status),
                current_period_start=subscription.current_period_start,
                current_period_end=subscription.current_period_end,
                is_set_to_end=subscription.is_set_to_end,
                is_plan_available=successor.is_sold,
                unpaid_since=overdue_since(session, subscription_id=subscription.id),
            ),
            now=at,
            notice=timedelta(days=settings.renewal_notice_days),
            grace=timedelta(days=settings.renewal_grace_days),
        ),
        plan=successor.plan,
        current_price=rounded(subscription.amount, subscription.currency),
        renewal_price=rounded(successor.amount, subscription.currency),
        list_price=price.list_price,
        discount_amount=price.discount_amount,
        amount=price.amount,
        currency=subscription.currency,
        term_months=term,
        period_start=start,
        period_end=end_after(subscription, start, months=term),
    )


def succession(session: Session, subscription: Subscription) -> Succession:
    """What a subscription goes on as when it is renewed: its plan as it is sold now, or the plan's successor.

    One without a plan goes on as it is; one whose plan nobody can subscribe to any more, or not in its currency and billing
    cycle, would have to as well, but is not sold.
    """
    if subscription.plan_id is None:
        return Succession(None, subscription.amount, is_sold=True)
    plan = plan_on_sale(session, plan=get_plan(session, plan_id=subscription.plan_id))
    if plan is None:
        return Succession(None, subscription.amount, is_sold=False)
    price = price_of(plan, currency=subscription.currency, billing_cycle=subscription.billing_cycle)
    if price is None:
        return Succession(None, subscription.amount, is_sold=False)
    return Succession(plan, rounded(price * subscription.quantity, subscription.currency), is_sold=True)
