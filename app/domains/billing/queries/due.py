"""What beat works on: subscriptions of all owners whose time has come.

The conditions of the partial indexes are written out: with bound values PostgreSQL no longer finds the indexes once it keeps
a generic plan. A row that somebody else works on is left to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, TextClause, and_, extract, func, not_, or_, select, text, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domains.billing.models import Subscription
from app.domains.billing.models.subscriptions import ON_TRIAL, TO_ANNOUNCE, TO_EXPIRE, TO_RENEW

QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Due:
    """A subscription whose time has come: whose it is, and since when."""

    subscription_id: UUID
    owner_id: UUID
    since: datetime


DueRows = Select[UUID, UUID, datetime | None]


def to_announce(*, at: datetime, notice: timedelta, limit: int) -> Select[UUID]:
    """Periods that end within `notice`, or within a quarter of the term where that is less, and were not announced."""
    term_seconds = extract("epoch", Subscription.current_period_end - Subscription.current_period_start)
    seconds_left = extract("epoch", Subscription.current_period_end - at)
    return (
        select(Subscription.id)
        .where(
            text(TO_ANNOUNCE),
            Subscription.current_period_end <= at + notice,  # what the index can answer; the next line is exact
            seconds_left <= func.least(notice.total_seconds(), term_seconds / QUARTERS),
        )
        .order_by(Subscription.current_period_end)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def to_expire(*, at: datetime, grace: timedelta, limit: int) -> Select[UUID]:
    """Periods that have ended for good.

    At once where nothing follows: they were set to end, or do not renew by themselves. After `grace` where somebody may
    still pay: a payment failed or is under way, the service is suspended, or the renewal of a year has not come through.
    """
    nothing_follows = or_(
        Subscription.is_set_to_end,
        and_(
            Subscription.status.in_(["active", "expiring"]),
            not_(Subscription.renews_automatically),
            Subscription.renewal_quote_id.is_(None),
        ),
    )
    return (
        select(Subscription.id)
        .where(
            text(TO_EXPIRE),
            Subscription.current_period_end <= at,
            or_(nothing_follows, Subscription.current_period_end <= at - grace),
        )
        .order_by(Subscription.current_period_end)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def to_renew(*, at: datetime, after: Due | None, limit: int) -> DueRows:
    """Months that have ended and are followed by the next, the longest ended first; `after`: where to go on."""
    return _due(text(TO_RENEW), Subscription.current_period_end, at=at, after=after, limit=limit)


def trials_over(*, at: datetime, after: Due | None, limit: int) -> DueRows:
    """Trials that have ended, the longest ended first; `after`: where to go on."""
    return _due(text(ON_TRIAL), Subscription.trial_ends_at, at=at, after=after, limit=limit)


def find_due(session: Session, statement: DueRows) -> Sequence[Due]:
    """What one of these finds now."""
    rows = session.execute(statement)
    return [Due(subscription_id, owner_id, since) for subscription_id, owner_id, since in rows if since is not None]


def _due(
    condition: TextClause,
    since: InstrumentedAttribute[datetime | None],
    *,
    at: datetime,
    after: Due | None,
    limit: int,
) -> DueRows:
    statement = select(Subscription.id, Subscription.owner_id, since).where(condition, since <= at)
    if after is not None:
        statement = statement.where(tuple_(since, Subscription.id) > (after.since, after.subscription_id))
    return statement.order_by(since, Subscription.id).limit(limit)
