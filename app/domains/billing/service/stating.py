"""What events and the audit log say of a subscription."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.domains.billing.models import Subscription


def subject(subscription: Subscription) -> str:
    """What events of a subscription are about."""
    return f"subscription/{subscription.id}"


def about(subscription: Subscription) -> dict[str, Any]:
    """What events say of a subscription."""
    return {
        "subscription_id": str(subscription.id),
        "customer_id": _text(subscription.customer_id),
        "tenant_id": _text(subscription.tenant_id),
        "order_id": subscription.order_id,
        "plan_id": _text(subscription.plan_id),
        "status": str(subscription.status),
        "service_codes": subscription.service_codes,
        "current_period_end": _iso(subscription.current_period_end),
        "renews_automatically": subscription.renews_automatically,
    }


def picture(subscription: Subscription) -> dict[str, Any]:
    """A subscription as the audit log has it."""
    return {
        "status": str(subscription.status),
        "current_period_start": _iso(subscription.current_period_start),
        "current_period_end": _iso(subscription.current_period_end),
        "amount": str(subscription.amount),
        "plan_id": _text(subscription.plan_id),
        "renews_automatically": subscription.renews_automatically,
        "is_set_to_end": subscription.is_set_to_end,
    }


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
