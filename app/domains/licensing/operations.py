"""What workflows may call of the licensing room, as license_service and, by its other name, licensing_service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.domains.licensing import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

UNDONE = "What it was issued for was undone."


@OPERATIONS.operation(
    "licensing_service.issue_license", undone_by="licensing_service.revoke_license", resource="license"
)
@OPERATIONS.operation("license_service.issue_license", undone_by="license_service.revoke_license", resource="license")
def issue_license(
    call: Call,
    *,
    customer_id: UUID,
    license_template_id: str | None = None,
    products: list[str] | None = None,
    seats: int | None = None,
    features: dict[str, Any] | None = None,
    term_months: int | None = None,
    expires_at: datetime | None = None,
    subscription_id: UUID | None = None,
) -> dict[str, Any]:
    """Issue a license to a customer, from a template (by id or code) or for products.

    It ends at `expires_at` (the end of a subscription, say), else after `term_months`, else after the template's term,
    else never. A live license of the same subscription and products is returned as it is.
    """
    issued = service.issue_license(
        call.session,
        customer_id=customer_id,
        key=call.idempotency_key,
        template=license_template_id,
        products=products,
        seats=seats,
        features=features,
        term_months=term_months,
        expires_at=expires_at,
        subscription_id=subscription_id,
    )
    if issued.issued_for == call.idempotency_key:
        # a license that another step issued is not this one's to revoke
        license_id = str(issued.id)
        call.effect("license", license_id, f"License for {', '.join(issued.products)}", undo={"license_id": license_id})
    return _shown(issued)


@OPERATIONS.operation("licensing_service.find_license", resource="license")
@OPERATIONS.operation("license_service.find_license", resource="license")
def find_license(call: Call, *, customer_id: UUID) -> dict[str, Any]:
    """The newest license of a customer that has not ended; `license` is null where there is none."""
    found = service.live_license_of(call.session, customer_id=customer_id)
    return {"license_id": None, "license": None} if found is None else _shown(found)


@OPERATIONS.operation("licensing_service.revoke_license", resource="license")
@OPERATIONS.operation("license_service.revoke_license", resource="license")
def revoke_license(call: Call, *, license_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """End a license for good; one that is revoked stays as it is."""
    return _shown(service.revoke_license(call.session, license_id=license_id, reason=reason))


@OPERATIONS.resource("license")
def read_license(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A license as it is now; None when there is none of that id."""
    try:
        found = service.get_license(call.session, license_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown(found)["license"]
    return shown


def _shown(license_: service.License) -> dict[str, Any]:
    license_id = str(license_.id)
    return {
        "license_id": license_id,
        "license": {
            "id": license_id,
            "license_key": license_.license_key,
            "token": license_.token,
            "customer_id": str(license_.customer_id),
            "products": license_.products,
            "features": license_.features,
            "seats": license_.seats,
            "issued_at": license_.issued_at.isoformat(),
            "expires_at": license_.expires_at.isoformat() if license_.expires_at else None,
            "status": license_.status,
        },
    }
