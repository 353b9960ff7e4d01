"""What an order costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from app.core.errors import Fault, Invalid
from app.domains.catalog import queries, rules
from app.domains.catalog.models import Price, Region, Service
from app.domains.catalog.rules import LINES, Line, Offer, Quote


def price(
    session: Session, *, lines: Sequence[Line], currency: str, billing_cycle: str, region: str | None = None
) -> Quote:
    """The price of these services, with the tax of the region (None: that of everywhere).

    Raises Invalid that names every fault at once, each by its place in an order document.
    """
    faults = rules.cycle_faults(billing_cycle) + rules.line_faults(lines)
    place, unknown = _place(session, region)
    faults += unknown
    offers, missing = _offers(session, lines, currency)
    faults += missing
    if faults:
        raise Invalid(faults[0].message, faults=faults)
    return rules.quoted(
        lines,
        offers=offers,
        currency=currency,
        billing_cycle=billing_cycle,
        tax_rate=queries.tax_rate(session, region=place) or Decimal(0),
    )


def _place(session: Session, code: str | None) -> tuple[Region | None, list[Fault]]:
    if code is None:
        return None, []
    region = queries.region(session, code)
    if region is None or not region.is_active:
        return None, [Fault("/deployment_region", f"There is no region “{code}”.")]
    return region, []


def _offers(session: Session, lines: Sequence[Line], currency: str) -> tuple[Mapping[str, Offer], list[Fault]]:
    """What the catalogue offers of the lines in that currency, and what it does not."""
    services = _active(session, lines)
    faults = _unknown(services, lines)
    if not queries.is_sold_in(session, currency):
        return {}, [Fault("/currency", f"Nothing is sold in the currency “{currency}”."), *faults]
    offers: dict[str, Offer] = {}
    for position, line in enumerate(lines):
        service = services.get(line.service_code)
        if service is None:
            continue
        if found := _price_in(service, currency):
            offers[line.service_code] = Offer(
                name=service.name,
                monthly=found.monthly,
                annual_discount_percent=found.annual_discount_percent,
            )
        else:
            message = f"“{line.service_code}” has no price in {currency}."
            faults.append(Fault(f"{LINES}/{position}/service_code", message))
    return offers, faults


def _unknown(services: Mapping[str, Service], lines: Sequence[Line]) -> list[Fault]:
    return [
        Fault(f"{LINES}/{position}/service_code", f"“{line.service_code}” is not in the catalogue.")
        for position, line in enumerate(lines)
        if line.service_code not in services
    ]


def _active(session: Session, lines: Sequence[Line]) -> Mapping[str, Service]:
    found = queries.services_by_code(session, {line.service_code for line in lines})
    return {code: service for code, service in found.items() if service.is_active}


def _price_in(service: Service, currency: str) -> Price | None:
    return next((price for price in service.prices if price.currency == currency), None)
