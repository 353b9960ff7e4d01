"""Tables of the sales room."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.elements import ColumnElement

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.sales.rules import (
    BILLING_CYCLES,
    DEPLOYMENT_TYPES,
    ITEM_TYPES,
    PAYMENT_STATUSES,
    SOURCE_NAMES,
    Status,
)

MONEY = Numeric(16, 3)
"""Fine enough for every currency's minor unit."""

TOTAL = "subtotal - discount_amount + tax_amount"
ITEM_TOTAL = "quantity * unit_price - discount_amount + tax_amount"
PROCESSING = "(EXTRACT(epoch FROM activated_at - submitted_at))::numeric(14,3)"
SEARCHED = (
    "lower(order_number || ' ' || customer_email || ' ' || customer_name || ' ' || coalesce(company_name, '')"
    " || ' ' || organization_slug)"
)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


STATUS_CHECK = _one_of("status", tuple(status.value for status in Status))


class Order(Owned, Timestamped, Base):
    """One purchase.

    `total_amount` and `processing_seconds` (from submission to activation) are computed by the database, the other amounts
    are kept equal to the sums of the items by triggers, `version` counts every change of the row. `tax_rate` is in percent.
    `tenant_id` is the tenant that the order made: its users may read the order. `deployment_template_id`,
    `deployment_instance_id`, `execution_id` and `quote_id` refer by value; of an order with `quote_id` the prices are that quote's.
    """

    __tablename__ = "orders"
    __table_args__ = (
        # the public status address, the search by number
        UniqueConstraint("order_number"),
        CheckConstraint(STATUS_CHECK, name="status"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint(_one_of("billing_cycle", BILLING_CYCLES), name="billing_cycle"),
        CheckConstraint(_one_of("payment_status", PAYMENT_STATUSES), name="payment_status"),
        CheckConstraint(_one_of("source", SOURCE_NAMES), name="source"),
        CheckConstraint(_one_of("deployment_type", DEPLOYMENT_TYPES), name="deployment_type"),
        # whoever orders twice under one external number finds the first order
        Index(
            "uq_orders_external",
            "owner_id",
            "source",
            "external_order_id",
            unique=True,
            postgresql_where="external_order_id IS NOT NULL",
        ),
        # the list, newest first, by keyset; also by created_after
        Index("ix_orders_list", "owner_id", "created_at", "id"),
        # the list by status; the last active orders
        Index("ix_orders_status", "owner_id", "status", "created_at", "id"),
        # the list by customer
        Index("ix_orders_customer", "owner_id", "customer_email", "created_at", "id"),
        # the orders that made a tenant: what its users read; what a deleted tenant leaves
        Index("ix_orders_tenant_id", "tenant_id"),
        # drafts past their age
        Index("ix_orders_drafts", "created_at", postgresql_where="status = 'draft'"),
        # the free search of the list
        Index(
            "ix_orders_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as the declarative base declares it

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_number: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    status_message: Mapped[str | None] = mapped_column(Text)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenants.id", ondelete="SET NULL"))
    customer_email: Mapped[str] = mapped_column(Text)
    customer_name: Mapped[str] = mapped_column(Text)
    company_name: Mapped[str | None] = mapped_column(Text)
    customer_phone: Mapped[str | None] = mapped_column(Text)
    billing_address: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    organization_slug: Mapped[str] = mapped_column(Text)
    organization_name: Mapped[str | None] = mapped_column(Text)
    deployment_template_id: Mapped[UUID | None] = mapped_column(Uuid)
    deployment_region: Mapped[str | None] = mapped_column(Text)
    deployment_type: Mapped[str | None] = mapped_column(Text)
    package_code: Mapped[str | None] = mapped_column(Text)
    selected_services: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    service_configuration: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    features: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    currency: Mapped[str] = mapped_column(Text)
    subtotal: Mapped[Decimal] = mapped_column(MONEY, server_default="0", server_onupdate=FetchedValue())
    discount_amount: Mapped[Decimal] = mapped_column(MONEY, server_default="0", server_onupdate=FetchedValue())
    promo_code: Mapped[str | None] = mapped_column(Text)
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(6, 3), server_default="0")
    tax_amount: Mapped[Decimal] = mapped_column(MONEY, server_default="0", server_onupdate=FetchedValue())
    total_amount: Mapped[Decimal] = mapped_column(MONEY, Computed(TOTAL, persisted=True))
    billing_cycle: Mapped[str] = mapped_column(Text)
    payment_status: Mapped[str] = mapped_column(Text, server_default="pending")
    payment_reference: Mapped[str | None] = mapped_column(Text)
    contract_reference: Mapped[str | None] = mapped_column(Text)
    contract_start_date: Mapped[date | None] = mapped_column(Date)
    contract_end_date: Mapped[date | None] = mapped_column(Date)
    deployment_instance_id: Mapped[UUID | None] = mapped_column(Uuid)
    activation_url: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    external_order_id: Mapped[str | None] = mapped_column(Text)
    quote_id: Mapped[UUID | None] = mapped_column(Uuid)
    utm_source: Mapped[str | None] = mapped_column(Text)
    utm_medium: Mapped[str | None] = mapped_column(Text)
    utm_campaign: Mapped[str | None] = mapped_column(Text)
    referrer: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)
    auto_activate: Mapped[bool | None]
    execution_id: Mapped[int | None] = mapped_column(BigInteger)
    submitted_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    provisioning_started_at: Mapped[datetime | None]
    activated_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    processing_seconds: Mapped[Decimal | None] = mapped_column(Numeric(14, 3), Computed(PROCESSING, persisted=True))
    created_by: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())
    version: Mapped[int] = mapped_column(Integer, server_default="1", server_onupdate=FetchedValue())
    search_text: Mapped[str] = mapped_column(Text, Computed(SEARCHED, persisted=True), deferred=True)

    items: Mapped[list[OrderItem]] = relationship(
        back_populates="order",
        order_by="OrderItem.position",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )

    @classmethod
    def shared_with(cls, owner_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == owner_id


class OrderItem(Owned, Timestamped, Base):
    """One line of an order; `total_amount` = quantity * unit_price - discount_amount + tax_amount. `position` counts from 1."""

    __tablename__ = "order_items"
    __table_args__ = (
        # an order's items, in order
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint(
            "unit_price >= 0 AND discount_amount >= 0 AND tax_amount >= 0",
            name="amounts",
        ),
        CheckConstraint(_one_of("item_type", ITEM_TYPES), name="item_type"),
        CheckConstraint(_one_of("billing_cycle", BILLING_CYCLES), name="billing_cycle"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    item_type: Mapped[str] = mapped_column(Text, server_default="service")
    service_code: Mapped[str | None] = mapped_column(Text)
    product_code: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(Integer, server_default="1")
    unit_price: Mapped[Decimal] = mapped_column(MONEY)
    discount_amount: Mapped[Decimal] = mapped_column(MONEY, server_default="0")
    tax_amount: Mapped[Decimal] = mapped_column(MONEY, server_default="0")
    total_amount: Mapped[Decimal] = mapped_column(MONEY, Computed(ITEM_TOTAL, persisted=True))
    configuration: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    billing_cycle: Mapped[str] = mapped_column(Text)
    trial_days: Mapped[int | None] = mapped_column(Integer)
    subscription_id: Mapped[UUID | None] = mapped_column(Uuid)

    order: Mapped[Order] = relationship(back_populates="items")

    @property
    def currency(self) -> str:
        """The currency of its amounts is the order's."""
        return self.order.currency

    @classmethod
    def shared_with(cls, owner_id: UUID) -> ColumnElement[bool]:
        return cls.order_id.in_(select(Order.id).where(Order.tenant_id == owner_id))


class OrderHistory(Owned, Base):
    """One transition of an order, append-only. `from_status` NULL: it was made."""

    __tablename__ = "order_history"
    # the history of one order, in order
    __table_args__ = (Index("ix_order_history_order_id", "order_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    status_message: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    execution_id: Mapped[int | None] = mapped_column(BigInteger)


class OrderStatistic(Owned, Base):
    """How a day's transitions changed the totals of a status in a currency.

    Insert-only: each transition adds rows, beat folds rows of one key into one, and a total is always the sum of the rows.
    `revenue` and `seconds` (of processing) count with orders that became active.
    """

    __tablename__ = "order_statistics"
    # the summary of one owner; the rows of one key, to be folded
    __table_args__ = (Index("ix_order_statistics_key", "owner_id", "day", "status", "currency"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    orders: Mapped[int] = mapped_column(Integer)
    revenue: Mapped[Decimal] = mapped_column(Numeric(20, 3))
    seconds: Mapped[Decimal] = mapped_column(Numeric(20, 3))
