"""Tables of quotes and their items."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.crm.models.columns import CURRENCY, CYCLES, DEPLOYMENT_TYPES, MONEY, PERCENT, one_of
from app.domains.crm.rules.quotes import Kind, Status

TOTAL = "subtotal - discount_amount + tax_amount"
ITEM_TOTAL = "quantity * unit_price - discount_amount + tax_amount"
SEARCHED = "lower(quote_number || ' ' || customer_email || ' ' || customer_name || ' ' || coalesce(company_name, ''))"
IS_OPEN = "status = 'open'"
IS_LIVE = "status IN ('open', 'accepted')"


class Quote(Owned, Timestamped, Base):
    """An offer at a price that stays what it was: of a lead's wishes, or of a subscription's next period.

    `total_amount` is computed by the database. `discount_percent` is what this offer takes off besides the catalogue's
    discounts, `tax_rate` is in percent. `made_for`, `accepted_for` and `ordered_for` name what did it, a step of an
    execution, say. `subscription_id` and `order_id` refer by value. `valid_until`: the first moment at which it is not.
    """

    __tablename__ = "quotes"
    __table_args__ = (
        # a quote by its number
        UniqueConstraint("owner_id", "quote_number"),
        CheckConstraint(one_of("kind", Kind), name="kind"),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint("(kind = 'new') = (lead_id IS NOT NULL)", name="lead"),
        CheckConstraint("(kind = 'renewal') = (subscription_id IS NOT NULL)", name="subscription"),
        CheckConstraint(
            "(kind = 'renewal') = (period_start IS NOT NULL AND period_end IS NOT NULL AND term_months IS NOT NULL)",
            name="period",
        ),
        CheckConstraint("period_end > period_start AND term_months >= 1", name="term"),
        CheckConstraint("customer_id IS NOT NULL OR status NOT IN ('open', 'accepted')", name="customer"),
        CheckConstraint("(status = 'accepted') = (accepted_at IS NOT NULL)", name="accepted_at"),
        CheckConstraint(
            "(status IN ('rejected', 'expired', 'withdrawn')) = (closed_at IS NOT NULL)",
            name="closed_at",
        ),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint(CYCLES, name="billing_cycle"),
        CheckConstraint(DEPLOYMENT_TYPES, name="deployment_type"),
        CheckConstraint(
            "subtotal >= 0 AND discount_amount BETWEEN 0 AND subtotal AND tax_amount >= 0",
            name="amounts",
        ),
        CheckConstraint("discount_percent BETWEEN 0 AND 100", name="discount_percent"),
        # one open quote per lead and content
        Index(
            "uq_quotes_open_content",
            "owner_id",
            "lead_id",
            "content_hash",
            unique=True,
            postgresql_where=text(IS_OPEN),
        ),
        # one live renewal quote per subscription and period
        Index(
            "uq_quotes_renewal",
            "owner_id",
            "subscription_id",
            "period_start",
            unique=True,
            postgresql_where=text(IS_LIVE),
        ),
        # what the same asked for before
        Index(
            "uq_quotes_made_for",
            "owner_id",
            "made_for",
            unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
        # the list, newest first, in keyset pages
        Index("ix_quotes_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_quotes_status", "owner_id", "status", "created_at", "id"),
        # the list by lead
        Index("ix_quotes_lead_id", "lead_id", "created_at", "id"),
        # the list by customer; what keeps a customer from being deleted
        Index("ix_quotes_customer_id", "customer_id", "created_at", "id"),
        # the list by subscription
        Index("ix_quotes_subscription_id", "subscription_id", "created_at", "id"),
        # beat: quotes whose time has passed
        Index("ix_quotes_to_expire", "valid_until", postgresql_where=text(IS_OPEN)),
        # the free search of the list
        Index(
            "ix_quotes_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    quote_number: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open", default=Status.OPEN.value)
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("leads.id"))
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    subscription_id: Mapped[UUID | None] = mapped_column(Uuid)
    customer_name: Mapped[str] = mapped_column(Text)
    customer_email: Mapped[str] = mapped_column(Text)
    company_name: Mapped[str | None] = mapped_column(Text)
    organization_slug: Mapped[str | None] = mapped_column(Text)
    deployment_region: Mapped[str | None] = mapped_column(Text)
    deployment_type: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    billing_cycle: Mapped[str] = mapped_column(Text)
    subtotal: Mapped[Decimal] = mapped_column(MONEY)
    discount_percent: Mapped[Decimal] = mapped_column(PERCENT, server_default=text("0"), default=Decimal(0))
    discount_amount: Mapped[Decimal] = mapped_column(MONEY)
    tax_rate: Mapped[Decimal] = mapped_column(PERCENT)
    tax_amount: Mapped[Decimal] = mapped_column(MONEY)
    total_amount: Mapped[Decimal] = mapped_column(MONEY, Computed(TOTAL, persisted=True))
    term_months: Mapped[int | None]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    content_hash: Mapped[str] = mapped_column(Text)
    made_for: Mapped[str] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)
    valid_until: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(Text)
    accepted_for: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(Text)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    ordered_for: Mapped[str | None] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, Computed(SEARCHED, persisted=True), deferred=True)

    items: Mapped[list[QuoteItem]] = relationship(
        back_populates="quote",
        order_by="QuoteItem.position",
        lazy="selectin",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class QuoteItem(Owned, Timestamped, Base):
    """One line of a quote; `total_amount` = quantity * unit_price - discount_amount + tax_amount. `position` counts from 1."""

    __tablename__ = "quote_items"
    __table_args__ = (
        # a quote's items, in order
        UniqueConstraint("quote_id", "position"),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint(
            "unit_price >= 0 AND discount_amount BETWEEN 0 AND quantity * unit_price AND tax_amount >= 0",
            name="amounts",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    quote_id: Mapped[UUID] = mapped_column(ForeignKey("quotes.id", ondelete="CASCADE"))
    position: Mapped[int]
    product_code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int]
    unit_price: Mapped[Decimal] = mapped_column(MONEY)
    discount_amount: Mapped[Decimal] = mapped_column(MONEY)
    tax_amount: Mapped[Decimal] = mapped_column(MONEY)
    total_amount: Mapped[Decimal] = mapped_column(MONEY, Computed(ITEM_TOTAL, persisted=True))
    configuration: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)

    quote: Mapped[Quote] = relationship(back_populates="items")

    @property
    def currency(self) -> str:
        """The currency of its amounts is the quote's."""
        return self.quote.currency
