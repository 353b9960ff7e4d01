"""Whether a subscription's service runs: started, stopped, let go on, ended. Each change is made under the row's lock."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.domains.billing.errors import SubscriptionStateForbids
from app.domains.billing.models import Subscription
from app.domains.billing.rules.cycles import MONTHS_OF_CYCLE
from app.domains.billing.rules.days import local_day, midnight
from app.domains.billing.rules.subscription_states import ENDED, IN_SERVICE, Status
from app.domains.billing.service.calendar import begin_anew, end_after
from app.domains.billing.service.invoices import bill_period
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.stating import picture, subject
from app.domains.billing.service.subscriptions import lock_subscription


def start_subscription(session: Session, *, subscription_id: UUID) -> Subscription:
    """The service runs: `pending` becomes `trialing` where there is a trial, else `active`; emits subscription.activated.

    A trial counts from the day on which the service starts, and the first period from its end. Without one the periods stay
    where they are, so that the first may have begun before; those that have passed altogether are passed over. One that
    runs stays as it is, one that is suspended goes on. Nothing is billed for a period that was there before.

    Raises SubscriptionNotFound, SubscriptionStateForbids.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    if subscription.status in IN_SERVICE:
        return subscription
    if subscription.status == Status.SUSPENDED:
        return resume_subscription(session, subscription_id=subscription_id)
    at = now(session)
    if subscription.status == Status.PENDING and subscription.trial_ends_at is not None:
        _let_trial_begin(subscription, at)
        return move_to(session, subscription=subscription, status=Status.TRIALING)
    if subscription.status == Status.PENDING:
        _pass_over(subscription, at)
    return move_to(session, subscription=subscription, status=Status.ACTIVE)


def suspend_subscription(session: Session, *, subscription_id: UUID, reason: str | None = None) -> Subscription:
    """Stop the service; its data is kept, and it may go on. Emits subscription.suspended; twice is the same.

    Raises SubscriptionNotFound, SubscriptionStateForbids when it does not run.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    return move_to(session, subscription=subscription, status=Status.SUSPENDED, reason=reason)


def resume_subscription(session: Session, *, subscription_id: UUID) -> Subscription:
    """Let a suspended service go on; emits subscription.resumed. One that runs stays as it is.

    Within its period it costs nothing more. Where a period that renews by itself has ended meanwhile, or it was on trial,
    one begins today and is billed: nobody pays for the time in which the service was stopped.

    Raises SubscriptionNotFound, SubscriptionStateForbids when it never began, has ended, or has a period that is over.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    if subscription.status in IN_SERVICE:
        return subscription
    if subscription.status != Status.SUSPENDED:
        message = f"A subscription that is {subscription.status} is not resumed."
        raise SubscriptionStateForbids(message)
    at = now(session)
    begins_anew = _was_on_trial(subscription) or _is_over(subscription, at)
    if begins_anew:
        begin_anew(subscription, at)
        if subscription.trial_ends_at is not None:
            # what is left of a trial is not given again
            subscription.trial_ends_at = min(subscription.trial_ends_at, subscription.current_period_start)
    move_to(session, subscription=subscription, status=Status.ACTIVE)
    if begins_anew:
        bill_period(
            session,
            subscription=subscription,
            period_start=subscription.current_period_start,
            period_end=subscription.current_period_end,
        )
    return subscription


def cancel_subscription(
    session: Session, *, subscription_id: UUID, at_period_end: bool = False, reason: str | None = None
) -> Subscription:
    """End a subscription for good, now (emits subscription.cancelled) or with its period, or its trial where it is on one.

    One that has ended stays as it is, and one that never began ends now. `reason`: for the audit log and the event.

    Raises SubscriptionNotFound, SubscriptionStateForbids when it is to end with its period and has none.
    """
    subscription = lock_subscription(session, subscription_id=subscription_id)
    if subscription.status in ENDED:
        return subscription
    if not at_period_end or subscription.status == Status.PENDING:
        return move_to(session, subscription=subscription, status=Status.CANCELLED, reason=reason)
    if subscription.current_period_end is None:
        message = "The subscription has no period that ends: cancel it at once."
        raise SubscriptionStateForbids(message)
    if not subscription.is_set_to_end:
        before = picture(subscription)
        subscription.is_set_to_end = True
        session.flush()
        audit.record(
            session,
            "subscription.set_to_end",
            subject(subscription),
            before=before,
            after=picture(subscription),
            reason=reason,
        )
    return subscription


def _let_trial_begin(subscription: Subscription, at: datetime) -> None:
    """A trial that begins later than it was to ends later, too, and the first period with it."""
    zone = ZoneInfo(subscription.time_zone or "UTC")
    end = midnight(local_day(at, zone) + timedelta(days=subscription.trial_days), zone)
    if subscription.trial_ends_at is None or end > subscription.trial_ends_at:
        begin_anew(subscription, end)
        subscription.trial_ends_at = subscription.current_period_start


def _pass_over(subscription: Subscription, at: datetime) -> None:
    """Periods in which the service did not run are not billed."""
    months = MONTHS_OF_CYCLE.get(subscription.billing_cycle)
    while months is not None and (end := subscription.current_period_end) is not None and end <= at:
        subscription.current_period_start = end
        subscription.current_period_end = end_after(subscription, end, months=months)


def _was_on_trial(subscription: Subscription) -> bool:
    ends, stopped = subscription.trial_ends_at, subscription.suspended_at
    return ends is not None and stopped is not None and stopped < ends


def _is_over(subscription: Subscription, at: datetime) -> bool:
    """Whether the next period has to begin now. Raises SubscriptionStateForbids where none follows."""
    end = subscription.current_period_end
    if end is None or at < end:
        return False
    if subscription.renews_automatically and not subscription.is_set_to_end:
        return True
    message = f"The period of the subscription ended on {end:%Y-%m-%d}, and none follows."
    raise SubscriptionStateForbids(message)
