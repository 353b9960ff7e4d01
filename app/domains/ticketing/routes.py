"""Tickets by HTTP, for staff: opened, answered, moved, approved; and how soon they are to be done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.ticketing import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

tickets = Blueprint(
    "tickets", __name__, description="What customers, tenants, partners and the platform ask of one another"
)

_FILTERS = ("q", "status", "priority", "ticket_type", "assigned_team", "customer_id")


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [tickets]


@endpoint(
    tickets,
    "GET",
    "/tickets",
    permission="ticket.read",
    query=schemas.TicketFilter,
    answer=schemas.TicketOut,
    paged=True,
)
def list_tickets(ctx: Context) -> Any:
    """Tickets, newest first."""
    return page(ctx, service.list_tickets(ctx.session, **{name: ctx.query.get(name) for name in _FILTERS}))


@endpoint(
    tickets,
    "POST",
    "/tickets",
    permission="ticket.create",
    body=schemas.TicketIn,
    answer=schemas.TicketOut,
    status=201,
    idempotent=True,
)
def create_ticket(ctx: Context) -> Any:
    """Open a ticket; its description is its first message."""
    wanted = dict(ctx.body)
    for name in ("customer", "tenant"):
        wanted[name] = wanted.pop(f"{name}_id", None)
    wanted["target"] = wanted.pop("target_type")
    # whether a call is a repeat, its Idempotency-Key says: without one, two calls are two tickets
    ticket = service.create_ticket(
        ctx.session, new=service.NewTicket(**wanted), key=f"request/{new_id()}", by=_author(ctx)
    )
    ctx.headers["Location"] = f"/api/v1/tickets/{ticket.id}"
    return _shown(ctx, ticket)


@endpoint(tickets, "GET", "/tickets/<uuid:ticket_id>", permission="ticket.read", answer=schemas.TicketOut)
def show_ticket(ctx: Context, *, ticket_id: UUID) -> Any:
    """One ticket."""
    return _shown(ctx, service.get_ticket(ctx.session, ticket_id=ticket_id))


@endpoint(
    tickets,
    "PATCH",
    "/tickets/<uuid:ticket_id>",
    permission="ticket.update",
    body=schemas.TicketChange,
    answer=schemas.TicketOut,
    errors=[409, 412],
)
def update_ticket(ctx: Context, *, ticket_id: UUID) -> Any:
    """Change what is given of a ticket that is not closed."""
    ctx.etag(_version(service.lock_ticket(ctx.session, ticket_id=ticket_id)))
    return _shown(ctx, service.update_ticket(ctx.session, ticket_id=ticket_id, changes=ctx.body, by=_author(ctx)))


@endpoint(
    tickets,
    "POST",
    "/tickets/<uuid:ticket_id>/status",
    permission="ticket.update",
    body=schemas.TicketStatusIn,
    answer=schemas.TicketOut,
    idempotent=True,
    errors=[409, 412],
)
def change_ticket_status(ctx: Context, *, ticket_id: UUID) -> Any:
    """Move a ticket to another state; from resolved or closed to open, it is reopened."""
    ctx.etag(_version(service.lock_ticket(ctx.session, ticket_id=ticket_id)))
    status = service.Status(ctx.body["status"])
    reason = ctx.body["reason"]
    return _shown(
        ctx, service.change_status(ctx.session, ticket_id=ticket_id, status=status, by=_author(ctx), reason=reason)
    )


@endpoint(
    tickets,
    "GET",
    "/tickets/<uuid:ticket_id>/messages",
    permission="ticket.read",
    answer=schemas.TicketMessageOut,
    paged=True,
)
def list_ticket_messages(ctx: Context, *, ticket_id: UUID) -> Any:
    """What is said in a ticket, newest first; `reply_to_id` makes threads of it."""
    return page(ctx, service.list_messages(ctx.session, ticket_id=ticket_id))


@endpoint(
    tickets,
    "POST",
    "/tickets/<uuid:ticket_id>/messages",
    permission="ticket.reply",
    body=schemas.TicketMessageIn,
    answer=schemas.TicketMessageOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def add_ticket_message(ctx: Context, *, ticket_id: UUID) -> Any:
    """Say something in a ticket. A word of who asked opens it again where it waits or is resolved."""
    wanted = dict(ctx.body)
    wanted["attachments"] = [service.Attachment(**each) for each in wanted.get("attachments", ())]
    return service.add_message(ctx.session, ticket_id=ticket_id, new=service.NewMessage(**wanted), by=_author(ctx))


@endpoint(
    tickets,
    "GET",
    "/tickets/<uuid:ticket_id>/events",
    permission="ticket.read",
    answer=schemas.TicketEventOut,
    paged=True,
)
def list_ticket_events(ctx: Context, *, ticket_id: UUID) -> Any:
    """What happened to a ticket, newest first."""
    return page(ctx, service.list_events(ctx.session, ticket_id=ticket_id))


@endpoint(
    tickets,
    "POST",
    "/tickets/<uuid:ticket_id>/approve-installation",
    permission="ticket.approve",
    body=schemas.InstallationIn,
    answer=schemas.TicketOut,
    idempotent=True,
    errors=[409],
)
def approve_installation(ctx: Context, *, ticket_id: UUID) -> Any:
    """Approve the installation that a ticket asks for, once; what carries it out is started by the event."""
    installation = service.Installation(**ctx.body)
    return _shown(
        ctx,
        service.approve_installation(ctx.session, ticket_id=ticket_id, installation=installation, by=_author(ctx)),
    )


@endpoint(tickets, "GET", "/sla-targets", permission="ticket.read", answer=schemas.SlaTargetOut, paged=True)
def list_sla_targets(ctx: Context) -> Any:
    """How soon tickets of each priority are to be answered and resolved."""
    return page(ctx, service.list_targets(ctx.session))


@endpoint(
    tickets,
    "PUT",
    "/sla-targets/<string:priority>",
    permission="sla_target.update",
    body=schemas.SlaTargetIn,
    answer=schemas.SlaTargetOut,
)
def set_sla_target(ctx: Context, *, priority: str) -> Any:
    """Measure new tickets of a priority against this; tickets that exist keep their times."""
    return service.set_target(ctx.session, priority=priority, target=service.Target(**ctx.body))


def _author(ctx: Context) -> service.Author:
    return service.Author.of(ctx.principal.email, roles=ctx.principal.roles)


def _shown(ctx: Context, ticket: service.Ticket) -> service.Ticket:
    ctx.etag(_version(ticket))
    return ticket


def _version(ticket: service.Ticket) -> int:
    """The version that a time of change stands for: its microseconds."""
    return int(ticket.updated_at.timestamp() * 1_000_000)
