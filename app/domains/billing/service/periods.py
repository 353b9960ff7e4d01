"""What beat does with periods: their end is announced once, and they end once. Runs across owners, in batches.

What is followed by another period, and billed, is in `recurring`.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import case, func, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.domains.billing import queries
from app.domains.billing.models import Subscription
from app.domains.billing.rules.subscription_states import Status
from app.domains.billing.service.stating import about, subject

BATCH = 500


def announce_expiring(session: Session, *, days: int, limit: int = BATCH) -> int:
    """Emit subscription.expiring_soon for periods that end within `days` (or a quarter of the term, if that is less).

    Once per period, however often and in however many places it runs. Subscriptions that do not renew by themselves
    become `expiring`; those that renew by the month, or were cancelled for their end, get no notice. Returns how many were
    announced: call again while it is `limit`.
    """
    at = now(session)
    chosen = queries.to_announce(at=at, notice=timedelta(days=days), limit=limit).cte("chosen")
    announced = session.scalars(
        update(Subscription)
        .where(Subscription.id == chosen.c.id)
        .values(
            notice_sent_for=Subscription.current_period_end,
            status=case((Subscription.renews_automatically, Subscription.status), else_="expiring"),
        )
        .returning(Subscription)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    for subscription in announced:
        left = (subscription.current_period_end or at) - at
        emit(
            session,
            "subscription.expiring_soon",
            subject(subscription),
            {**about(subscription), "days_until_expiry": max(left.days, 0)},
            owner_id=subscription.owner_id,
        )
    return len(announced)


def expire_subscriptions(session: Session, *, grace_days: int, limit: int = BATCH) -> int:
    """End what has reached its period's end and is followed by no other: its service is stopped.

    It becomes `expired` with subscription.expired, or `cancelled` with subscription.cancelled where it was set to end. What
    may still be paid for has `grace_days` more: a payment failed or is under way, the service is suspended, or it is a year
    that renews by itself.

    Once each, however often and in however many places it runs. Returns how many ended: call again while it is `limit`.
    """
    at = now(session)
    chosen = queries.to_expire(at=at, grace=timedelta(days=grace_days), limit=limit).cte("chosen")
    ended = session.scalars(
        update(Subscription)
        .where(Subscription.id == chosen.c.id)
        .values(
            status=case((Subscription.is_set_to_end, Status.CANCELLED.value), else_=Status.EXPIRED.value),
            cancelled_at=case((Subscription.is_set_to_end, at), else_=Subscription.cancelled_at),
            suspended_at=func.coalesce(Subscription.suspended_at, at),
        )
        .returning(Subscription)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    for subscription in ended:
        event = f"subscription.{subscription.status}"
        emit(session, event, subject(subscription), about(subscription), owner_id=subscription.owner_id)
        audit.record(
            session,
            event,
            subject(subscription),
            after={"status": subscription.status},
            reason="Its period has ended.",
            owner_id=subscription.owner_id,
        )
    return len(ended)
