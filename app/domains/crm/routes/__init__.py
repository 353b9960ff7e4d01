"""The crm room by HTTP: leads, quotes and surveys for staff, and the customer's answer to a quote."""

from app.domains.crm.routes import leads, public, quotes, surveys
from app.http.endpoint import Blueprint


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [leads.leads, quotes.quotes, surveys.surveys, public.public]
