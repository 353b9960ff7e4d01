"""The routes of the billing room."""

from app.domains.billing.routes import invoices, methods, payables, payments, plans, subscriptions, webhooks
from app.http.endpoint import Blueprint

__all__ = ["blueprints"]


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [
        plans.plans,
        subscriptions.subscriptions,
        invoices.invoices,
        payables.payables,
        payments.payments,
        methods.methods,
        webhooks.webhooks,
    ]
