"""Reads of the billing room, and the choice of subscriptions that beat works on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, and_, extract, func, not_, select
from sqlalchemy.orm import Session

from app.domains.billing.models import BillingAccount, InvoiceSeries, Subscription

MAX_SUBSCRIPTIONS = 1000
QUARTERS = 4


def account_of(session: Session, tenant_id: UUID) -> BillingAccount | None:
    return session.scalar(select(BillingAccount).where(BillingAccount.tenant_id == tenant_id))


def series_of(session: Session, account_id: UUID) -> InvoiceSeries | None:
    return session.scalar(select(InvoiceSeries).where(InvoiceSeries.billing_account_id == account_id))


def subscriptions_of(session: Session, account_id: UUID) -> Sequence[Subscription]:
    """All subscriptions of an account, the first first."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.billing_account_id == account_id)
        .order_by(Subscription.id)
        .limit(MAX_SUBSCRIPTIONS)
    ).all()


def to_announce(*, at: datetime, notice: timedelta, limit: int) -> Select[UUID]:
    """Periods that end within `notice`, or within a quarter of the term where that is less, and were not announced.

    A row that somebody else works on is left to them.
    """
    term_seconds = extract("epoch", Subscription.current_period_end - Subscription.current_period_start)
    seconds_left = extract("epoch", Subscription.current_period_end - at)
    renews_by_the_month = and_(Subscription.renews_automatically, Subscription.billing_cycle == "monthly")
    return (
        select(Subscription.id)
        .where(
            Subscription.status == "active",
            Subscription.notice_sent_for.is_distinct_from(Subscription.current_period_end),
            Subscription.current_period_end <= at + notice,  # what the index can answer; the next line is exact
            seconds_left <= func.least(notice.total_seconds(), term_seconds / QUARTERS),
            not_(renews_by_the_month),
        )
        .order_by(Subscription.current_period_end)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def to_expire(*, at: datetime, limit: int) -> Select[UUID]:
    """Periods that have ended and do not renew by themselves; a row that somebody else works on is left to them."""
    return (
        select(Subscription.id)
        .where(
            Subscription.status.in_(["active", "expiring"]),
            not_(Subscription.renews_automatically),
            Subscription.current_period_end <= at,
        )
        .order_by(Subscription.current_period_end)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
