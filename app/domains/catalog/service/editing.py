"""Changes of prices and packages, each in the audit log. Orders keep the prices that they were made with."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Conflict, Fault, Invalid, NotFound
from app.core.ids import new_id
from app.domains.catalog import queries, rules
from app.domains.catalog.models import Package, PackageItem, Price, Service
from app.domains.catalog.service.reading import get_package


def set_price(
    session: Session,
    *,
    service_code: str,
    currency: str,
    unit_price: Decimal,
    annual_discount_percent: Decimal = Decimal(0),
) -> Price:
    """Set what a service costs per month in a currency; a new currency is a new row. Raises NotFound, Invalid."""
    _refuse(
        ("/currency", rules.currency_fault(currency)),
        ("/unit_price", rules.unit_price_fault(unit_price, currency)),
        ("/annual_discount_percent", rules.percent_fault(annual_discount_percent)),
    )
    service = queries.services_by_code(session, [service_code]).get(service_code)
    if service is None:
        message = f"“{service_code}” is not in the catalogue."
        raise NotFound(message)
    before = queries.price(session, service_code=service_code, currency=currency, locked=True)
    was = _amounts(before) if before else None
    price: Price | None = session.scalar(
        insert(Price)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            service_id=service.id,
            currency=currency,
            unit_price=unit_price,
            annual_discount_percent=annual_discount_percent,
        )
        .on_conflict_do_update(
            index_elements=["service_id", "currency"],
            set_={"unit_price": unit_price, "annual_discount_percent": annual_discount_percent},
        )
        .returning(Price)
        .execution_options(populate_existing=True)
    )
    assert price is not None
    session.expire(service, ["prices"])
    audit.record(session, "price.set", f"price/{service_code}/{currency}", before=was, after=_amounts(price))
    return price


def create_service(session: Session, *, code: str, name: str, description: str = "") -> Service:
    """Add a service, without a price yet. Raises Conflict when the code exists, Invalid for a wrong code."""
    _refuse(("/code", rules.code_fault(code)))
    service: Service | None = session.scalar(
        insert(Service)
        .values(id=new_id(), owner_id=session.info[OWNER], code=code, name=name, description=description)
        .on_conflict_do_nothing(index_elements=["owner_id", "code"])
        .returning(Service)
    )
    if service is None:
        message = f"There is a service “{code}” already."
        raise Conflict(message, faults=[Fault("/code", message)])
    audit.record(session, "service.created", f"service/{code}", after={"name": name, "description": description})
    return service


def create_package(
    session: Session, *, code: str, name: str, services: Sequence[str], description: str = "", is_active: bool = True
) -> Package:
    """Make a package of these services. Raises Conflict when the code exists, Invalid for a wrong code or service."""
    _refuse(("/code", rules.code_fault(code)))
    items = _services(session, services)
    package: Package | None = session.scalar(
        insert(Package)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            code=code,
            name=name,
            description=description,
            is_active=is_active,
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "code"])
        .returning(Package)
    )
    if package is None:
        message = f"There is a package “{code}” already."
        raise Conflict(message, faults=[Fault("/code", message)])
    _fill(session, package, items)
    audit.record(session, "package.created", f"package/{code}", after=_contents(package))
    return package


def update_package(
    session: Session,
    *,
    code: str,
    name: str | None = None,
    description: str | None = None,
    services: Sequence[str] | None = None,
    is_active: bool | None = None,
) -> Package:
    """Change what is given of a package. Raises NotFound, Invalid for an unknown service."""
    package = get_package(session, code=code)
    before = _contents(package)
    if name is not None:
        package.name = name
    if description is not None:
        package.description = description
    if is_active is not None:
        package.is_active = is_active
    if services is not None:
        _fill(session, package, _services(session, services))
    # a change of its services alone is a change of the package, too: its version moves
    package.updated_at = func.now()
    session.flush()
    session.refresh(package, ["updated_at"])
    audit.record(session, "package.updated", f"package/{code}", before=before, after=_contents(package))
    return package


def _services(session: Session, codes: Sequence[str]) -> list[Service]:
    found = queries.services_by_code(session, codes)
    faults = [
        Fault(f"/services/{position}", f"“{code}” is not in the catalogue.")
        for position, code in enumerate(codes)
        if code not in found
    ]
    faults += [
        Fault(f"/services/{position}", f"“{code}” is listed twice.")
        for position, code in enumerate(codes)
        if code in codes[:position]
    ]
    if not codes:
        faults = [Fault("/services", "A package has at least one service.")]
    if faults:
        raise Invalid(faults[0].message, faults=faults)
    return [found[code] for code in codes]


def _fill(session: Session, package: Package, services: Sequence[Service]) -> None:
    package.items.clear()
    session.flush()
    package.items.extend(
        PackageItem(service_id=service.id, service=service, position=position)
        for position, service in enumerate(services, start=1)
    )
    session.flush()


def _refuse(*found: tuple[str, str | None]) -> None:
    faults = [Fault(pointer, message) for pointer, message in found if message]
    if faults:
        raise Invalid(faults[0].message, faults=faults)


def _amounts(price: Price) -> dict[str, object]:
    return {
        "unit_price": str(price.unit_price),
        "annual_discount_percent": str(price.annual_discount_percent),
    }


def _contents(package: Package) -> dict[str, object]:
    return {
        "name": package.name,
        "description": package.description,
        "is_active": package.is_active,
        "services": package.services,
    }
