"""Tables of tickets, their messages and history, and of the times in which they are to be answered and resolved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.ticketing.rules.actors import WAYS, Actor
from app.domains.ticketing.rules.kinds import Entry, Priority, TicketType
from app.domains.ticketing.rules.states import DONE, STANDING, Status

SEARCHED = "lower(ticket_number || ' ' || title)"
ROUTE = ", ".join(f"('{origin.value}', '{target.value}')" for origin in WAYS for target in sorted(WAYS[origin]))


def _among(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(each)) for each in values)})"


class Ticket(Owned, Timestamped, Base):
    """What one actor asks of another. `key`: whoever asks again with it gets this one.

    `tenant_id`: a tenant that it is about, by value: tickets outlive it. `created_by`: the e-mail address of who wrote it.
    `sla_due_date`: when it is to be resolved, later by as long as the clock has stood: `clock_stopped_at` since when it stands
    now, `paused_seconds` for how long before. `resolution_time_minutes` of that time were taken.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        # a ticket by its number
        UniqueConstraint("ticket_number"),
        CheckConstraint("ticket_number ~ '^TCK-[0-9A-F]{12}$'", name="ticket_number"),
        CheckConstraint(f"(origin_type, target_type) IN ({ROUTE})", name="route"),
        CheckConstraint("origin_type <> 'customer' OR customer_id IS NOT NULL", name="customer_id"),
        CheckConstraint(_among("priority", Priority), name="priority"),
        CheckConstraint(_among("ticket_type", TicketType), name="ticket_type"),
        CheckConstraint(_among("status", Status), name="status"),
        CheckConstraint(
            f"({_among('status', sorted(STANDING))}) = (clock_stopped_at IS NOT NULL)", name="clock_stopped_at"
        ),
        CheckConstraint(
            f"({_among('status', sorted(DONE))}) = (resolution_time_minutes IS NOT NULL)",
            name="resolution_time_minutes",
        ),
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
        CheckConstraint("status <> 'resolved' OR resolved_at IS NOT NULL", name="resolved_at"),
        CheckConstraint("paused_seconds >= 0", name="paused_seconds"),
        CheckConstraint("approved_at IS NULL OR ticket_type = 'installation_request'", name="approved_at"),
        # the list, newest first, in keyset pages
        Index("ix_tickets_list", "owner_id", "created_at", "id"),
        # the list by state
        Index("ix_tickets_status", "owner_id", "status", "created_at", "id"),
        # the list of a team's tickets
        Index("ix_tickets_assigned_team", "owner_id", "assigned_team", "created_at", "id"),
        # the list of a customer's tickets; what keeps a customer from being deleted
        Index("ix_tickets_customer_id", "customer_id", "created_at", "id"),
        # the free search of the list
        Index(
            "ix_tickets_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as the declarative base declares it

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(Text)
    ticket_number: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    tenant_id: Mapped[UUID | None] = mapped_column(Uuid)
    origin_type: Mapped[str] = mapped_column(Text)
    target_type: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(Text)
    ticket_type: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=Status.OPEN.value)
    assigned_team: Mapped[str | None] = mapped_column(Text)
    service_address: Mapped[str | None] = mapped_column(Text)
    affected_services: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    device_serial_numbers: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    created_by: Mapped[str] = mapped_column(Text)
    sla_due_date: Mapped[datetime]
    clock_stopped_at: Mapped[datetime | None]
    paused_seconds: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    first_response_at: Mapped[datetime | None]
    resolution_time_minutes: Mapped[int | None] = mapped_column(Integer)
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())
    search_text: Mapped[str] = mapped_column(Text, Computed(SEARCHED, persisted=True), deferred=True)

    @property
    def context(self) -> dict[str, Any]:
        """Who has the ticket, in the form that scripts read it in."""
        return {"assigned_team": self.assigned_team, "routing": {"team": self.assigned_team}}


class TicketMessage(Owned, Timestamped, Base):
    """What somebody says in a ticket. `author`: their e-mail address; `author_type`: the party for which they write.

    `attachments`: objects of name, url, media_type, size_bytes.
    """

    __tablename__ = "ticket_messages"
    __table_args__ = (
        UniqueConstraint("ticket_id", "id"),
        # an answer belongs to the ticket of what it answers
        ForeignKeyConstraint(["ticket_id", "reply_to_id"], ["ticket_messages.ticket_id", "ticket_messages.id"]),
        CheckConstraint(_among("author_type", Actor), name="author_type"),
        # a ticket's messages, newest first, in keyset pages
        Index("ix_ticket_messages_list", "ticket_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    reply_to_id: Mapped[UUID | None] = mapped_column(Uuid)
    author_type: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)


class TicketEvent(Owned, Base):
    """What happened to a ticket; never rewritten. `actor`: the e-mail address of who did it; `data`: what changed."""

    __tablename__ = "ticket_events"
    __table_args__ = (
        CheckConstraint(_among("type", Entry), name="type"),
        # a ticket's history, newest first, in keyset pages
        Index("ix_ticket_events_list", "ticket_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    created_at: Mapped[datetime]


class SlaTarget(Owned, Timestamped, Base):
    """How soon an owner's tickets of a priority are first answered and resolved. Tickets keep what they began with."""

    __tablename__ = "sla_targets"
    __table_args__ = (
        # the target of a priority
        UniqueConstraint("owner_id", "priority"),
        CheckConstraint(_among("priority", Priority), name="priority"),
        CheckConstraint("first_response_minutes BETWEEN 1 AND resolution_minutes", name="minutes"),
        # the list, in keyset pages
        Index("ix_sla_targets_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    priority: Mapped[str] = mapped_column(Text)
    first_response_minutes: Mapped[int] = mapped_column(Integer)
    resolution_minutes: Mapped[int] = mapped_column(Integer)
