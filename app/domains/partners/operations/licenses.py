"""Licenses from partners' pools, and back into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.domains.partners import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

ALLOCATION_SECONDS = 120.0
"""Some hundred licenses are issued and signed one by one."""
UNDONE = "What they were allocated for was undone."


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
    return _shown(call, allocation)


@OPERATIONS.operation("license_service.return_to_partner", timeout_seconds=ALLOCATION_SECONDS, resource="allocation")
def return_to_partner(call: Call, *, allocation_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """Revoke the licenses of an allocation and put them back into the pool; one that was returned stays as it is."""
    return _shown(call, service.return_allocation(call.session, allocation_id=allocation_id, reason=reason))


@OPERATIONS.resource("allocation")
def read_allocation(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """An allocation as it is now; None when there is none of that id."""
    try:
        found = service.find_allocation(call.session, allocation_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown(call, found)["allocation"]
    return shown


def _shown(call: Call, allocation: service.LicenseAllocation) -> dict[str, Any]:
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
