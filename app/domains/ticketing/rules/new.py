"""What a ticket, a message and the approval of an installation are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.domains.ticketing.rules.actors import Actor
from app.domains.ticketing.rules.kinds import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A ticket. `description`: also its first message. `customer`: id, serial number or customer number.

    `tenant`: id or slug of a tenant that it is about, one that the session's owner made; the owner itself is none.
    """

    title: str
    description: str
    customer: UUID | int | str | None = None
    target: str = Actor.TENANT.value
    priority: str = Priority.NORMAL.value
    ticket_type: str | None = None
    assigned_team: str | None = None
    tenant: UUID | str | None = None
    service_address: str | None = None
    affected_services: Sequence[str] = ()
    device_serial_numbers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message, where it lies. `media_type` as in RFC 6838, `size_bytes` where they are known."""

    name: str
    url: str
    media_type: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message. `reply_to_id`: the message of the same ticket that it answers. `author_type` None: as fits the author."""

    body: str
    reply_to_id: UUID | None = None
    author_type: str | None = None
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What is installed, where, and with what. `service_location`: the site or point of presence that serves the address.

    Address and serial number of the device are the ticket's where they are not given.
    """

    bandwidth_plan: str
    service_location: str
    config_template: str
    subscription_id: UUID
    installation_address: str | None = None
    cpe_serial: str | None = None
    technician_id: UUID | None = None
    installation_date: date | None = None
