"""Qualifying a lead, and its undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.domains.crm import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("crm_service.qualify_lead", undone_by="crm_service.reopen_lead", resource="lead")
def qualify_lead(call: Call, *, lead_id: UUID) -> dict[str, Any]:
    """Score and qualify a lead that has contact, company and wanted products; its customer is made, or found, as a prospect.

    A lead that is qualified or converted is returned as it is.
    """
    lead = service.qualify_lead(call.session, lead_id=lead_id, key=call.idempotency_key)
    if lead.qualified_for == call.idempotency_key:
        # what somebody else qualified is not this one's to reopen
        undo = {"lead_id": str(lead.id), "key": call.idempotency_key}
        call.effect("lead", str(lead.id), f"Lead {lead.company_name} qualified", undo=undo)
    return _shown(lead)


@OPERATIONS.operation("crm_service.reopen_lead", resource="lead")
def reopen_lead(call: Call, *, lead_id: UUID, key: str | None = None) -> dict[str, Any]:
    """Make a qualified lead what it was before, and remove the prospect that it made.

    `key`: only what that step qualified, and where nobody has built on it since; without it any lead, else it fails.
    """
    if key is None:
        return _shown(service.reopen_lead(call.session, lead_id=lead_id))
    return _shown(service.undo_qualification(call.session, lead_id=lead_id, key=key))


@OPERATIONS.resource("lead")
def read_lead(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A lead as it is now; None when there is none of that id."""
    try:
        found = service.get_lead(call.session, lead_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown(found)["lead"]
    return shown


def _shown(lead: service.Lead) -> dict[str, Any]:
    lead_id = str(lead.id)
    return {
        "lead_id": lead_id,
        "lead": {
            "id": lead_id,
            "status": lead.status,
            "score": lead.score,
            "customer_id": None if lead.customer_id is None else str(lead.customer_id),
            "customer_email": lead.email,
            "customer_name": service.contact_name(first_name=lead.first_name, last_name=lead.last_name),
            "company_name": lead.company_name,
            "wanted_products": lead.wanted_products,
            "organization_slug": lead.organization_slug,
            "deployment_region": lead.deployment_region,
            "currency": lead.currency,
            "billing_cycle": lead.billing_cycle,
        },
    }
