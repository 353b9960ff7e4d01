"""What tickets are about, how pressing they are, and which team has which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Priority(StrEnum):
    """How pressing a ticket is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class TicketType(StrEnum):
    """What a ticket is about."""

    GENERAL_INQUIRY = "general_inquiry"
    BILLING_ISSUE = "billing_issue"
    TECHNICAL_SUPPORT = "technical_support"
    INSTALLATION_REQUEST = "installation_request"
    OUTAGE_REPORT = "outage_report"
    SERVICE_UPGRADE = "service_upgrade"
    SERVICE_DOWNGRADE = "service_downgrade"
    CANCELLATION_REQUEST = "cancellation_request"
    EQUIPMENT_ISSUE = "equipment_issue"
    SPEED_ISSUE = "speed_issue"
    NETWORK_ISSUE = "network_issue"
    CONNECTIVITY_ISSUE = "connectivity_issue"


class Entry(StrEnum):
    """What happens to a ticket, as its history has it."""

    CREATED = "created"
    CHANGED = "changed"
    STATUS_CHANGED = "status_changed"
    MESSAGE_ADDED = "message_added"
    INSTALLATION_APPROVED = "installation_approved"


TEAM_OF_TYPE: Mapping[str, str] = {TicketType.INSTALLATION_REQUEST: "field_ops"}
"""The teams that have all tickets of a type."""


def routed(ticket_type: str | None, *, assigned_team: str | None) -> str | None:
    """The team that has a ticket: that of its type where the type has one, else the one that was named."""
    return TEAM_OF_TYPE.get(ticket_type or "", assigned_team)
