"""Leads by HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.crm import service
from app.domains.crm.routes.versions import version
from app.domains.crm.schemas import leads as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

leads = Blueprint("leads", __name__, description="Who may buy, and how far they are")


@endpoint(leads, "GET", "/leads", permission="lead.read", query=schemas.LeadQuery, answer=schemas.LeadOut, paged=True)
def list_leads(ctx: Context) -> Any:
    """Leads, newest first."""
    filters = {name: ctx.query.get(name) for name in ("q", "status", "source", "email", "customer_id")}
    return page(ctx, service.list_leads(ctx.session, **filters))


@endpoint(
    leads,
    "POST",
    "/leads",
    permission="lead.create",
    body=schemas.LeadIn,
    answer=schemas.LeadOut,
    status=201,
    idempotent=True,
)
def create_lead(ctx: Context) -> Any:
    """Make a lead."""
    lead = service.create_lead(ctx.session, fields=ctx.body)
    ctx.headers["Location"] = f"/api/v1/leads/{lead.id}"
    return _shown(ctx, lead)


@endpoint(leads, "GET", "/leads/<uuid:lead_id>", permission="lead.read", answer=schemas.LeadOut)
def show_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """One lead."""
    return _shown(ctx, service.get_lead(ctx.session, lead_id=lead_id))


@endpoint(
    leads,
    "PATCH",
    "/leads/<uuid:lead_id>",
    permission="lead.update",
    body=schemas.LeadChange,
    answer=schemas.LeadOut,
    errors=[412],
)
def update_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """Change what is given. Who a qualified lead is, is changed at its customer."""
    ctx.etag(version(service.lock_lead(ctx.session, lead_id=lead_id).updated_at))
    return _shown(ctx, service.update_lead(ctx.session, lead_id=lead_id, changes=ctx.body))


@endpoint(
    leads,
    "POST",
    "/leads/<uuid:lead_id>/contact",
    permission="lead.update",
    answer=schemas.LeadOut,
    idempotent=True,
    errors=[409],
)
def contact_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """Somebody has talked to a new lead."""
    return _shown(ctx, service.contact_lead(ctx.session, lead_id=lead_id))


@endpoint(
    leads,
    "POST",
    "/leads/<uuid:lead_id>/qualify",
    permission="lead.qualify",
    answer=schemas.LeadOut,
    idempotent=True,
    errors=[409, 422],
)
def qualify_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """Score and qualify a lead that has contact, company and wanted products; its customer is made, or found, as a prospect."""
    return _shown(ctx, service.qualify_lead(ctx.session, lead_id=lead_id, key=f"request/{new_id()}"))


@endpoint(
    leads,
    "POST",
    "/leads/<uuid:lead_id>/convert",
    permission="lead.qualify",
    answer=schemas.LeadOut,
    idempotent=True,
    errors=[409],
)
def convert_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """A qualified lead's prospect is a customer from now on."""
    lead, _ = service.convert_lead(ctx.session, lead_id=lead_id, key=f"request/{new_id()}")
    return _shown(ctx, lead)


@endpoint(
    leads,
    "POST",
    "/leads/<uuid:lead_id>/lose",
    permission="lead.update",
    body=schemas.LoseIn,
    answer=schemas.LeadOut,
    idempotent=True,
    errors=[409],
)
def lose_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """Give a lead up."""
    return _shown(ctx, service.lose_lead(ctx.session, lead_id=lead_id, reason=ctx.body["reason"]))


@endpoint(
    leads,
    "POST",
    "/leads/<uuid:lead_id>/reopen",
    permission="lead.qualify",
    answer=schemas.LeadOut,
    idempotent=True,
    errors=[409],
)
def reopen_lead(ctx: Context, *, lead_id: UUID) -> Any:
    """A lost lead is new again; a qualified one is what it was before, and the prospect that it made goes."""
    return _shown(ctx, service.reopen_lead(ctx.session, lead_id=lead_id))


def _shown(ctx: Context, lead: service.Lead) -> service.Lead:
    ctx.etag(version(lead.updated_at))
    return lead
