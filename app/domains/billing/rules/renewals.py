"""Renewals: who may renew, every reason why not, and what it costs.

A reason is a value, not an error: the renewal process ends with it, and the customer reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.domains.billing.rules.amounts import half_up, percent_of
from app.domains.billing.rules.subscription_states import IN_SERVICE, Status

QUARTERS = 4

AUTOMATIC_RENEWAL = timedelta(days=1)
"""So long before its end what renews by itself does, unless the customer has said so before."""

RENEWABLE = IN_SERVICE - {Status.TRIALING}
"""States of what may be renewed: a trial becomes a subscription first. `expiring` is what a renewal answers to, and where
one is `past_due` the invoice decides, with its grace."""


class Obstacle(StrEnum):
    """What stands in the way of a renewal."""

    NOT_ACTIVE = "not_active"
    NO_TERM = "no_term"
    TOO_EARLY = "too_early"
    ENDED = "ended"
    OVERDUE_INVOICE = "overdue_invoice"
    SET_TO_END = "set_to_end"
    PLAN_NOT_SOLD = "plan_not_sold"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a subscription cannot be renewed: for programs, and in words that a customer may read."""

    obstacle: Obstacle
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewable:
    """What is known of a subscription that may be renewed. Times are UTC.

    `current_period_end`: None where it runs until cancelled; `is_set_to_end`: it was cancelled for the end of its period;
    `is_plan_available`: its plan is still sold, or has a successor; `unpaid_since`: when the earliest invoice that is not
    paid was due, None where all are.
    """

    status: Status
    current_period_start: datetime
    current_period_end: datetime | None
    is_set_to_end: bool = False
    is_plan_available: bool = True
    unpaid_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Whether a subscription may be renewed, and all the reasons why not.

    `days_until_expiry`: whole days that are left, 0 on the last and after; None where there is no end.
    """

    reasons: tuple[Reason, ...]
    days_until_expiry: int | None

    @property
    def is_eligible(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPrice:
    """What a renewal costs without tax: list_price - discount_amount = amount."""

    list_price: Decimal
    discount_amount: Decimal
    amount: Decimal


def window(start: datetime, end: datetime, *, notice: timedelta) -> timedelta:
    """How long before its end a period may be renewed: as long as the notice, or a quarter of the term if that is less.

    Without the quarter, a month's subscription would be up for renewal from its first day.
    """
    return min(notice, (end - start) / QUARTERS)


def offered_until(end: datetime, *, renews_automatically: bool) -> datetime:
    """Until when a renewal's offer waits for the customer: the period's end. What renews by itself does so shortly before."""
    return end - AUTOMATIC_RENEWAL if renews_automatically else end


def eligibility(subscription: Renewable, *, now: datetime, notice: timedelta, grace: timedelta) -> Eligibility:
    """Whether a subscription may be renewed now.

    `notice`: the longest time before the end; `grace`: how long an invoice may be overdue without standing in the way.
    """
    end = subscription.current_period_end
    reasons = [*_reasons_of_state(subscription, now, grace), *_reasons_of_time(subscription, now, notice)]
    return Eligibility(
        reasons=tuple(reasons),
        days_until_expiry=None if end is None else max((end - now).days, 0),
    )


def _reasons_of_state(subscription: Renewable, now: datetime, grace: timedelta) -> list[Reason]:
    found = []
    if subscription.status not in RENEWABLE:
        found.append(Reason(Obstacle.NOT_ACTIVE, f"The subscription is not active: it is {subscription.status}."))
    if subscription.is_set_to_end:
        found.append(Reason(Obstacle.SET_TO_END, "The subscription was cancelled for the end of its period."))
    if not subscription.is_plan_available:
        found.append(Reason(Obstacle.PLAN_NOT_SOLD, "The plan is not sold any more and has no successor."))
    if subscription.unpaid_since is not None and now > subscription.unpaid_since + grace:
        message = f"An invoice that was due on {subscription.unpaid_since:%Y-%m-%d} is not paid."
        found.append(Reason(Obstacle.OVERDUE_INVOICE, message))
    return found


def _reasons_of_time(subscription: Renewable, now: datetime, notice: timedelta) -> list[Reason]:
    end = subscription.current_period_end
    if end is None:
        return [Reason(Obstacle.NO_TERM, "The subscription has no end and needs no renewal.")]
    if now >= end:
        return [Reason(Obstacle.ENDED, f"The subscription ended on {end:%Y-%m-%d}.")]
    opens = end - window(subscription.current_period_start, end, notice=notice)
    if now < opens:
        return [Reason(Obstacle.TOO_EARLY, f"The subscription can be renewed from {opens:%Y-%m-%d} on.")]
    return []


def renewal_price(
    amount: Decimal,
    *,
    months: int,
    currency: str,
    term_months: int | None = None,
    discount_percent: Decimal = Decimal(0),
) -> RenewalPrice:
    """What a renewal for `term_months` costs where `amount` is for `months`; None: for as long as before.

    The list price is rounded first and the discount taken off it, as on an invoice: the offer and the bill agree.
    """
    term = months if term_months is None else term_months
    list_price = half_up(Fraction(amount) * term / months, currency)
    discount = percent_of(list_price, discount_percent, currency)
    return RenewalPrice(list_price=list_price, discount_amount=discount, amount=list_price - discount)
