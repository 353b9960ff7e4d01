"""Renewals that were paid move the period on: once for each quote, and back again when that is undone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Fault, Invalid
from app.core.events import emit
from app.domains.billing import queries
from app.domains.billing.errors import ExtendedSince, QuoteOfAnother, QuoteUnpaid, SubscriptionStateForbids
from app.domains.billing.models import Payable, Subscription, SubscriptionExtension
from app.domains.billing.rules.cycles import MONTHS_OF_CYCLE
from app.domains.billing.rules.payable_states import SourceType
from app.domains.billing.rules.payable_states import Status as PayableStatus
from app.domains.billing.rules.plans import renewal_faults
from app.domains.billing.rules.renewals import RENEWABLE
from app.domains.billing.rules.subscription_states import ENDED, Status, is_legal
from app.domains.billing.service.calendar import end_after
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.payables import get_payable, payable_for
from app.domains.billing.service.renewals import NO_DISCOUNT, succession
from app.domains.billing.service.stating import about, picture, subject
from app.domains.billing.service.subscriptions import get_subscription, lock_subscription

Extension = SubscriptionExtension


def extend_subscription(
    session: Session,
    *,
    subscription_id: UUID,
    quote_id: UUID,
    term_months: int | None = None,
    key: str | None = None,
) -> Extension:
    """Let the period that a quote was paid for follow on the current one; emits subscription.extended.

    `term_months`: calendar months, on the anchor day; default as many as the billing cycle has. The subscription is
    `active` again, and goes on as its plan is sold now. Once for a quote: asking again changes nothing, until that was
    undone. `key` names what asks, and is kept of whoever came first.

    Raises SubscriptionNotFound, SubscriptionStateForbids when it does not run or has no period, QuoteOfAnother, Invalid.
    """
    if faults := renewal_faults(term_months=term_months, discount_percentage=NO_DISCOUNT):
        raise Invalid(faults[0].message, faults=faults)
    subscription = lock_subscription(session, subscription_id=subscription_id)
    earlier = queries.extension_by(session, quote_id)
    if earlier is not None and earlier.subscription_id != subscription.id:
        message = "The quote has extended another subscription."
        raise QuoteOfAnother(message, faults=[Fault("/quote_id", message)])
    if earlier is not None and earlier.restored_at is None:
        return earlier
    end = subscription.current_period_end
    if subscription.status not in RENEWABLE or end is None:
        message = (
            "The subscription has no end and needs no renewal."
            if end is None
            else f"A subscription that is {subscription.status} is not extended."
        )
        raise SubscriptionStateForbids(message)
    months = term_months or MONTHS_OF_CYCLE[subscription.billing_cycle]
    extension = earlier or SubscriptionExtension(subscription_id=subscription.id, quote_id=quote_id)
    extension.restored_at, extension.extended_for = None, key
    extension.term_months = months
    extension.period_start, extension.period_end = end, end_after(subscription, end, months=months)
    extension.former_period_start, extension.former_period_end = subscription.current_period_start, end
    extension.former_status = subscription.status
    extension.former_plan_id, extension.former_amount = subscription.plan_id, subscription.amount
    session.add(extension)
    _move_on(session, subscription, extension)
    return extension


def renewal_payable(session: Session, *, subscription_id: UUID, quote_id: UUID) -> Payable:
    """What is to be paid, or was, for the renewal of a subscription by that quote; locked, before the subscription is.

    Raises SubscriptionNotFound, PayableNotFound when nothing is, QuoteOfAnother when it is another customer's.
    """
    payable = payable_for(session, sources=[(SourceType.QUOTE, str(quote_id))])
    payable = get_payable(session, payable_id=payable.id, locked=True)
    subscription = get_subscription(session, subscription_id=subscription_id)
    if payable.customer_id is None or payable.customer_id != subscription.customer_id:
        message = "The quote is not one of the subscription's customer."
        raise QuoteOfAnother(message, faults=[Fault("/quote_id", message)])
    return payable


def check_paid(payable: Payable) -> None:
    """Raises QuoteUnpaid for what is not paid, or was given back."""
    if payable.status != PayableStatus.PAID:
        message = f"What the quote costs is not paid: it is {payable.status}."
        raise QuoteUnpaid(message, faults=[Fault("/quote_id", message)])


def hold_for_renewal(session: Session, *, subscription_id: UUID, quote_id: UUID) -> Subscription:
    """The renewal of that quote is being paid for: until it is, the subscription outlives its period by the days of grace.

    One that has ended stays so. Raises SubscriptionNotFound.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    earlier = queries.extension_by(session, quote_id)
    if earlier is None or earlier.restored_at is not None:
        subscription.renewal_quote_id = quote_id
        session.flush()
    return subscription


def release_renewal(session: Session, *, subscription_id: UUID, quote_id: UUID) -> None:
    """The renewal of that quote is not being paid for any more: the subscription ends with its period. Twice is the same."""
    subscription = lock_subscription(session, subscription_id=subscription_id)
    if subscription.renewal_quote_id == quote_id:
        subscription.renewal_quote_id = None
        session.flush()


def restore_period(session: Session, *, subscription_id: UUID, quote_id: UUID) -> Subscription:
    """Give a subscription back the period, plan and price that it had before that quote extended it.

    Nothing happens where the quote extended nothing, where that was undone before, or where the subscription has ended.
    Raises SubscriptionNotFound, ExtendedSince when a later period follows on the one to be undone.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    extension = queries.extension_by(session, quote_id)
    if extension is None or extension.subscription_id != subscription.id or extension.restored_at is not None:
        return subscription
    before = picture(subscription)
    extension.restored_at = now(session)
    if subscription.status not in ENDED:
        if subscription.current_period_end != extension.period_end:
            message = "The subscription was extended again since: that has to be undone first."
            raise ExtendedSince(message)
        subscription.current_period_start = extension.former_period_start
        subscription.current_period_end = extension.former_period_end
        subscription.plan_id, subscription.amount = extension.former_plan_id, extension.former_amount
        session.flush()
        _stand_as_before(session, subscription, Status(extension.former_status))
    session.flush()
    audit.record(
        session,
        "subscription.period_restored",
        subject(subscription),
        before=before,
        after=picture(subscription),
        reason=f"What quote {quote_id} extended was undone.",
    )
    return subscription


def _move_on(session: Session, subscription: Subscription, extension: Extension) -> None:
    before = picture(subscription)
    next_as = succession(session, subscription)
    subscription.current_period_start, subscription.current_period_end = extension.period_start, extension.period_end
    subscription.amount = next_as.amount
    if next_as.plan is not None:
        subscription.plan_id = next_as.plan.id
    subscription.renewal_quote_id = None
    session.flush()
    if subscription.status != Status.ACTIVE:
        move_to(session, subscription=subscription, status=Status.ACTIVE, reason="It was renewed.")
    emit(session, "subscription.extended", subject(subscription), about(subscription) | _of(extension))
    audit.record(session, "subscription.extended", subject(subscription), before=before, after=picture(subscription))


def _of(extension: Extension) -> dict[str, Any]:
    return {
        "quote_id": str(extension.quote_id),
        "term_months": extension.term_months,
        "former_period_end": extension.former_period_end.isoformat(),
    }


def _stand_as_before(session: Session, subscription: Subscription, former: Status) -> None:
    """One that was to end, or owed something, does so again; what has happened to it since then stands."""
    now_is = Status(subscription.status)
    if now_is is Status.ACTIVE and is_legal(now_is, former) and former in {Status.EXPIRING, Status.PAST_DUE}:
        move_to(session, subscription=subscription, status=former, reason="Its renewal was undone.")
