"""Tables of services, prices, packages, regions and tax rates."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, Uuid, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.core.money import rounded


class Service(Owned, Timestamped, Base):
    """Something that can be ordered by its code. Not active: nobody orders it any more."""

    __tablename__ = "services"
    # a service by its code
    __table_args__ = (UniqueConstraint("owner_id", "code"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default=text("''"), default="")
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    prices: Mapped[list[Price]] = relationship(
        back_populates="service", lazy="selectin", order_by="Price.currency", passive_deletes=True
    )


class Price(Owned, Timestamped, Base):
    """What one unit of a service costs per month in one currency; by a percentage less where a year is paid at once."""

    __tablename__ = "prices"
    __table_args__ = (
        # a service's price in a currency
        UniqueConstraint("service_id", "currency"),
        # whether anything is sold in a currency
        Index("ix_prices_owner_id_currency", "owner_id", "currency"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("annual_discount_percent BETWEEN 0 AND 100", name="annual_discount_percent"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    service_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("services.id", ondelete="CASCADE"))
    currency: Mapped[str] = mapped_column(Text)
    unit_price: Mapped[Decimal] = mapped_column(Numeric(16, 3))
    annual_discount_percent: Mapped[Decimal] = mapped_column(
        Numeric(6, 3), server_default=text("0"), default=Decimal(0)
    )
    service: Mapped[Service] = relationship(back_populates="prices", lazy="joined", innerjoin=True)

    @property
    def monthly(self) -> Decimal:
        """`unit_price` with the decimals of its currency."""
        return rounded(self.unit_price, self.currency)


class Package(Owned, Timestamped, Base):
    """Services that are ordered together by one code."""

    __tablename__ = "packages"
    # a package by its code
    __table_args__ = (UniqueConstraint("owner_id", "code"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default=text("''"), default="")
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    items: Mapped[list[PackageItem]] = relationship(
        lazy="selectin", order_by="PackageItem.position", cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def services(self) -> list[str]:
        """The codes of its services, in order."""
        return [item.service.code for item in self.items]


class PackageItem(Owned, Base):
    """A package has a service. `position` counts from 1."""

    __tablename__ = "package_items"
    # which packages have a service (looked up when it is deleted)
    __table_args__ = (Index("ix_package_items_service_id", "service_id"),)

    package_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("packages.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("services.id"), primary_key=True)
    position: Mapped[int]
    service: Mapped[Service] = relationship(lazy="joined", innerjoin=True)


class Region(Owned, Timestamped, Base):
    """Where a service can run. `country`: ISO 3166-1 alpha-2, the one whose tax applies."""

    __tablename__ = "regions"
    __table_args__ = (
        # a region by its code
        UniqueConstraint("owner_id", "code"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)


class TaxRate(Owned, Timestamped, Base):
    """A tax in percent: of a region; with a null region, of a country; with both null, of everywhere else."""

    __tablename__ = "tax_rates"
    __table_args__ = (
        # the rate for a place: the most specific row is taken
        UniqueConstraint("owner_id", "region_code", "country", postgresql_nulls_not_distinct=True),
        CheckConstraint("rate BETWEEN 0 AND 100", name="rate"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
        CheckConstraint("region_code IS NULL OR country IS NULL", name="one_place"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    region_code: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    rate: Mapped[Decimal] = mapped_column(Numeric(6, 3))
