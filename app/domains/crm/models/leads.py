"""The table of leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, SmallInteger, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.crm.models.columns import CURRENCY, CYCLES, DEPLOYMENT_TYPES, one_of
from app.domains.crm.rules.leads import Source, Status

SEARCHED = (
    "lower(coalesce(email, '') || ' ' || coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || "
    "coalesce(company_name, '') || ' ' || coalesce(phone, ''))"
)


class Lead(Owned, Timestamped, Base):
    """Somebody who may buy.

    `wanted_products`: {product_code, quantity, configuration?}, each the code of a service or package; `address`: see the
    rules. `qualified_for` and `converted_for` name what did it, a step of an execution, say, and `qualified_from` and
    `customer_status_before` what was there before: what is undone goes back to that. `score`: 0 to 100, of a lead that was
    qualified.
    """

    __tablename__ = "leads"
    __table_args__ = (
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint(one_of("source", Source), name="source"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="contact"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint(CYCLES, name="billing_cycle"),
        CheckConstraint(DEPLOYMENT_TYPES, name="deployment_type"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        CheckConstraint("(status IN ('qualified', 'converted')) = (qualified_at IS NOT NULL)", name="qualified_at"),
        CheckConstraint("qualified_at IS NULL OR customer_id IS NOT NULL", name="customer"),
        CheckConstraint("(status = 'converted') = (converted_at IS NOT NULL)", name="converted_at"),
        CheckConstraint("(status = 'lost') = (lost_at IS NOT NULL)", name="lost_at"),
        # the list, newest first, in keyset pages
        Index("ix_leads_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_leads_status", "owner_id", "status", "created_at", "id"),
        # the list by e-mail address
        Index("ix_leads_email", "owner_id", "email", "created_at", "id"),
        # the leads of a customer; what keeps a customer from being deleted
        Index("ix_leads_customer_id", "customer_id"),
        # the free search of the list
        Index(
            "ix_leads_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    status: Mapped[str] = mapped_column(Text, server_default="new", default=Status.NEW.value)
    source: Mapped[str] = mapped_column(Text, server_default="other", default=Source.OTHER.value)
    email: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    first_name: Mapped[str | None] = mapped_column(Text)
    last_name: Mapped[str | None] = mapped_column(Text)
    company_name: Mapped[str | None] = mapped_column(Text)
    address: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    wanted_products: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    organization_slug: Mapped[str | None] = mapped_column(Text)
    deployment_region: Mapped[str | None] = mapped_column(Text)
    deployment_type: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text, server_default="USD", default="USD")
    billing_cycle: Mapped[str] = mapped_column(Text, server_default="monthly", default="monthly")
    notes: Mapped[str | None] = mapped_column(Text)
    score: Mapped[int | None] = mapped_column(SmallInteger)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    qualified_at: Mapped[datetime | None]
    qualified_from: Mapped[str | None] = mapped_column(Text)
    qualified_for: Mapped[str | None] = mapped_column(Text)
    converted_at: Mapped[datetime | None]
    converted_for: Mapped[str | None] = mapped_column(Text)
    customer_status_before: Mapped[str | None] = mapped_column(Text)
    lost_at: Mapped[datetime | None]
    lost_reason: Mapped[str | None] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, Computed(SEARCHED, persisted=True), deferred=True)
