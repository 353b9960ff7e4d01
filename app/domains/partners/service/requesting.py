"""A partner asks for a customer: the workflow that the event starts makes one, with licenses and a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Invalid
from app.core.events import emit
from app.domains.customers import service as customers
from app.domains.customers.errors import CustomerExists
from app.domains.partners.errors import PartnerInactive
from app.domains.partners.models import Partner
from app.domains.partners.rules import amounts, quota
from app.domains.partners.rules.partners import Status
from app.domains.partners.service.customer_data import read_customer
from app.domains.partners.service.partners import get_partner
from app.domains.partners.service.pools import find_pool, require_quota
from app.domains.partners.service.stating import partner_subject


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRequest:
    """What a partner wants for a new customer. `white_label_config` goes before the partner's own brand.

    `base_amount`: what the customer pays, without tax, in `currency`; a commission may be a part of it.
    """

    customer_data: Mapping[str, Any]
    license_count: int
    license_template_id: str | None = None
    white_label_config: Mapping[str, Any] | None = None
    base_amount: Decimal | None = None
    currency: str | None = None


def request_customer(session: Session, *, partner_id: UUID, request: CustomerRequest) -> UUID:
    """Ask for a customer: emits partner.customer_requested, of which this is the id. Nothing is taken or made yet.

    What cannot come true as things are is refused at once. Raises PartnerNotFound, PartnerInactive, Invalid, CustomerExists,
    LicenseTemplateNotFound, LicensePoolNotFound, LicensePoolExhausted with the numbers.
    """
    partner = get_partner(session, partner_id=partner_id)
    _refuse(session, partner, request)
    sold = None if request.base_amount is None else str(request.base_amount)
    given = {name: value for name, value in (request.white_label_config or {}).items() if value}
    event_id = emit(
        session,
        "partner.customer_requested",
        partner_subject(partner),
        {
            "partner_id": str(partner.id),
            "customer_data": dict(request.customer_data),
            "license_count": request.license_count,
            "license_template_id": request.license_template_id,
            "white_label_config": {**partner.branding, **given},
            "commission": {"base_amount": sold, "currency": request.currency},
        },
    )
    after = {"event_id": str(event_id), "license_count": request.license_count}
    audit.record(session, "partner.customer_requested", partner_subject(partner), after=after)
    return event_id


def _refuse(session: Session, partner: Partner, request: CustomerRequest) -> None:
    if partner.status != Status.ACTIVE:
        raise PartnerInactive(partner.code)
    faults = quota.count_faults(request.license_count)
    if request.base_amount is not None:
        faults += amounts.price_faults("/base_amount", request.base_amount, request.currency or "")
    if faults:
        message = " ".join(fault.message for fault in faults)
        raise Invalid(message, faults=faults)
    email = read_customer(request.customer_data)["email"]
    there = customers.find_customer(session, email=email, partner_id=partner.id)
    if there and there.status != customers.Status.INACTIVE:
        raise CustomerExists(email, of_partner=True)
    pool = find_pool(session, partner=partner, template=request.license_template_id)
    require_quota(session, partner=partner, requested=request.license_count, template=pool.template_id)
