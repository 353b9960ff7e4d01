"""What events and the audit log say of partners and commissions. Who their customers are stays out of the audit log."""

from __future__ import annotations

from typing import Any

from app.core.money import rounded
from app.domains.partners.models import Commission, LicenseAllocation, LicensePool, Partner, PartnerAgreement


def partner_subject(partner: Partner) -> str:
    """What is told of a partner is about this."""
    return f"partner/{partner.id}"


def partner_picture(partner: Partner) -> dict[str, Any]:
    """A partner as the audit log has it."""
    return {"code": partner.code, "name": partner.name, "status": partner.status, "branding": partner.branding}


def agreement_picture(agreement: PartnerAgreement) -> dict[str, Any]:
    """An agreement as the audit log has it."""
    return {
        "partner_id": str(agreement.partner_id),
        "kind": agreement.kind,
        "rate": _text(agreement.rate),
        "amount": _text(agreement.amount),
        "tiers": agreement.tiers,
        "currency": agreement.currency,
        "applies_to": agreement.applies_to,
        "valid_from": agreement.valid_from.isoformat(),
        "valid_until": agreement.valid_until.isoformat() if agreement.valid_until else None,
    }


def commission_subject(commission: Commission) -> str:
    """What is told of a commission is about this."""
    return f"commission/{commission.id}"


def about_commission(commission: Commission) -> dict[str, Any]:
    """A commission as events and the audit log have it."""
    return {
        "commission_id": str(commission.id),
        "partner_id": str(commission.partner_id),
        "customer_id": _text(commission.customer_id),
        "order_id": commission.order_id,
        "commission_type": commission.commission_type,
        "amount": str(rounded(commission.amount, commission.currency)),
        "currency": commission.currency,
        "rate": _text(commission.rate),
        "status": commission.status,
    }


def pool_picture(pool: LicensePool) -> dict[str, Any]:
    """A pool as the audit log has it."""
    return {
        "partner_id": str(pool.partner_id),
        "license_template_id": str(pool.template_id),
        "total": pool.total,
        "unit_price": _text(pool.unit_price),
        "currency": pool.currency,
    }


def allocation_picture(allocation: LicenseAllocation) -> dict[str, Any]:
    """An allocation as the audit log has it."""
    return {
        "partner_id": str(allocation.partner_id),
        "license_pool_id": str(allocation.pool_id),
        "customer_id": str(allocation.customer_id),
        "license_count": allocation.license_count,
    }


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
