"""Tables of billing accounts and invoice series. Tenants and orders by value: books outlive them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, Text, Uuid, text
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
    """Where the numbers of invoices stand, counted up under the row's lock: an account's, or the owner's own without an account.

    `year` is that of the last number given out, null before the first; `next_number` follows it in that year.
    """

    __tablename__ = "invoice_series"
    __table_args__ = (
        CheckConstraint("next_number >= 1", name="next_number"),
        # the owner's own series
        Index("uq_invoice_series_own", "owner_id", unique=True, postgresql_where=text("billing_account_id IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    billing_account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("billing_accounts.id", ondelete="CASCADE"), unique=True
    )
    prefix: Mapped[str] = mapped_column(Text)
    year: Mapped[int | None] = mapped_column(SmallInteger)
    next_number: Mapped[int] = mapped_column(server_default="1", default=1)
