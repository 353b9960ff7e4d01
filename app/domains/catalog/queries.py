"""Reads of the catalogue, of the session's owner only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from app.domains.catalog.models import Package, Price, Region, Service, TaxRate

MAX_ROWS = 1000
"""A catalogue is read whole; nobody sells more different things than this."""


def services(session: Session, *, active_only: bool) -> Sequence[Service]:
    statement = select(Service).order_by(Service.created_at, Service.id).limit(MAX_ROWS)
    return session.scalars(statement.where(Service.is_active) if active_only else statement).all()


def every_service() -> Select[tuple[Service]]:
    return select(Service)


def every_price() -> Select[tuple[Price]]:
    return select(Price)


def every_package() -> Select[tuple[Package]]:
    return select(Package)


def every_region() -> Select[tuple[Region]]:
    return select(Region)


def services_by_code(session: Session, codes: Collection[str]) -> Mapping[str, Service]:
    rows = session.scalars(select(Service).where(Service.code.in_(codes)).limit(MAX_ROWS))
    return {service.code: service for service in rows}


def packages(session: Session, *, active_only: bool) -> Sequence[Package]:
    statement = select(Package).order_by(Package.created_at, Package.id).limit(MAX_ROWS)
    return session.scalars(statement.where(Package.is_active) if active_only else statement).all()


def package(session: Session, code: str, *, locked: bool = False) -> Package | None:
    statement = select(Package).where(Package.code == code)
    return session.scalar(statement.with_for_update() if locked else statement)


def regions(session: Session, *, active_only: bool) -> Sequence[Region]:
    statement = select(Region).order_by(Region.code).limit(MAX_ROWS)
    return session.scalars(statement.where(Region.is_active) if active_only else statement).all()


def region(session: Session, code: str) -> Region | None:
    return session.scalar(select(Region).where(Region.code == code))


def price(session: Session, *, service_code: str, currency: str, locked: bool = False) -> Price | None:
    statement = select(Price).join(Price.service).where(Service.code == service_code, Price.currency == currency)
    return session.scalar(statement.with_for_update(of=Price) if locked else statement)


def is_sold_in(session: Session, currency: str) -> bool:
    return bool(session.scalar(select(exists().where(Price.currency == currency).select_from(Price))))


def tax_rate(session: Session, *, region: Region | None) -> Decimal | None:
    """In percent: the region's own rate, else its country's, else that of everywhere."""
    everywhere = TaxRate.region_code.is_(None) & TaxRate.country.is_(None)
    here = or_(TaxRate.region_code == region.code, TaxRate.country == region.country) if region else everywhere
    return session.scalar(
        select(TaxRate.rate)
        .where(or_(here, everywhere))
        .order_by(TaxRate.region_code.is_(None), TaxRate.country.is_(None))
        .limit(1)
    )


def tax_rate_of_country(session: Session, country: str | None) -> Decimal | None:
    """In percent: the country's rate, else that of everywhere."""
    everywhere = TaxRate.country.is_(None)
    return session.scalar(
        select(TaxRate.rate)
        .where(TaxRate.region_code.is_(None), or_(TaxRate.country == country, everywhere))
        .order_by(TaxRate.country.is_(None))
        .limit(1)
    )
