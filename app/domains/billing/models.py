"""Tables of billing accounts, invoice series and subscriptions. Tenants and orders by value: books outlive them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, Text, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id


class BillingAccount(Owned, Timestamped, Base):
    """Who pays for a tenant, and in which currency (ISO 4217)."""

    __tablename__ = "billing_accounts"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        # the list of accounts, newest first, in keyset pages
        Index("ix_billing_accounts_owner_id", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open", default="open")


class InvoiceSeries(Owned, Timestamped, Base):
    """The numbers of an account's invoices, counted up under the row's lock."""

    __tablename__ = "invoice_series"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    billing_account_id: Mapped[UUID] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"), unique=True)
    prefix: Mapped[str] = mapped_column(Text)
    next_number: Mapped[int] = mapped_column(server_default="1", default=1)


class Subscription(Owned, Timestamped, Base):
    """What an account pays for, period by period. `amount` is for one period; no period end: it runs until cancelled.

    `notice_sent_for` is the period end that was announced, so each period is announced once.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'expiring', 'expired', 'cancelled')", name="status"),
        CheckConstraint("billing_cycle IN ('monthly', 'annual', 'one_time')", name="billing_cycle"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day"),
        CheckConstraint("current_period_end > current_period_start", name="period"),
        # the subscriptions of an account
        Index("ix_subscriptions_billing_account_id", "billing_account_id"),
        # the subscriptions of a tenant
        Index("ix_subscriptions_tenant_id", "tenant_id"),
        # beat: periods about to end that nobody was told of
        Index(
            "ix_subscriptions_to_announce",
            "current_period_end",
            postgresql_where=text("status = 'active' AND notice_sent_for IS DISTINCT FROM current_period_end"),
        ),
        # beat: periods that have ended
        Index(
            "ix_subscriptions_to_expire",
            "current_period_end",
            postgresql_where=text("status IN ('active', 'expiring') AND NOT renews_automatically"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    billing_account_id: Mapped[UUID] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"))
    tenant_id: Mapped[UUID] = mapped_column(Uuid)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    service_codes: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    status: Mapped[str] = mapped_column(Text, server_default="active", default="active")
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 4))
    currency: Mapped[str] = mapped_column(Text)
    billing_cycle: Mapped[str] = mapped_column(Text)
    anchor_day: Mapped[int] = mapped_column(SmallInteger)
    current_period_start: Mapped[datetime]
    current_period_end: Mapped[datetime | None]
    renews_automatically: Mapped[bool] = mapped_column(server_default=false(), default=False)
    notice_sent_for: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
