"""A qualified lead becomes a customer; and the undo of every operation that makes one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.crm import service
from app.domains.customers import service as customers
from app.domains.customers.errors import CustomerNotFound
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("customer_service.create_from_lead", undone_by="customer_service.delete_customer")
def create_from_lead(call: Call, *, lead_id: UUID) -> dict[str, Any]:
    """Make a qualified lead's prospect a customer. A converted lead's customer is returned as it is."""
    lead, customer = service.convert_lead(call.session, lead_id=lead_id, key=call.idempotency_key)
    if lead.converted_for == call.idempotency_key:
        # what somebody else converted is not this one's to undo
        undo = {"customer_id": str(customer.id), "lead_id": str(lead.id), "key": call.idempotency_key}
        call.effect("customer", str(customer.id), f"Customer {customer.customer_number}", undo=undo)
    return {**_shown(customer), "lead_id": str(lead.id)}


@OPERATIONS.operation("customer_service.delete_customer")
def delete_customer(
    call: Call, *, customer_id: UUID, lead_id: UUID | None = None, key: str | None = None
) -> dict[str, Any]:
    """Remove a customer, or deactivate it where something refers to it; nothing happens when it is gone.

    With `lead_id` and `key`: what that step converted is a qualified lead again, and its customer what it was before.
    """
    if lead_id is None or key is None:
        removal = service.remove_customer(call.session, customer_id=customer_id)
        return {"customer_id": str(customer_id), "outcome": "gone" if removal is None else removal.value}
    service.undo_conversion(call.session, lead_id=lead_id, key=key)
    try:
        return _shown(customers.get_customer(call.session, customer_id=customer_id)) | {"outcome": "restored"}
    except CustomerNotFound:
        return {"customer_id": str(customer_id), "outcome": "gone"}


def _shown(customer: customers.Customer) -> dict[str, Any]:
    customer_id = str(customer.id)
    return {
        "customer_id": customer_id,
        "customer": {
            "id": customer_id,
            "customer_number": customer.customer_number,
            "status": customer.status,
            "name": customer.name,
            "email": customer.email,
            "phone": customer.phone,
            "company_name": customer.company_name,
            "currency": customer.currency,
        },
    }
