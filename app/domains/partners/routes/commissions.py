"""What partners earn: the agreements, and the commissions under them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.partners import service
from app.domains.partners.routes.access import OWN, reached
from app.domains.partners.schemas import commissions as schemas
from app.domains.partners.schemas.partners import Reason
from app.http.endpoint import Blueprint, Context, endpoint, page

commissions = Blueprint("commissions", __name__, description="What partners earn by what is sold")


@endpoint(
    commissions,
    "GET",
    "/partners/<uuid:partner_id>/agreements",
    permission=OWN,
    answer=schemas.AgreementOut,
    paged=True,
)
def list_agreements(ctx: Context, *, partner_id: UUID) -> Any:
    """A partner's agreements, newest first, those that have ended too."""
    return page(ctx, service.all_agreements(ctx.session, partner_id=reached(ctx, partner_id).id))


@endpoint(
    commissions,
    "POST",
    "/partners/<uuid:partner_id>/agreements",
    permission="partner.update",
    body=schemas.AgreementIn,
    answer=schemas.AgreementOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_agreement(ctx: Context, *, partner_id: UUID) -> Any:
    """Agree with a partner on commissions; for one sale there is one agreement at any time."""
    wanted = ctx.body
    terms = service.Terms(
        kind=wanted["kind"],
        currency=wanted["currency"],
        rate=wanted["rate"],
        amount=wanted["amount"],
        tiers=[service.Tier(**tier) for tier in wanted["tiers"] or ()],
    )
    agreement = service.create_agreement(
        ctx.session,
        partner_id=partner_id,
        terms=terms,
        **{name: wanted[name] for name in ("applies_to", "valid_from", "valid_until")},
    )
    ctx.headers["Location"] = f"/api/v1/partners/{partner_id}/agreements/{agreement.id}"
    return agreement


@endpoint(
    commissions,
    "GET",
    "/partners/<uuid:partner_id>/agreements/<uuid:agreement_id>",
    permission=OWN,
    answer=schemas.AgreementOut,
)
def show_agreement(ctx: Context, *, partner_id: UUID, agreement_id: UUID) -> Any:
    """One of a partner's agreements."""
    return service.get_agreement(ctx.session, partner_id=reached(ctx, partner_id).id, agreement_id=agreement_id)


@endpoint(
    commissions,
    "POST",
    "/partners/<uuid:partner_id>/agreements/<uuid:agreement_id>/end",
    permission="partner.update",
    body=schemas.AgreementEnd,
    answer=schemas.AgreementOut,
    idempotent=True,
)
def end_agreement(ctx: Context, *, partner_id: UUID, agreement_id: UUID) -> Any:
    """Let an agreement end; what was earned under it stays."""
    end = ctx.body["valid_until"]
    return service.end_agreement(ctx.session, partner_id=partner_id, agreement_id=agreement_id, at=end)


@endpoint(
    commissions,
    "GET",
    "/partners/<uuid:partner_id>/commissions",
    permission=OWN,
    query=schemas.CommissionFilter,
    answer=schemas.CommissionOut,
    paged=True,
)
def list_commissions(ctx: Context, *, partner_id: UUID) -> Any:
    """What a partner earned, newest first."""
    partner = reached(ctx, partner_id)
    return page(ctx, service.all_commissions(ctx.session, partner_id=partner.id, status=ctx.query.get("status")))


@endpoint(
    commissions,
    "POST",
    "/partners/<uuid:partner_id>/commissions",
    permission="commission.create",
    body=schemas.CommissionIn,
    answer=schemas.CommissionOut,
    status=201,
    idempotent=True,
    errors=[404, 409],
)
def record_commission(ctx: Context, *, partner_id: UUID) -> Any:
    """Record what a sale earned; a sale that has a commission is answered with that one."""
    partner = service.get_partner(ctx.session, partner_id=partner_id)
    commission = service.require_commission(
        ctx.session, partner=partner.id, sale=service.Sale(**ctx.body), key=f"request/{new_id()}"
    )
    ctx.headers["Location"] = f"/api/v1/partners/{partner.id}/commissions/{commission.id}"
    return commission


@endpoint(
    commissions,
    "GET",
    "/partners/<uuid:partner_id>/commissions/<uuid:commission_id>",
    permission=OWN,
    answer=schemas.CommissionOut,
)
def show_commission(ctx: Context, *, partner_id: UUID, commission_id: UUID) -> Any:
    """One of a partner's commissions."""
    partner = reached(ctx, partner_id)
    return service.get_commission(ctx.session, partner_id=partner.id, commission_id=commission_id)


@endpoint(
    commissions,
    "POST",
    "/partners/<uuid:partner_id>/commissions/<uuid:commission_id>/pay",
    permission="commission.pay",
    body=schemas.CommissionPayment,
    answer=schemas.CommissionOut,
    idempotent=True,
    errors=[409],
)
def pay_commission(ctx: Context, *, partner_id: UUID, commission_id: UUID) -> Any:
    """Note by which payment a commission was paid; it is paid once."""
    there = service.get_commission(ctx.session, partner_id=partner_id, commission_id=commission_id)
    return service.pay_commission(ctx.session, commission_id=there.id, reference=ctx.body["reference"])


@endpoint(
    commissions,
    "POST",
    "/partners/<uuid:partner_id>/commissions/<uuid:commission_id>/void",
    permission="commission.void",
    body=Reason,
    answer=schemas.CommissionOut,
    idempotent=True,
    errors=[409],
)
def void_commission(ctx: Context, *, partner_id: UUID, commission_id: UUID) -> Any:
    """Let nothing be paid for a sale."""
    there = service.get_commission(ctx.session, partner_id=partner_id, commission_id=commission_id)
    return service.void_commission(ctx.session, commission_id=there.id, reason=ctx.body["reason"])
