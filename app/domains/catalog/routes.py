"""Reading the catalogue, by the public too; changing its services, prices and packages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.domains.catalog import schemas, service
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint, page

catalog = Blueprint("catalog", __name__, description="What is sold, where, and for how much")
public = Blueprint(
    "public-catalog", __name__, url_prefix="/api/public", description="The catalogue as customers see it"
)


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [catalog, public]


@endpoint(public, "GET", "/catalog", permission=PUBLIC, answer=schemas.Catalogue)
def show_catalogue(ctx: Context) -> Any:
    """What can be ordered: services with prices per month, packages, regions."""
    return {
        "services": service.services(ctx.session),
        "packages": service.packages(ctx.session),
        "regions": service.regions(ctx.session),
    }


@endpoint(catalog, "GET", "/services", permission=None, authenticated=True, answer=schemas.ServiceOut, paged=True)
def list_services(ctx: Context) -> Any:
    """All services with their prices, newest first."""
    return page(ctx, service.all_services())


@endpoint(
    catalog,
    "POST",
    "/services",
    permission="catalog.update",
    body=schemas.ServiceIn,
    answer=schemas.ServiceOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_service(ctx: Context) -> Any:
    """Add a service; it can be ordered in the currencies that it is then given prices in."""
    return service.create_service(ctx.session, **ctx.body)


@endpoint(catalog, "GET", "/prices", permission=None, authenticated=True, answer=schemas.PriceOut, paged=True)
def list_prices(ctx: Context) -> Any:
    """All prices, newest first."""
    return page(ctx, service.all_prices())


@endpoint(
    catalog,
    "PUT",
    "/prices/<service_code>/<currency>",
    permission="catalog.update",
    body=schemas.PriceIn,
    answer=schemas.PriceOut,
    errors=[412],
)
def set_price(ctx: Context, *, service_code: str, currency: str) -> Any:
    """Set what a service costs in a currency; the first price in a currency makes it one that is sold in."""
    before = service.find_price(ctx.session, service_code=service_code, currency=currency)
    if before is not None:
        ctx.etag(_version(before.updated_at))
    price = service.set_price(ctx.session, service_code=service_code, currency=currency, **ctx.body)
    ctx.etag(_version(price.updated_at))
    return price


@endpoint(catalog, "GET", "/packages", permission=None, authenticated=True, answer=schemas.PackageOut, paged=True)
def list_packages(ctx: Context) -> Any:
    """All packages, newest first."""
    return page(ctx, service.all_packages())


@endpoint(
    catalog,
    "POST",
    "/packages",
    permission="catalog.update",
    body=schemas.PackageIn,
    answer=schemas.PackageOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_package(ctx: Context) -> Any:
    """Add a package of services."""
    return service.create_package(ctx.session, **ctx.body)


@endpoint(catalog, "GET", "/packages/<code>", permission=None, authenticated=True, answer=schemas.PackageOut)
def show_package(ctx: Context, *, code: str) -> Any:
    """One package."""
    package = service.get_package(ctx.session, code=code)
    ctx.etag(_version(package.updated_at))
    return package


@endpoint(
    catalog,
    "PUT",
    "/packages/<code>",
    permission="catalog.update",
    body=schemas.PackageChange,
    answer=schemas.PackageOut,
    errors=[412],
)
def update_package(ctx: Context, *, code: str) -> Any:
    """Replace what a package is; orders that were made keep what they have."""
    before = service.get_package(ctx.session, code=code, locked=True)
    ctx.etag(_version(before.updated_at))
    package = service.update_package(ctx.session, code=code, **ctx.body)
    ctx.etag(_version(package.updated_at))
    return package


@endpoint(catalog, "GET", "/regions", permission=None, authenticated=True, answer=schemas.RegionOut, paged=True)
def list_regions(ctx: Context) -> Any:
    """All regions, newest first."""
    return page(ctx, service.all_regions())


def _version(updated_at: datetime) -> int:
    """The version that a time of change stands for: its microseconds."""
    return int(updated_at.timestamp() * 1_000_000)
