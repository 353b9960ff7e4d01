"""What events and the audit log say of leads, quotes and surveys. The audit log, from which nothing goes, names no person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.money import rounded
from app.domains.crm.models import Lead, Quote, SiteSurvey
from app.domains.crm.rules.leads import contact_name


def subject(about: Lead | Quote | SiteSurvey) -> str:
    """What events and audit rows of it are about."""
    kinds = {Lead: "lead", Quote: "quote", SiteSurvey: "site_survey"}
    return f"{kinds[type(about)]}/{about.id}"


def about_lead(lead: Lead) -> dict[str, Any]:
    """A lead as its events have it."""
    return {
        "lead_id": str(lead.id),
        "status": lead.status,
        "source": lead.source,
        "score": lead.score,
        "customer_id": text(lead.customer_id),
        "customer_email": lead.email,
        "customer_name": contact_name(first_name=lead.first_name, last_name=lead.last_name),
        "company_name": lead.company_name,
        "products": _products(lead.wanted_products),
    }


def about_quote(quote: Quote) -> dict[str, Any]:
    """A quote as its events have it. Amounts are decimal strings."""
    return {
        "quote_id": str(quote.id),
        "quote_number": quote.quote_number,
        "kind": quote.kind,
        "status": quote.status,
        "lead_id": text(quote.lead_id),
        "customer_id": text(quote.customer_id),
        "customer_email": quote.customer_email,
        "subscription_id": text(quote.subscription_id),
        "total_amount": str(rounded(quote.total_amount, quote.currency)),
        "currency": quote.currency,
        "valid_until": quote.valid_until.isoformat(),
        "products": [
            {"product_code": item.product_code, "name": item.name, "quantity": item.quantity} for item in quote.items
        ],
    }


def picture_of_lead(lead: Lead) -> dict[str, Any]:
    """A lead as the audit log keeps it."""
    return {
        "status": lead.status,
        "source": lead.source,
        "score": lead.score,
        "customer_id": text(lead.customer_id),
        "products": _products(lead.wanted_products),
        "currency": lead.currency,
        "billing_cycle": lead.billing_cycle,
    }


def picture_of_quote(quote: Quote) -> dict[str, Any]:
    """A quote as the audit log keeps it."""
    return {
        "quote_number": quote.quote_number,
        "kind": quote.kind,
        "status": quote.status,
        "total_amount": str(quote.total_amount),
        "currency": quote.currency,
        "valid_until": quote.valid_until.isoformat(),
        "order_id": quote.order_id,
    }


def picture_of_survey(survey: SiteSurvey) -> dict[str, Any]:
    """A survey as the audit log keeps it."""
    return {
        "status": survey.status,
        "is_feasible": survey.is_feasible,
        "technology": survey.technology,
        "scheduled_for": text(survey.scheduled_for),
    }


def text(value: object | None) -> str | None:
    """An id or time as JSON has it."""
    return None if value is None else str(value)


def _products(wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"product_code": each["product_code"], "quantity": each.get("quantity", 1)} for each in wanted]
