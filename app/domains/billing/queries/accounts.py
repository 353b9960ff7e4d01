"""Reads of billing accounts and their series."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domains.billing.models import BillingAccount, InvoiceSeries, Subscription

MAX_SUBSCRIPTIONS = 1000


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
