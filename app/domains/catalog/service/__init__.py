"""The verbs of the catalogue. None commits; all read and write the catalogue of the session's owner."""

from app.domains.catalog.rules import BILLING_CYCLES, Line, PricedLine, Quote
from app.domains.catalog.service.editing import create_package, create_service, set_price, update_package
from app.domains.catalog.service.quoting import price
from app.domains.catalog.service.reading import (
    all_packages,
    all_prices,
    all_regions,
    all_services,
    find_price,
    get_package,
    package_services,
    packages,
    region_exists,
    regions,
    services,
)
from app.domains.catalog.service.seeding import seed
from app.domains.catalog.service.taxes import tax_rate

__all__ = [
    "BILLING_CYCLES",
    "Line",
    "PricedLine",
    "Quote",
    "all_packages",
    "all_prices",
    "all_regions",
    "all_services",
    "create_package",
    "create_service",
    "find_price",
    "get_package",
    "package_services",
    "packages",
    "price",
    "region_exists",
    "regions",
    "seed",
    "services",
    "set_price",
    "tax_rate",
    "update_package",
]
