"""What workflows may call of the ticketing room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.ticketing import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

UNDONE = "What it was opened for was undone."


@OPERATIONS.operation("ticketing_service.create_ticket", undone_by="ticketing_service.close_ticket")
def create_ticket(
    call: Call,
    *,
    title: str,
    description: str,
    customer_id: str | int | UUID,
    priority: str = "normal",
    assigned_team: str | None = None,
    tenant_id: str | UUID | None = None,
    ticket_type: str | None = None,
    service_address: str | None = None,
    affected_services: list[str] | None = None,
    device_serial_numbers: list[str] | None = None,
) -> dict[str, Any]:
    """Open a ticket of a customer (by id, serial number or customer number) to the tenant; the description is its first message.

    A type that has a team of its own goes to that team, any other to `assigned_team`. `tenant_id`: id or slug of a tenant
    that it is about.
    """
    new = service.NewTicket(
        title=title,
        description=description,
        customer=customer_id,
        priority=priority,
        ticket_type=ticket_type,
        assigned_team=assigned_team,
        tenant=tenant_id,
        service_address=service_address,
        affected_services=affected_services or (),
        device_serial_numbers=device_serial_numbers or (),
    )
    ticket = service.create_ticket(call.session, new=new, key=f"step:{call.idempotency_key}", by=service.SYSTEM)
    ticket_id = str(ticket.id)
    call.effect("ticket", ticket_id, f"Ticket {ticket.ticket_number}", undo={"ticket_id": ticket_id})
    return _shown(ticket)


@OPERATIONS.operation("ticketing_service.close_ticket")
def close_ticket(call: Call, *, ticket_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """Close a ticket, whatever its state; one that is closed stays as it is."""
    return _shown(
        service.change_status(
            call.session, ticket_id=ticket_id, status=service.Status.CLOSED, by=service.SYSTEM, reason=reason
        )
    )


def _shown(ticket: service.Ticket) -> dict[str, Any]:
    return {
        "ticket_id": str(ticket.id),
        "ticket_number": ticket.ticket_number,
        "title": ticket.title,
        "description": ticket.description,
        "customer_id": str(ticket.customer_id) if ticket.customer_id else None,
        "origin_type": ticket.origin_type,
        "target_type": ticket.target_type,
        "priority": ticket.priority,
        "ticket_type": ticket.ticket_type,
        "status": ticket.status,
        "assigned_team": ticket.assigned_team,
        "service_address": ticket.service_address,
        "sla_due_date": ticket.sla_due_date.isoformat(),
        "context": ticket.context,
        "created_at": ticket.created_at.isoformat(),
    }
