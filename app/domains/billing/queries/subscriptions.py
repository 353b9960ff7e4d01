"""Reads of subscriptions, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from app.domains.billing.models import Subscription, SubscriptionExtension
from app.domains.billing.models.subscriptions import NOT_ENDED


def all_subscriptions(
    *,
    customer_id: UUID | None = None,
    plan_id: UUID | None = None,
    tenant_id: UUID | None = None,
    status: str | None = None,
) -> Select[Subscription]:
    """Subscriptions by these filters, to be paged."""
    statement = select(Subscription)
    wanted = {"customer_id": customer_id, "plan_id": plan_id, "tenant_id": tenant_id, "status": status}
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(getattr(Subscription, name) == value)
    return statement


def subscription(session: Session, subscription_id: UUID, *, locked: bool = False) -> Subscription | None:
    """The subscription; locked: as it is now."""
    statement = select(Subscription).where(Subscription.id == subscription_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def locked_of(session: Session, ids: Sequence[UUID]) -> Sequence[Subscription]:
    """Those of these subscriptions that nobody else works on, locked as they are now."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.id.in_(ids))
        .order_by(Subscription.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def subscription_for(session: Session, created_for: str) -> Subscription | None:
    """The subscription that has not ended and was made for this."""
    return session.scalar(select(Subscription).where(Subscription.created_for == created_for, text(NOT_ENDED)))


def held_for(session: Session, *, customer_id: UUID, quote_id: UUID) -> Sequence[Subscription]:
    """The customer's subscription whose renewal by that quote is being paid for, locked as it is now; at most one."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.customer_id == customer_id, Subscription.renewal_quote_id == quote_id)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def extensions(subscription_id: UUID) -> Select[SubscriptionExtension]:
    """The renewals of a subscription, to be paged."""
    return select(SubscriptionExtension).where(SubscriptionExtension.subscription_id == subscription_id)


def extension_by(session: Session, quote_id: UUID) -> SubscriptionExtension | None:
    """What a quote has moved, as it is now."""
    return session.scalar(
        select(SubscriptionExtension)
        .where(SubscriptionExtension.quote_id == quote_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
