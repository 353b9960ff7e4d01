"""The verbs of the ticketing room. None commits; all run as the session's owner."""

from app.domains.ticketing.models import SlaTarget, Ticket, TicketEvent, TicketMessage
from app.domains.ticketing.rules.actors import SYSTEM, Author
from app.domains.ticketing.rules.clock import Target
from app.domains.ticketing.rules.kinds import Priority, TicketType
from app.domains.ticketing.rules.new import Attachment, Installation, NewMessage, NewTicket
from app.domains.ticketing.rules.states import Status
from app.domains.ticketing.service.approving import approve_installation
from app.domains.ticketing.service.changing import update_ticket
from app.domains.ticketing.service.conversing import add_message
from app.domains.ticketing.service.moving import change_status
from app.domains.ticketing.service.opening import create_ticket
from app.domains.ticketing.service.reading import get_ticket, list_events, list_messages, list_tickets, lock_ticket
from app.domains.ticketing.service.targets import list_targets, seed, set_target

__all__ = [
    "SYSTEM",
    "Attachment",
    "Author",
    "Installation",
    "NewMessage",
    "NewTicket",
    "Priority",
    "SlaTarget",
    "Status",
    "Target",
    "Ticket",
    "TicketEvent",
    "TicketMessage",
    "TicketType",
    "add_message",
    "approve_installation",
    "change_status",
    "create_ticket",
    "get_ticket",
    "list_events",
    "list_messages",
    "list_targets",
    "list_tickets",
    "lock_ticket",
    "seed",
    "set_target",
    "update_ticket",
]
