"""Partners, the users who act for them, and the customers that they ask for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.partners import service
from app.domains.partners.routes.access import ALL, OWN, reached
from app.domains.partners.schemas import partners as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

partners = Blueprint("partners", __name__, description="Who sells to customers of their own")

_SHOWN = ("id", "code", "name", "email", "status", "branding", "created_at", "updated_at")


@endpoint(
    partners,
    "GET",
    "/partners",
    permission=ALL,
    query=schemas.PartnerFilter,
    answer=schemas.PartnerOut,
    paged=True,
)
def list_partners(ctx: Context) -> Any:
    """Partners, newest first."""
    filters = {name: ctx.query.get(name) for name in ("status", "q")}
    return page(ctx, service.all_partners(ctx.session, **filters))


@endpoint(
    partners,
    "POST",
    "/partners",
    permission="partner.create",
    body=schemas.PartnerIn,
    answer=schemas.PartnerOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_partner(ctx: Context) -> Any:
    """Make a partner, which is active at once."""
    partner = service.create_partner(ctx.session, fields=ctx.body)
    ctx.headers["Location"] = f"/api/v1/partners/{partner.id}"
    return _tagged(ctx, partner)


@endpoint(partners, "GET", "/partners/<uuid:partner_id>", permission=OWN, answer=schemas.PartnerDetail)
def show_partner(ctx: Context, *, partner_id: UUID) -> Any:
    """A partner, and how many customers it has."""
    partner = _tagged(ctx, reached(ctx, partner_id))
    shown = {name: getattr(partner, name) for name in _SHOWN}
    return shown | {"customer_count": service.customer_count(ctx.session, partner=partner)}


@endpoint(
    partners,
    "PATCH",
    "/partners/<uuid:partner_id>",
    permission="partner.update",
    body=schemas.PartnerChange,
    answer=schemas.PartnerOut,
    errors=[409, 412],
)
def update_partner(ctx: Context, *, partner_id: UUID) -> Any:
    """Change what is given."""
    _tagged(ctx, service.get_partner(ctx.session, partner_id=partner_id, locked=True))
    return _tagged(ctx, service.update_partner(ctx.session, partner_id=partner_id, changes=ctx.body))


@endpoint(
    partners,
    "POST",
    "/partners/<uuid:partner_id>/activate",
    permission="partner.update",
    answer=schemas.PartnerOut,
    idempotent=True,
)
def activate_partner(ctx: Context, *, partner_id: UUID) -> Any:
    """Let a partner do business."""
    return _tagged(ctx, service.activate_partner(ctx.session, partner_id=partner_id))


@endpoint(
    partners,
    "POST",
    "/partners/<uuid:partner_id>/deactivate",
    permission="partner.update",
    body=schemas.Reason,
    answer=schemas.PartnerOut,
    idempotent=True,
)
def deactivate_partner(ctx: Context, *, partner_id: UUID) -> Any:
    """Give a partner no more customers and licenses; what its customers have stays."""
    reason = ctx.body["reason"]
    return _tagged(ctx, service.deactivate_partner(ctx.session, partner_id=partner_id, reason=reason))


@endpoint(
    partners,
    "GET",
    "/partners/<uuid:partner_id>/members",
    permission=ALL,
    answer=schemas.MemberOut,
    paged=True,
)
def list_members(ctx: Context, *, partner_id: UUID) -> Any:
    """The users who act for a partner, newest first."""
    found = service.all_members(ctx.session, partner_id=partner_id)
    return page(ctx, found, by=(service.PartnerMember.created_at, service.PartnerMember.user_id))


@endpoint(
    partners,
    "PUT",
    "/partners/<uuid:partner_id>/members/<uuid:user_id>",
    permission="partner.update",
    answer=schemas.MemberOut,
)
def add_member(ctx: Context, *, partner_id: UUID, user_id: UUID) -> Any:
    """Let a user act for a partner: with the permission partner.use they reach this one."""
    return service.add_member(ctx.session, partner_id=partner_id, user_id=user_id)


@endpoint(
    partners,
    "DELETE",
    "/partners/<uuid:partner_id>/members/<uuid:user_id>",
    permission="partner.update",
    status=204,
)
def remove_member(ctx: Context, *, partner_id: UUID, user_id: UUID) -> Any:
    """Let a user no longer act for a partner."""
    service.remove_member(ctx.session, partner_id=partner_id, user_id=user_id)


@endpoint(
    partners,
    "POST",
    "/partners/<uuid:partner_id>/customer-requests",
    permission=OWN,
    body=schemas.CustomerRequestIn,
    answer=schemas.CustomerRequestOut,
    status=202,
    idempotent=True,
    errors=[409],
)
def request_customer(ctx: Context, *, partner_id: UUID) -> Any:
    """Ask for a customer with licenses and a deployment: the event `partner.customer_requested`, which a workflow takes up."""
    partner = reached(ctx, partner_id)
    request = service.CustomerRequest(**ctx.body)
    event_id = service.request_customer(ctx.session, partner_id=partner.id, request=request)
    return {"event_id": event_id, "partner_id": partner.id}


def _tagged(ctx: Context, partner: service.Partner) -> service.Partner:
    ctx.etag(f"{partner.updated_at.timestamp():.6f}")
    return partner
