"""The customers of partners, and whether there are licenses for them."""

from __future__ import annotations

from typing import Any

from app.domains.customers.service import Customer
from app.domains.partners import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("partner_service.check_license_quota")
def check_license_quota(
    call: Call, *, partner_id: str, requested: int, license_template_id: str | None = None
) -> dict[str, Any]:
    """Whether a partner (by id or code) is active and has so many licenses left: of a template, else of all together.

    Fails with total, used, available and requested when it has not. Takes nothing: the allocation decides.
    """
    partner = service.hold_active(call.session, partner=service.find_partner(call.session, partner=partner_id))
    quota = service.require_quota(call.session, partner=partner, requested=requested, template=license_template_id)
    return {
        "partner_id": str(partner.id),
        "partner": {
            "id": str(partner.id),
            "code": partner.code,
            "name": partner.name,
            "email": partner.email,
            "status": partner.status,
            "branding": partner.branding,
        },
        "quota": {
            "total": quota.total,
            "allocated": quota.allocated,
            "available": quota.available,
            "requested": quota.requested,
            "sufficient": quota.sufficient,
        },
    }


@OPERATIONS.operation(
    "customer_service.create_partner_customer", undone_by="customer_service.delete_customer", resource="customer"
)
def create_partner_customer(call: Call, *, partner_id: str, customer_data: dict[str, Any]) -> dict[str, Any]:
    """Make a customer of an active partner (by id or code), who is active at once.

    `customer_data`: `email`, a name (`name`, `first_name` and `last_name`, or `company_name`) and what else a customer has. An
    e-mail address is one customer of the partner; who left comes back.
    """
    customer = service.create_customer(
        call.session, partner=partner_id, customer_data=customer_data, key=call.idempotency_key
    )
    customer_id = str(customer.id)
    call.effect("customer", customer_id, f"Customer {customer.customer_number}", undo={"customer_id": customer_id})
    return {"customer_id": customer_id, "customer": _shown(customer)}


def _shown(customer: Customer) -> dict[str, Any]:
    return {
        "id": str(customer.id),
        "customer_number": customer.customer_number,
        "name": customer.name,
        "email": customer.email,
        "company_name": customer.company_name,
        "phone": customer.phone,
        "status": customer.status,
        "partner_id": str(customer.partner_id),
    }
