"""What workflows may do with a subscribed service: start it with its first invoice, and take that back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.money import rounded
from app.domains.billing import service
from app.domains.billing.errors import PayableSettled
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

UNDONE = "Its activation was undone."
UNTIL_PAID_OR_NOT = RetryPolicy(
    maximum_attempts=100, initial_interval=1.0, backoff_coefficient=2.0, maximum_interval=60.0
)
"""An invoice that is being paid is credited once it is known what became of that: it is asked for about an hour and a half."""


@OPERATIONS.operation(
    "billing_service.activate_service", undone_by="billing_service.deactivate_service", resource="subscription"
)
def activate_service(
    call: Call, *, subscription_id: UUID | None = None, service_id: UUID | None = None
) -> dict[str, Any]:
    """Start the service of a pending subscription, and bill what is left of its first period.

    `service_id` is another name of `subscription_id`. On a trial there is no invoice yet. A service that runs stays as it is.
    """
    wanted = {each for each in (subscription_id, service_id) if each is not None}
    if len(wanted) != 1:
        message = "Say which service is activated: subscription_id."
        raise StepFailed(message, permanent=True)
    activated = service.activate_service(call.session, subscription_id=wanted.pop())
    subscription, invoice = activated.subscription, activated.invoice
    if activated.is_news:
        call.effect(
            "service",
            str(subscription.id),
            "Service activated" + (f", billed as {invoice.invoice_number}" if invoice else ""),
            undo={
                "subscription_id": str(subscription.id),
                "invoice_id": str(invoice.id) if invoice else None,
                "activated_by": call.idempotency_key,
            },
        )
    return {
        **_shown(subscription),
        "invoice_id": str(invoice.id) if invoice else None,
        "invoice": _invoice_shown(invoice) if invoice else None,
    }


@OPERATIONS.operation("billing_service.deactivate_service", retry=UNTIL_PAID_OR_NOT, resource="subscription")
def deactivate_service(
    call: Call, *, subscription_id: UUID, activated_by: str, invoice_id: UUID | None = None, reason: str = UNDONE
) -> dict[str, Any]:
    """Suspend a service that was activated, and credit the invoice that came with it; twice is the same.

    While the invoice is being paid it fails for the time being.
    """
    try:
        subscription = service.deactivate_service(
            call.session, subscription_id=subscription_id, invoice_id=invoice_id, key=activated_by, reason=reason
        )
    except PayableSettled as being_paid:
        raise StepFailed(str(being_paid), permanent=False) from being_paid
    return _shown(subscription)


def _shown(subscription: service.Subscription) -> dict[str, Any]:
    end = subscription.current_period_end
    shown = {
        "id": str(subscription.id),
        "status": subscription.status,
        "current_period_start": subscription.current_period_start.isoformat(),
        "current_period_end": end.isoformat() if end else None,
        "amount": str(rounded(subscription.amount, subscription.currency)),
        "currency": subscription.currency,
        "renews_automatically": subscription.renews_automatically,
    }
    return {"subscription_id": shown["id"], "subscription": shown, "service_id": shown["id"], "service": shown}


def _invoice_shown(invoice: service.Invoice) -> dict[str, Any]:
    return {
        "id": str(invoice.id),
        "invoice_number": invoice.invoice_number,
        "status": invoice.status,
        "total_amount": str(rounded(invoice.total_amount, invoice.currency)),
        "currency": invoice.currency,
        "due_at": invoice.due_at.isoformat(),
    }
