"""Tables of invoices and credit notes, and of their lines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.billing.models.plans import CURRENCY
from app.domains.billing.rules.invoice_states import Status
from app.domains.billing.rules.items import TaxCategory

MONEY = Numeric(18, 3)
"""Fine enough for every currency's minor unit."""
FINE = Numeric(20, 6)
"""Quantities and unit prices, which are counted finer than money is paid."""

INVOICE, CREDIT_NOTE = "invoice", "credit_note"
TO_TELL_OVERDUE = "status = 'open' AND overdue_at IS NULL"


def one_of(column: str, values: Any) -> str:
    """The condition that a column holds one of the values of an enumeration."""
    return f"{column} IN ({', '.join(repr(each.value) for each in values)})"


class Invoice(Owned, Timestamped, Base):
    """What is owed for something, or given back by a credit note, whose amounts are below zero.

    What it says does not change once it is issued; `status`, `credited_amount` (what notes took back of it) and times do.
    `issued_for` names what it was issued for, so that asking again finds it. `billed_name` and `billed_to` are who is billed, as
    they were then. `subscription_id` by value. `overdue_at`: when it was told that nobody paid in time.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        # an invoice by its number
        UniqueConstraint("owner_id", "invoice_number"),
        # no place of a series is given twice
        UniqueConstraint("series_id", "series_year", "series_number"),
        # what was issued for the same before
        UniqueConstraint("owner_id", "issued_for"),
        CheckConstraint("kind IN ('invoice', 'credit_note')", name="kind"),
        CheckConstraint("(kind = 'credit_note') = (credited_invoice_id IS NOT NULL)", name="credited_invoice"),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint("total_amount = net_amount + tax_amount", name="total_amount"),
        CheckConstraint("(kind = 'invoice') = (total_amount >= 0)", name="sign"),
        CheckConstraint("credited_amount BETWEEN 0 AND greatest(total_amount, 0)", name="credited_amount"),
        CheckConstraint("series_number >= 1", name="series_number"),
        # the list, newest first, in keyset pages
        Index("ix_invoices_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_invoices_status", "owner_id", "status", "created_at", "id"),
        # the list by customer; what keeps a customer from being deleted
        Index("ix_invoices_customer_id", "customer_id", "created_at", "id"),
        # the list by subscription; its earliest unpaid one
        Index("ix_invoices_subscription_id", "subscription_id", "created_at", "id"),
        # what keeps an account from being deleted
        Index("ix_invoices_billing_account_id", "billing_account_id"),
        # the credit notes of an invoice
        Index("ix_invoices_credited_invoice_id", "credited_invoice_id"),
        # beat: what is overdue and nobody was told of
        Index("ix_invoices_overdue", "due_at", "id", postgresql_where=text(TO_TELL_OVERDUE)),
        # the search by number and name
        Index(
            "ix_invoices_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text, default=INVOICE)
    invoice_number: Mapped[str] = mapped_column(Text)
    series_id: Mapped[UUID] = mapped_column(ForeignKey("invoice_series.id"))
    series_year: Mapped[int] = mapped_column(SmallInteger)
    series_number: Mapped[int] = mapped_column(Integer)
    issued_for: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    billing_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("billing_accounts.id"))
    subscription_id: Mapped[UUID | None] = mapped_column(Uuid)
    credited_invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))
    billed_name: Mapped[str] = mapped_column(Text)
    billed_email: Mapped[str | None] = mapped_column(Text)
    billed_to: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    notes: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    currency: Mapped[str] = mapped_column(Text)
    prices_include_tax: Mapped[bool] = mapped_column(server_default=false(), default=False)
    subtotal: Mapped[Decimal] = mapped_column(MONEY)
    discount_amount: Mapped[Decimal] = mapped_column(MONEY)
    net_amount: Mapped[Decimal] = mapped_column(MONEY)
    tax_amount: Mapped[Decimal] = mapped_column(MONEY)
    total_amount: Mapped[Decimal] = mapped_column(MONEY)
    credited_amount: Mapped[Decimal] = mapped_column(MONEY, server_default="0", default=Decimal(0))
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    issued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    search_text: Mapped[str] = mapped_column(
        Text, Computed("lower(invoice_number || ' ' || billed_name)", persisted=True), deferred=True
    )
    lines: Mapped[list[InvoiceLine]] = relationship(
        back_populates="invoice", lazy="selectin", order_by="InvoiceLine.position"
    )

    @property
    def due_amount(self) -> Decimal:
        """What is owed on it as long as it is not paid."""
        return self.total_amount - self.credited_amount


class InvoiceLine(Owned, Base):
    """A line with its amounts. `position` counts from 1; `credits_position`: of a credit note's, the invoice's line."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        # an invoice's lines, in order
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("total_amount = net_amount + tax_amount", name="total_amount"),
        CheckConstraint(one_of("tax_category", TaxCategory), name="tax_category"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    invoice: Mapped[Invoice] = relationship(back_populates="lines")
    position: Mapped[int] = mapped_column(Integer)
    credits_position: Mapped[int | None] = mapped_column(Integer)
    description: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(FINE)
    unit_price: Mapped[Decimal] = mapped_column(FINE)
    subtotal: Mapped[Decimal] = mapped_column(MONEY)
    discount_amount: Mapped[Decimal] = mapped_column(MONEY)
    net_amount: Mapped[Decimal] = mapped_column(MONEY)
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(6, 3))
    tax_category: Mapped[str] = mapped_column(Text)
    tax_amount: Mapped[Decimal] = mapped_column(MONEY)
    total_amount: Mapped[Decimal] = mapped_column(MONEY)

    @property
    def currency(self) -> str:
        """The invoice's."""
        return self.invoice.currency
