"""billing-invoicing: the tenant's billing account, invoice series and first subscription, by the order's terms."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from app.domains.activation.models import ServiceActivation
from app.domains.activation.service.setup.outcome import Setup, tenant_endpoint
from app.domains.billing import service as billing
from app.domains.tenants import service as tenants


def open_billing(session: Session, *, tenant_id: UUID, activation: ServiceActivation) -> Setup:
    """Open the account. Raises NotFound for an unknown tenant."""
    tenant = tenants.get_tenant(session, tenant_id=tenant_id)
    terms = activation.terms
    opened = billing.open_account(
        session,
        tenant_id=tenant_id,
        slug=tenant.slug,
        name=terms["customer_name"],
        email=terms["customer_email"],
        currency=terms["currency"],
        amount=Decimal(terms["amount"]),
        billing_cycle=terms["billing_cycle"],
        order_id=activation.order_id,
        service_codes=terms["service_codes"],
    )
    return Setup(
        endpoints=tenant_endpoint(session, tenant_id),
        references={
            "billing_account_id": str(opened.account.id),
            "invoice_series": opened.series.prefix,
            "subscription_id": str(opened.subscription.id),
        },
    )


def stop_billing(session: Session, *, tenant_id: UUID) -> bool:
    """Close the account again. False when there was none."""
    return billing.close_account(session, tenant_id=tenant_id)
