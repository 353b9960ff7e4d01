"""What the ticketing room's routes take and answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.domains.ticketing.rules.actors import Actor
from app.domains.ticketing.rules.clock import MAX_MINUTES
from app.domains.ticketing.rules.kinds import Entry, Priority, TicketType
from app.domains.ticketing.rules.states import Status
from app.http.endpoint import PageQuery
from app.http.fields import Time

MAX_REFERENCE = 64
MAX_REASON = 500
MAX_LISTED = 1_000

# far beyond any value: the rules say what is too long, in words
_text = ma.validate.Length(max=100_000)
_line = ma.validate.Length(max=4_000)


def _one_of(values: Any) -> ma.validate.OneOf:
    return ma.validate.OneOf([each.value for each in values])


def _listed() -> ma.fields.List[Any]:
    return ma.fields.List(ma.fields.String(validate=_line), validate=ma.validate.Length(max=MAX_LISTED))


def _reference(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)) > MAX_REFERENCE:
        raise ma.ValidationError("This is a text or a whole number.")


class TicketChange(ma.Schema):
    """What changes of a ticket. Another type goes to the team of that type, unless a team is named."""

    title = ma.fields.String(validate=_line)
    priority = ma.fields.String(validate=_one_of(Priority))
    ticket_type = ma.fields.String(allow_none=True, validate=_one_of(TicketType))
    assigned_team = ma.fields.String(allow_none=True, validate=_line, metadata={"description": "the team's code"})
    service_address = ma.fields.String(allow_none=True, validate=_line)
    affected_services = _listed()
    device_serial_numbers = _listed()


class TicketIn(TicketChange):
    """A new ticket. To the tenant, it is one of the customer whom it names; to anybody else, one of the caller's own."""

    title = ma.fields.String(required=True, validate=_line)
    description = ma.fields.String(
        required=True, validate=_text, metadata={"description": "also the ticket's first message"}
    )
    customer_id = ma.fields.Raw(
        allow_none=True,
        validate=_reference,
        metadata={
            "description": "the customer's id, serial number or customer number",
            "oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}],
        },
    )
    tenant_id = ma.fields.String(
        allow_none=True, validate=_line, metadata={"description": "id or slug of a tenant that it is about"}
    )
    target_type = ma.fields.String(load_default=Actor.TENANT.value, validate=_one_of(Actor))


class TicketFilter(PageQuery):
    """Which tickets."""

    q = ma.fields.String(validate=ma.validate.Length(1, 200), metadata={"description": "part of number or title"})
    status = ma.fields.String(validate=_one_of(Status))
    priority = ma.fields.String(validate=_one_of(Priority))
    ticket_type = ma.fields.String(validate=_one_of(TicketType))
    assigned_team = ma.fields.String(validate=ma.validate.Length(1, 200))
    customer_id = ma.fields.UUID()


class RoutingOut(ma.Schema):
    """Where a ticket was sent."""

    team = ma.fields.String(allow_none=True)


class TicketContextOut(ma.Schema):
    """Who has a ticket, in the form that scripts read it in."""

    assigned_team = ma.fields.String(allow_none=True)
    routing = ma.fields.Nested(RoutingOut)


class TicketOut(ma.Schema):
    """A ticket. `sla_due_date`: when it is to be resolved; later, the longer its clock stands."""

    id = ma.fields.UUID()
    ticket_number = ma.fields.String()
    title = ma.fields.String()
    description = ma.fields.String()
    customer_id = ma.fields.UUID(allow_none=True)
    tenant_id = ma.fields.UUID(allow_none=True)
    origin_type = ma.fields.String()
    target_type = ma.fields.String()
    priority = ma.fields.String()
    ticket_type = ma.fields.String(allow_none=True)
    status = ma.fields.String()
    assigned_team = ma.fields.String(allow_none=True)
    context = ma.fields.Nested(TicketContextOut)
    service_address = ma.fields.String(allow_none=True)
    affected_services = ma.fields.List(ma.fields.String())
    device_serial_numbers = ma.fields.List(ma.fields.String())
    created_by = ma.fields.String()
    sla_due_date = Time()
    clock_stopped_at = Time(allow_none=True)
    first_response_at = Time(allow_none=True)
    resolution_time_minutes = ma.fields.Integer(allow_none=True)
    resolved_at = Time(allow_none=True)
    closed_at = Time(allow_none=True)
    approved_at = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()


class TicketStatusIn(ma.Schema):
    """Where a ticket goes. From resolved or closed to open: it is reopened."""

    status = ma.fields.String(required=True, validate=_one_of(Status))
    reason = ma.fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(1, MAX_REASON))


class TicketAttachment(ma.Schema):
    """A file that goes with a message, where it lies."""

    name = ma.fields.String(required=True, validate=_line)
    url = ma.fields.String(required=True, validate=_line)
    media_type = ma.fields.String(allow_none=True, validate=_line)
    size_bytes = ma.fields.Integer(strict=True, allow_none=True)


class TicketMessageIn(ma.Schema):
    """What is said in a ticket. `author_type`: the party in whose name; default: the one that fits the caller."""

    body = ma.fields.String(required=True, validate=_text)
    reply_to_id = ma.fields.UUID(allow_none=True, metadata={"description": "the message that it answers"})
    author_type = ma.fields.String(allow_none=True, validate=_one_of(Actor))
    attachments = ma.fields.List(ma.fields.Nested(TicketAttachment), validate=ma.validate.Length(max=MAX_LISTED))


class TicketMessageOut(ma.Schema):
    """What somebody said in a ticket."""

    id = ma.fields.UUID()
    ticket_id = ma.fields.UUID()
    reply_to_id = ma.fields.UUID(allow_none=True)
    author_type = ma.fields.String()
    author = ma.fields.String()
    body = ma.fields.String()
    attachments = ma.fields.List(ma.fields.Nested(TicketAttachment))
    created_at = Time()


class TicketEventOut(ma.Schema):
    """What happened to a ticket."""

    id = ma.fields.UUID()
    type = ma.fields.String(validate=_one_of(Entry))
    actor = ma.fields.String()
    data = ma.fields.Dict(keys=ma.fields.String())
    created_at = Time()


class InstallationIn(ma.Schema):
    """What is installed, where, and with what. Address and device are the ticket's where they are not given."""

    bandwidth_plan = ma.fields.String(required=True, validate=_line)
    service_location = ma.fields.String(
        required=True, validate=_line, metadata={"description": "the site or point of presence that serves the address"}
    )
    config_template = ma.fields.String(required=True, validate=_line)
    subscription_id = ma.fields.UUID(required=True)
    installation_address = ma.fields.String(allow_none=True, validate=_line)
    cpe_serial = ma.fields.String(
        allow_none=True, validate=_line, metadata={"description": "serial number of the customer's device"}
    )
    technician_id = ma.fields.UUID(allow_none=True)
    installation_date = ma.fields.Date(allow_none=True)


class SlaTargetIn(ma.Schema):
    """How soon tickets of a priority are first answered and resolved; every hour of every day counts."""

    first_response_minutes = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, MAX_MINUTES))
    resolution_minutes = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, MAX_MINUTES))


class SlaTargetOut(SlaTargetIn):
    """The same, by priority."""

    id = ma.fields.UUID()
    priority = ma.fields.String()
    created_at = Time()
    updated_at = Time()
