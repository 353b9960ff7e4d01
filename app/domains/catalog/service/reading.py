"""What the catalogue has."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.errors import Fault, Invalid, NotFound
from app.domains.catalog import queries
from app.domains.catalog.models import Package, Price, Region, Service


def services(session: Session, *, active_only: bool = True) -> Sequence[Service]:
    """The services, with their prices."""
    return queries.services(session, active_only=active_only)


def packages(session: Session, *, active_only: bool = True) -> Sequence[Package]:
    """The packages, with their services."""
    return queries.packages(session, active_only=active_only)


def regions(session: Session, *, active_only: bool = True) -> Sequence[Region]:
    """The regions."""
    return queries.regions(session, active_only=active_only)


def all_services() -> Select[tuple[Service]]:
    """Every service, to be paged."""
    return queries.every_service()


def all_prices() -> Select[tuple[Price]]:
    """Every price, to be paged."""
    return queries.every_price()


def all_packages() -> Select[tuple[Package]]:
    """Every package, to be paged."""
    return queries.every_package()


def all_regions() -> Select[tuple[Region]]:
    """Every region, to be paged."""
    return queries.every_region()


def find_price(session: Session, *, service_code: str, currency: str) -> Price | None:
    """What a service costs in a currency, locked until the transaction ends."""
    return queries.price(session, service_code=service_code, currency=currency, locked=True)


def region_exists(session: Session, *, code: str) -> bool:
    """Whether something can be ordered there."""
    region = queries.region(session, code)
    return region is not None and region.is_active


def get_package(session: Session, *, code: str, locked: bool = False) -> Package:
    """A package by its code, also one not sold any more. `locked`: until the transaction ends. Raises NotFound."""
    if package := queries.package(session, code, locked=locked):
        return package
    message = f"There is no package “{code}”."
    raise NotFound(message)


def package_services(session: Session, *, package_code: str) -> list[str]:
    """The codes of a package's services, in order. Raises Invalid when no such package is sold."""
    package = queries.package(session, package_code)
    if package is None or not package.is_active:
        message = f"There is no package “{package_code}”."
        raise Invalid(message, faults=[Fault("/package_code", message)])
    return package.services
