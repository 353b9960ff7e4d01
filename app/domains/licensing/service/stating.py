"""What events and the audit log say of a license. Its key is left out: who knows it may use it."""

from __future__ import annotations

from typing import Any

from app.domains.licensing.models import License


def subject(license_: License) -> str:
    """What events of a license are about."""
    return f"license/{license_.id}"


def about(license_: License) -> dict[str, Any]:
    """A license as events and the audit log have it."""
    return {
        "license_id": str(license_.id),
        "customer_id": str(license_.customer_id),
        "subscription_id": str(license_.subscription_id) if license_.subscription_id else None,
        "partner_id": str(license_.partner_id) if license_.partner_id else None,
        "products": license_.products,
        "seats": license_.seats,
        "status": license_.status,
        "expires_at": license_.expires_at.isoformat() if license_.expires_at else None,
    }
