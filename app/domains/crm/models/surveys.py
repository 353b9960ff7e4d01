"""The table of site surveys."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.crm.models.columns import CURRENCY, DEGREES, MONEY, one_of
from app.domains.crm.rules.surveys import Status


class SiteSurvey(Owned, Timestamped, Base):
    """Whether and how a place can be served, as a surveyor found it.

    About a lead, a customer or a ticket (which is referred to by value). `is_feasible` and what follows it are the result;
    `reason` says why it cannot be done. Latitude and longitude in degrees (WGS 84), `fiber_distance_m` in metres.
    """

    __tablename__ = "site_surveys"
    __table_args__ = (
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint("lead_id IS NOT NULL OR customer_id IS NOT NULL OR ticket_id IS NOT NULL", name="about"),
        CheckConstraint(
            "(status = 'completed') = (completed_at IS NOT NULL AND is_feasible IS NOT NULL)", name="completed"
        ),
        CheckConstraint("is_feasible IS NOT FALSE OR reason IS NOT NULL", name="reason"),
        CheckConstraint("status <> 'scheduled' OR scheduled_for IS NOT NULL", name="scheduled"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="degrees"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place"),
        CheckConstraint("fiber_distance_m >= 0 AND estimated_cost >= 0", name="measures"),
        CheckConstraint("estimated_cost IS NULL OR currency IS NOT NULL", name="cost"),
        CheckConstraint(CURRENCY, name="currency"),
        # the list, newest first, in keyset pages
        Index("ix_site_surveys_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_site_surveys_status", "owner_id", "status", "created_at", "id"),
        # the list by lead
        Index("ix_site_surveys_lead_id", "lead_id", "created_at", "id"),
        # the list by customer, and a customer's last survey; what keeps a customer from being deleted
        Index("ix_site_surveys_customer_id", "customer_id", "created_at", "id"),
        # a ticket's last survey
        Index("ix_site_surveys_ticket_id", "ticket_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    status: Mapped[str] = mapped_column(Text, server_default="requested", default=Status.REQUESTED.value)
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("leads.id"))
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(Uuid)
    address: Mapped[dict[str, Any]]
    latitude: Mapped[Decimal | None] = mapped_column(DEGREES)
    longitude: Mapped[Decimal | None] = mapped_column(DEGREES)
    scheduled_for: Mapped[datetime | None]
    surveyor: Mapped[str | None] = mapped_column(Text)
    is_feasible: Mapped[bool | None]
    reason: Mapped[str | None] = mapped_column(Text)
    technology: Mapped[str | None] = mapped_column(Text)
    fiber_distance_m: Mapped[Decimal | None] = mapped_column(Numeric(10, 1))
    olt: Mapped[str | None] = mapped_column(Text)
    pop: Mapped[str | None] = mapped_column(Text)
    port: Mapped[str | None] = mapped_column(Text)
    ont_type: Mapped[str | None] = mapped_column(Text)
    estimated_cost: Mapped[Decimal | None] = mapped_column(MONEY)
    currency: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str | None] = mapped_column(Text)
    completed_at: Mapped[datetime | None]
