"""Reads of quotes, and the choice of those that beat works on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, select, text, update
from sqlalchemy.orm import Session

from app.core.lists import containing
from app.domains.crm.models import Quote
from app.domains.crm.models.quotes import IS_LIVE, IS_OPEN

# literal: with bound values PostgreSQL no longer finds the partial indexes once it keeps a generic plan
_OPEN = text(IS_OPEN)
_LIVE = text(IS_LIVE)
_NOT_WITHDRAWN = text("status <> 'withdrawn'")


def quote(session: Session, quote_id: UUID, *, locked: bool = False) -> Quote | None:
    """The quote with its items; locked: as it is now."""
    statement = select(Quote).where(Quote.id == quote_id)
    if locked:
        statement = statement.with_for_update(of=Quote, key_share=True).execution_options(populate_existing=True)
    return session.scalar(statement)


def quotes(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    lead_id: UUID | None = None,
    customer_id: UUID | None = None,
    subscription_id: UUID | None = None,
) -> Select[Quote]:
    """Quotes by these filters, to be paged. `q`: part of number, e-mail address, name or company."""
    statement = select(Quote)
    if status is not None:
        statement = statement.where(Quote.status == status)
    if kind is not None:
        statement = statement.where(Quote.kind == kind)
    if lead_id is not None:
        statement = statement.where(Quote.lead_id == lead_id)
    if customer_id is not None:
        statement = statement.where(Quote.customer_id == customer_id)
    if subscription_id is not None:
        statement = statement.where(Quote.subscription_id == subscription_id)
    if q is not None:
        statement = statement.where(containing(session, Quote.id, Quote.search_text, q))
    return statement


def made_for(session: Session, key: str) -> Quote | None:
    """What the same asked for before and was not withdrawn since."""
    return session.scalar(select(Quote).where(Quote.made_for == key, _NOT_WITHDRAWN))


def open_of_content(session: Session, *, lead_id: UUID, content_hash: str) -> Quote | None:
    """The lead's open quote of that content."""
    return session.scalar(select(Quote).where(Quote.lead_id == lead_id, Quote.content_hash == content_hash, _OPEN))


def live_renewal(session: Session, *, subscription_id: UUID, period_start: datetime) -> Quote | None:
    """The subscription's live renewal quote for that period."""
    return session.scalar(
        select(Quote).where(Quote.subscription_id == subscription_id, Quote.period_start == period_start, _LIVE)
    )


def has_live(session: Session, *, lead_id: UUID) -> bool:
    """Whether the lead has a quote that is open or was accepted."""
    return bool(session.scalar(select(exists().where(Quote.lead_id == lead_id, _LIVE))))


def has_open(session: Session, *, lead_id: UUID) -> bool:
    """Whether the lead has a quote that may still be accepted."""
    return bool(session.scalar(select(exists().where(Quote.lead_id == lead_id, _OPEN))))


def to_expire(session: Session, *, at: datetime, limit: int) -> Sequence[Quote]:
    """Open quotes whose time has passed by then, locked; one that somebody else works on is left to them."""
    return session.scalars(
        select(Quote)
        .where(_OPEN, Quote.valid_until <= at)
        .order_by(Quote.valid_until)
        .limit(limit)
        .with_for_update(of=Quote, key_share=True, skip_locked=True)
    ).all()


def let_go(session: Session, *, customer_id: UUID) -> Sequence[UUID]:
    """The customer's quotes that mean nothing any more refer to it no longer; returns their ids."""
    return session.scalars(
        update(Quote)
        .where(Quote.customer_id == customer_id, Quote.status.in_(["rejected", "expired", "withdrawn"]))
        .values(customer_id=None)
        .returning(Quote.id)
        .execution_options(synchronize_session="fetch")
    ).all()


def give_back(session: Session, *, customer_id: UUID, quote_ids: Sequence[UUID]) -> None:
    """These quotes refer to the customer again."""
    session.execute(
        update(Quote)
        .where(Quote.id.in_(quote_ids))
        .values(customer_id=customer_id)
        .execution_options(synchronize_session="fetch")
    )
