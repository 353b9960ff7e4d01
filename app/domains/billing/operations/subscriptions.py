"""What workflows may do with subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.errors import Fault, Invalid, NotFound
from app.core.money import rounded
from app.domains.billing import service
from app.domains.billing.rules.renewals import offered_until
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

UNDONE = "What it was for was undone."


@OPERATIONS.operation(
    "billing_service.create_subscription", undone_by="billing_service.cancel_subscription", resource="subscription"
)
def create_subscription(
    call: Call,
    *,
    customer_id: UUID,
    plan_id: str,
    billing_cycle: str | None = None,
    start_date: date | None = None,
    trial_days: int | None = None,
    quantity: int = 1,
) -> dict[str, Any]:
    """Subscribe a customer to a plan (by id or code); it is pending until its service is activated.

    It begins on `start_date`, by default today, and after the trial where there is one. Cycle and trial are the plan's
    unless they are given.
    """
    made = service.create_subscription(
        call.session,
        customer_id=customer_id,
        plan=plan_id,
        key=call.idempotency_key,
        billing_cycle=billing_cycle,
        start_date=start_date,
        trial_days=trial_days,
        quantity=quantity,
    )
    subscription_id = str(made.id)
    call.effect(
        "subscription",
        subscription_id,
        f"Subscription, {made.amount:.2f} {made.currency} {made.billing_cycle}",
        undo={"subscription_id": subscription_id, "reason": UNDONE},
    )
    return _shown(made)


@OPERATIONS.operation("billing_service.cancel_subscription", resource="subscription")
def cancel_subscription(
    call: Call, *, subscription_id: UUID, at_period_end: bool = False, reason: str | None = None
) -> dict[str, Any]:
    """End a subscription for good, now or with its period; one that has ended stays as it is."""
    ended = service.cancel_subscription(
        call.session, subscription_id=subscription_id, at_period_end=at_period_end, reason=reason
    )
    return _shown(ended)


@OPERATIONS.operation("billing_service.check_renewal_eligibility")
def check_renewal_eligibility(
    call: Call,
    *,
    subscription_id: UUID,
    term_months: int | None = None,
    discount_percentage: Decimal = service.NO_DISCOUNT,
) -> dict[str, Any]:
    """Whether a subscription may be renewed now, with every reason why not, and for how much. Changes nothing.

    `renewal_price` is what the whole term costs, without tax and before the discount is taken off.
    """
    offer = service.renewal_offer(
        call.session,
        subscription_id=subscription_id,
        term_months=term_months,
        discount_percentage=discount_percentage,
    )
    return {
        "subscription_id": str(subscription_id),
        "renewal": {
            "eligible": offer.eligibility.is_eligible,
            "reasons": [reason.message for reason in offer.eligibility.reasons],
            "obstacles": [reason.obstacle.value for reason in offer.eligibility.reasons],
            "days_until_expiry": offer.eligibility.days_until_expiry,
            "current_price": str(offer.current_price),
            "renewal_price": str(offer.list_price),
            "discount_amount": str(offer.discount_amount),
            "amount": str(offer.amount),
            "currency": offer.currency,
            "term_months": offer.term_months,
            "period_start": offer.period_start.isoformat(),
            "period_end": offer.period_end.isoformat(),
            "plan_id": str(offer.plan.id) if offer.plan else None,
            "renews_automatically": offer.subscription.renews_automatically,
            "offered_until": offered_until(
                offer.period_start, renews_automatically=offer.subscription.renews_automatically
            ).isoformat(),
        },
    }


@OPERATIONS.operation(
    "billing_service.extend_subscription", undone_by="billing_service.restore_period", resource="subscription"
)
def extend_subscription(
    call: Call, *, subscription_id: UUID, quote_id: UUID, term_months: int | None = None
) -> dict[str, Any]:
    """Let the period that a renewal quote was paid for follow on the current one: once for a quote, on the anchor day.

    What was not paid, or by another customer, is a permanent error.
    """
    service.check_paid(service.renewal_payable(call.session, subscription_id=subscription_id, quote_id=quote_id))
    extension = service.extend_subscription(
        call.session,
        subscription_id=subscription_id,
        quote_id=quote_id,
        term_months=term_months,
        key=call.idempotency_key,
    )
    if extension.extended_for == call.idempotency_key:
        # what another step extended is not this one's to take back
        call.effect(
            "subscription_period",
            str(extension.id),
            f"Subscription extended to {extension.period_end:%Y-%m-%d}",
            undo={"subscription_id": str(subscription_id), "quote_id": str(quote_id)},
        )
    return _shown(service.get_subscription(call.session, subscription_id=subscription_id))


@OPERATIONS.operation("billing_service.restore_period", resource="subscription")
def restore_period(call: Call, *, subscription_id: UUID, quote_id: UUID) -> dict[str, Any]:
    """Give a subscription back the period that it had before that quote extended it."""
    return _shown(service.restore_period(call.session, subscription_id=subscription_id, quote_id=quote_id))


@OPERATIONS.operation(
    "billing_service.suspend_service", undone_by="billing_service.resume_service", resource="subscription"
)
def suspend_service(
    call: Call, *, subscription_id: UUID | None = None, service_id: UUID | None = None, reason: str | None = None
) -> dict[str, Any]:
    """Stop the service of a subscription, whose id may be given under either name; its data is kept."""
    wanted = subscription_id or service_id
    if wanted is None:
        message = "Name the subscription whose service is to be stopped."
        raise Invalid(message, faults=[Fault("/subscription_id", message)])
    before = service.lock_subscription(call.session, subscription_id=wanted).status
    stopped = service.suspend_subscription(call.session, subscription_id=wanted, reason=reason)
    if before != stopped.status:
        # what somebody else had stopped is not this step's to let go on
        call.effect("suspension", str(wanted), "Service suspended", undo={"subscription_id": str(wanted)})
    return _shown(stopped)


@OPERATIONS.operation("billing_service.resume_service", resource="subscription")
def resume_service(call: Call, *, subscription_id: UUID) -> dict[str, Any]:
    """Let the suspended service of a subscription go on."""
    return _shown(service.resume_subscription(call.session, subscription_id=subscription_id))


@OPERATIONS.resource("subscription")
def read_subscription(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A subscription as it is now; None when there is none of that id."""
    try:
        found = service.get_subscription(call.session, subscription_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown(found)["subscription"]
    return shown


def _shown(subscription: service.Subscription) -> dict[str, Any]:
    subscription_id = str(subscription.id)
    end, trial_end = subscription.current_period_end, subscription.trial_ends_at
    return {
        "subscription_id": subscription_id,
        "subscription": {
            "id": subscription_id,
            "status": str(subscription.status),
            "customer_id": str(subscription.customer_id) if subscription.customer_id else None,
            "plan_id": str(subscription.plan_id) if subscription.plan_id else None,
            "quantity": subscription.quantity,
            "amount": str(rounded(subscription.amount, subscription.currency)),
            "currency": subscription.currency,
            "billing_cycle": subscription.billing_cycle,
            "current_period_start": subscription.current_period_start.isoformat(),
            "current_period_end": end.isoformat() if end else None,
            "trial_ends_at": trial_end.isoformat() if trial_end else None,
            "renews_automatically": subscription.renews_automatically,
            "is_set_to_end": subscription.is_set_to_end,
        },
    }
