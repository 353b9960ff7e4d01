"""Tables of partners' license pools, and of what was given out of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id


class LicensePool(Owned, Timestamped, Base):
    """How many licenses of a template a partner may give out, and how many it has.

    `unit_price`: what a license of it is sold for, where commissions on it are to be reckoned; null: nobody says.
    """

    __tablename__ = "license_pools"
    __table_args__ = (
        # a partner's pool of a template
        UniqueConstraint("partner_id", "template_id"),
        # whatever happens, nothing is given out that is not there
        CheckConstraint("allocated BETWEEN 0 AND total", name="allocated"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("(unit_price IS NULL) = (currency IS NULL)", name="price"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        # a partner's pools, newest first, in keyset pages
        Index("ix_license_pools_list", "partner_id", "created_at", "id"),
        # what keeps a template from being deleted
        Index("ix_license_pools_template_id", "template_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    template_id: Mapped[UUID] = mapped_column(ForeignKey("license_templates.id"))
    total: Mapped[int]
    allocated: Mapped[int] = mapped_column(server_default="0", default=0)
    unit_price: Mapped[Decimal | None] = mapped_column(Numeric(16, 3))
    currency: Mapped[str | None] = mapped_column(Text)

    @property
    def available(self) -> int:
        """How many licenses are left in it."""
        return self.total - self.allocated


class LicenseAllocation(Owned, Timestamped, Base):
    """Licenses that a customer got from a pool at once. `allocated_for` names what asked for them; asking again finds them."""

    __tablename__ = "license_allocations"
    __table_args__ = (
        CheckConstraint("license_count >= 1", name="license_count"),
        # what was allocated for the same before
        Index(
            "uq_license_allocations_allocated_for",
            "owner_id",
            "allocated_for",
            unique=True,
            postgresql_where=text("returned_at IS NULL"),
        ),
        # a partner's allocations, newest first, in keyset pages
        Index("ix_license_allocations_list", "partner_id", "created_at", "id"),
        # what was given out of a pool
        Index("ix_license_allocations_pool_id", "pool_id"),
        # what a customer has of a partner; what keeps a customer from being deleted
        Index("ix_license_allocations_customer_id", "customer_id", "partner_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("license_pools.id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    license_count: Mapped[int]
    allocated_for: Mapped[str] = mapped_column(Text)
    returned_at: Mapped[datetime | None]

    @property
    def status(self) -> str:
        """Whether the customer has them, or they are back in the pool."""
        return "allocated" if self.returned_at is None else "returned"


class AllocatedLicense(Owned, Timestamped, Base):
    """A license came with an allocation."""

    __tablename__ = "allocated_licenses"
    # an allocation's licenses, in the order in which they were issued
    __table_args__ = (Index("ix_allocated_licenses_allocation_id", "allocation_id", "license_id"),)

    license_id: Mapped[UUID] = mapped_column(ForeignKey("licenses.id"), primary_key=True)
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("license_allocations.id"))
