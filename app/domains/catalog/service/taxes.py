"""Taxes where somebody is billed."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Session

from app.domains.catalog import queries


def tax_rate(session: Session, *, country: str | None) -> Decimal:
    """The tax in percent in a country (ISO 3166-1 alpha-2): its own rate, else that of everywhere, else none."""
    return queries.tax_rate_of_country(session, country) or Decimal(0)
