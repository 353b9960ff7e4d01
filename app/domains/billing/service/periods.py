"""What beat does with periods: announce their end once, and end them once. Runs across owners, in batches."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import case, update
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import emit
from app.domains.billing import queries
from app.domains.billing.models import Subscription
from app.domains.billing.service.accounts import about

BATCH = 500


def announce_expiring(session: Session, *, days: int, limit: int = BATCH) -> int:
    """Emit subscription.expiring_soon for periods that end within `days` (or a quarter of the term, if that is less).

    Once per period, however often and in however many places it runs. Subscriptions that do not renew by themselves
    become `expiring`; those that renew by the month get no notice. Returns how many were announced: call again while
    it is `limit`.
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
            f"subscription/{subscription.id}",
            {**about(subscription), "days_until_expiry": max(left.days, 0)},
            owner_id=subscription.owner_id,
        )
    return len(announced)


def expire_subscriptions(session: Session, *, limit: int = BATCH) -> int:
    """End what has reached its period's end and does not renew by itself: `expired`, with subscription.expired.

    Once each, however often and in however many places it runs. Returns how many ended: call again while it is `limit`.
    """
    chosen = queries.to_expire(at=now(session), limit=limit).cte("chosen")
    ended = session.scalars(
        update(Subscription)
        .where(Subscription.id == chosen.c.id)
        .values(status="expired")
        .returning(Subscription)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    for subscription in ended:
        emit(
            session,
            "subscription.expired",
            f"subscription/{subscription.id}",
            about(subscription),
            owner_id=subscription.owner_id,
        )
    return len(ended)
