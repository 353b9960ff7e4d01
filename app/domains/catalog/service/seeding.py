"""The catalogue that a new installation begins with."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.catalog.models import Package, PackageItem, Price, Region, Service, TaxRate

CURRENCY = "USD"

SERVICES: tuple[tuple[str, str, str, Decimal], ...] = (
    ("subscriber-provisioning", "Subscriber Management", "Subscriber realm and numbering", Decimal("99.00")),
    ("radius-aaa", "RADIUS AAA", "Authentication, authorisation and accounting of subscribers", Decimal("149.00")),
    ("network-monitoring", "Network Monitoring", "Probes, checks and their history", Decimal("199.00")),
    ("billing-invoicing", "Billing & Invoicing", "Billing account, invoices and subscriptions", Decimal("249.00")),
    ("analytics-reporting", "Analytics & Reporting", "Reports on subscribers, network and revenue", Decimal("99.00")),
    ("automation-workflows", "Automation & Workflows", "Workflows that start by themselves", Decimal("99.00")),
)
"""Code, name, description, price per month in USD."""

_STARTER = ("subscriber-provisioning", "billing-invoicing")
_PROFESSIONAL = (*_STARTER, "radius-aaa", "network-monitoring")
_ENTERPRISE = (*_PROFESSIONAL, "analytics-reporting", "automation-workflows")
PACKAGES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("starter", "Starter", "Subscribers and their invoices", _STARTER),
    ("professional", "Professional", "Starter with network access and monitoring", _PROFESSIONAL),
    ("enterprise", "Enterprise", "Everything", _ENTERPRISE),
)

REGIONS = (
    ("us-east-1", "US East (Virginia)", "US"),
    ("us-west-2", "US West (Oregon)", "US"),
    ("eu-west-1", "Europe (Ireland)", "IE"),
    ("eu-central-1", "Europe (Frankfurt)", "DE"),
    ("ap-southeast-1", "Asia Pacific (Singapore)", "SG"),
)


def seed(session: Session) -> None:
    """Insert what the catalogue of the session's owner lacks; what exists stays as it was edited."""
    owner_id: UUID = session.info[OWNER]
    _services(session, owner_id)
    codes = [row[0] for row in SERVICES]
    ids = {service.code: service.id for service in session.scalars(select(Service).where(Service.code.in_(codes)))}
    _prices(session, owner_id, ids)
    _packages(session, owner_id, ids)
    _regions(session, owner_id)
    session.execute(
        insert(TaxRate)
        .values(id=new_id(), owner_id=owner_id, region_code=None, country=None, rate=Decimal(0))
        .on_conflict_do_nothing(index_elements=["owner_id", "region_code", "country"])
    )


def _services(session: Session, owner_id: UUID) -> None:
    rows = [
        {"id": new_id(), "owner_id": owner_id, "code": code, "name": name, "description": description}
        for code, name, description, _ in SERVICES
    ]
    session.execute(insert(Service).values(rows).on_conflict_do_nothing(index_elements=["owner_id", "code"]))


def _prices(session: Session, owner_id: UUID, ids: dict[str, UUID]) -> None:
    rows = [
        {"id": new_id(), "owner_id": owner_id, "service_id": ids[code], "currency": CURRENCY, "unit_price": monthly}
        for code, _, _, monthly in SERVICES
    ]
    session.execute(insert(Price).values(rows).on_conflict_do_nothing(index_elements=["service_id", "currency"]))


def _packages(session: Session, owner_id: UUID, ids: dict[str, UUID]) -> None:
    for code, name, description, services in PACKAGES:
        package_id = session.scalar(
            insert(Package)
            .values(id=new_id(), owner_id=owner_id, code=code, name=name, description=description)
            .on_conflict_do_nothing(index_elements=["owner_id", "code"])
            .returning(Package.id)
        )
        # only a new package is filled: what was taken out of an old one stays out
        if package_id is not None:
            rows = [
                {"package_id": package_id, "service_id": ids[service], "owner_id": owner_id, "position": position}
                for position, service in enumerate(services, start=1)
            ]
            session.execute(insert(PackageItem).values(rows))


def _regions(session: Session, owner_id: UUID) -> None:
    rows = [
        {"id": new_id(), "owner_id": owner_id, "code": code, "name": name, "country": country}
        for code, name, country in REGIONS
    ]
    session.execute(insert(Region).values(rows).on_conflict_do_nothing(index_elements=["owner_id", "code"]))
