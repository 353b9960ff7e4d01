"""What workflows may call of the partners room: quota and commissions, the customers of partners, licenses from their pools."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.core.money import rounded
from app.domains.customers.service import Customer
from app.domains.partners import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

ALLOCATION_SECONDS = 120.0
"""Some hundred licenses are issued and signed one by one."""
UNDONE = "What it was recorded for was undone."
NOT_DUE = "not_due"


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
    return {"customer_id": customer_id, "customer": _customer(customer)}


@OPERATIONS.operation(
    "license_service.allocate_from_partner",
    undone_by="license_service.return_to_partner",
    timeout_seconds=ALLOCATION_SECONDS,
    resource="allocation",
)
def allocate_from_partner(
    call: Call,
    *,
    partner_id: str,
    customer_id: UUID,
    license_count: int,
    license_template_id: str | None = None,
) -> dict[str, Any]:
    """Issue licenses to a customer out of the pool of a partner (by id or code).

    The pool is that of the template (by id or code), else the only one that the partner has. Fails with total, used, available
    and requested when too few are left, whoever else takes from it at the same time.
    """
    allocation = service.allocate_licenses(
        call.session,
        partner=partner_id,
        customer_id=customer_id,
        license_count=license_count,
        key=call.idempotency_key,
        template=license_template_id,
    )
    allocation_id = str(allocation.id)
    call.effect(
        "license_allocation",
        allocation_id,
        f"{allocation.license_count} licenses from a partner's pool",
        undo={"allocation_id": allocation_id},
    )
    return _shown_allocation(call, allocation)


@OPERATIONS.operation("license_service.return_to_partner", timeout_seconds=ALLOCATION_SECONDS, resource="allocation")
def return_to_partner(call: Call, *, allocation_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """Revoke the licenses of an allocation and put them back into the pool; one that was returned stays as it is."""
    return _shown_allocation(call, service.return_allocation(call.session, allocation_id=allocation_id, reason=reason))


@OPERATIONS.operation(
    "partner_service.record_commission", undone_by="partner_service.void_commission", resource="commission"
)
def record_commission(
    call: Call,
    *,
    partner_id: str,
    customer_id: UUID | None = None,
    order_id: int | None = None,
    base_amount: Decimal | None = None,
    currency: str | None = None,
    commission_type: str | None = None,
) -> dict[str, Any]:
    """Record what a partner (by id or code) earns by an order, else by a customer, as the agreement in force says.

    `base_amount`: what was sold, without tax; by default the price of the customer's licenses from the partner's pools.
    `commission_type`: new_customer, first_sale, recurring or renewal. A sale earns a partner one commission. Where no
    agreement is in force for such sales, nothing is recorded and the status is `not_due`.
    """
    sale = service.Sale(
        customer_id=customer_id,
        order_id=order_id,
        base_amount=base_amount,
        currency=currency,
        commission_type=commission_type,
    )
    recorded = service.record_commission(call.session, partner=partner_id, sale=sale, key=call.idempotency_key)
    if isinstance(recorded, service.NotDue):
        return {"commission_id": None, "commission": {"id": None, "status": NOT_DUE, "reason": recorded.reason}}
    if recorded.recorded_for == call.idempotency_key:
        # a commission that another step recorded is not this one's to undo
        commission_id = str(recorded.id)
        summary = f"Commission of {_money(recorded.amount, recorded.currency)} {recorded.currency}"
        call.effect("commission", commission_id, summary, undo={"commission_id": commission_id})
    return _shown_commission(recorded)


@OPERATIONS.operation("partner_service.void_commission", resource="commission")
def void_commission(call: Call, *, commission_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """Let nothing be paid for a sale; one that is void stays as it is. One that was paid stays paid, and this fails."""
    return _shown_commission(service.void_commission(call.session, commission_id=commission_id, reason=reason))


@OPERATIONS.resource("allocation")
def read_allocation(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """An allocation as it is now; None when there is none of that id."""
    try:
        found = service.find_allocation(call.session, allocation_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown_allocation(call, found)["allocation"]
    return shown


@OPERATIONS.resource("commission")
def read_commission(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A commission as it is now; None when there is none of that id, or none was due."""
    try:
        found = service.find_commission(call.session, commission_id=UUID(str(reference["id"])))
    except (NotFound, ValueError):
        return None
    shown: dict[str, Any] = _shown_commission(found)["commission"]
    return shown


def _customer(customer: Customer) -> dict[str, Any]:
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


def _shown_allocation(call: Call, allocation: service.LicenseAllocation) -> dict[str, Any]:
    allocation_id = str(allocation.id)
    return {
        "allocation_id": allocation_id,
        "allocation": {
            "id": allocation_id,
            "partner_id": str(allocation.partner_id),
            "customer_id": str(allocation.customer_id),
            "license_count": allocation.license_count,
            "licenses": [
                {
                    "id": str(each.id),
                    "license_key": each.license_key,
                    "products": each.products,
                    "seats": each.seats,
                    "expires_at": each.expires_at.isoformat() if each.expires_at else None,
                    "status": each.status,
                }
                for each in service.licenses_of(call.session, allocation=allocation)
            ],
            "remaining": service.pool_of(call.session, allocation=allocation).available,
            "status": allocation.status,
        },
    }


def _shown_commission(commission: service.Commission) -> dict[str, Any]:
    commission_id = str(commission.id)
    return {
        "commission_id": commission_id,
        "commission": {
            "id": commission_id,
            "partner_id": str(commission.partner_id),
            "customer_id": str(commission.customer_id) if commission.customer_id else None,
            "order_id": commission.order_id,
            "commission_type": commission.commission_type,
            "base_amount": _money(commission.base_amount, commission.currency),
            "rate": None if commission.rate is None else str(commission.rate),
            "amount": _money(commission.amount, commission.currency),
            "currency": commission.currency,
            "status": commission.status,
        },
    }


def _money(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else str(rounded(amount, currency))
