"""Tables of customers and their addresses."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.customers.rules import Kind, Status

DEGREES = Numeric(9, 6)
SEARCHED = (
    "lower(customer_number || ' ' || email || ' ' || name || ' ' || coalesce(first_name, '') || ' ' || "
    "coalesce(last_name, '') || ' ' || coalesce(company_name, '') || ' ' || coalesce(phone, ''))"
)


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(each.value) for each in values)})"


class Customer(Owned, Timestamped, Base):
    """Somebody who buys, or may.

    `serial` counts all customers of the installation, for scripts that know integers only. `email` is in lower case, `phone`
    E.164, `currency` ISO 4217, `country` ISO 3166-1 alpha-2. `partner_id` and `lead_id` refer by value. `activated_for`
    names what made a prospect active, and alone may take that back. `version` counts every change of the row.
    """

    __tablename__ = "customers"
    __table_args__ = (
        # a customer by its number
        UniqueConstraint("owner_id", "customer_number"),
        # a customer by its address: once the owner's own, and once each partner's
        UniqueConstraint(
            "owner_id", "email", "partner_id", name="uq_customers_email", postgresql_nulls_not_distinct=True
        ),
        # one lead makes one customer
        Index("uq_customers_lead_id", "owner_id", "lead_id", unique=True, postgresql_where=text("lead_id IS NOT NULL")),
        CheckConstraint(_one_of("status", Status), name="status"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("phone ~ '^[+][1-9][0-9]+$'", name="phone"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
        CheckConstraint("activated_for IS NULL OR status = 'active'", name="activated_for"),
        # the list, newest first, by keyset
        Index("ix_customers_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_customers_status", "owner_id", "status", "created_at", "id"),
        # the list of a partner's customers
        Index(
            "ix_customers_partner_id",
            "owner_id",
            "partner_id",
            "created_at",
            "id",
            postgresql_where=text("partner_id IS NOT NULL"),
        ),
        # the free search of the list
        Index(
            "ix_customers_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as the declarative base declares it

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    serial: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    customer_number: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=Status.PROSPECT.value)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    first_name: Mapped[str | None] = mapped_column(Text)
    last_name: Mapped[str | None] = mapped_column(Text)
    company_name: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    tier: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str | None] = mapped_column(Text)
    tax_id: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    partner_id: Mapped[UUID | None] = mapped_column(Uuid)
    lead_id: Mapped[UUID | None] = mapped_column(Uuid)
    activated_for: Mapped[str | None] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    labels: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())
    version: Mapped[int] = mapped_column(Integer, server_default="1", server_onupdate=FetchedValue())
    search_text: Mapped[str] = mapped_column(Text, Computed(SEARCHED, persisted=True), deferred=True)

    addresses: Mapped[list[CustomerAddress]] = relationship(
        order_by="CustomerAddress.position", lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )


class CustomerAddress(Owned, Timestamped, Base):
    """Where a customer is billed, served or sent things to. `position` counts from 1; of each kind one is the primary."""

    __tablename__ = "customer_addresses"
    __table_args__ = (
        # a customer's addresses, in order
        UniqueConstraint("customer_id", "position"),
        Index("uq_customer_addresses_primary", "customer_id", "kind", unique=True, postgresql_where=text("is_primary")),
        CheckConstraint(_one_of("kind", Kind), name="kind"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="degrees"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("customers.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(Text)
    line1: Mapped[str] = mapped_column(Text)
    line2: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    postal_code: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    is_primary: Mapped[bool] = mapped_column(server_default=false(), default=False)
    latitude: Mapped[Decimal | None] = mapped_column(DEGREES)
    longitude: Mapped[Decimal | None] = mapped_column(DEGREES)
