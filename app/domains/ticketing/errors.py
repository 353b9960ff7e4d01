"""What can be wrong about tickets.

NotFound
├── TicketNotFound         there is no such ticket
└── UnknownPriority        no ticket is pressing in that way
Invalid
├── InvalidCustomer        no customer of this tenant is called that
├── TicketNotCreated       a ticket cannot be like that; every fault at once
├── TicketInvalid          a change, a message or an approval cannot be like that; every fault at once
└── TargetInvalid          nothing can be answered and resolved in that time
Conflict
├── IllegalTransition      tickets do not go from this state to that one
├── TicketClosed           a closed ticket is reopened before anything else happens to it
├── NoInstallation         the ticket asks for no installation
└── InstallationApproved   the installation was approved before
Forbidden
└── NotAParty              the ticket is between others
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core.errors import Conflict, Fault, Forbidden, Invalid, NotFound

__all__ = [
    "IllegalTransition",
    "InstallationApproved",
    "InvalidCustomer",
    "NoInstallation",
    "NotAParty",
    "TargetInvalid",
    "TicketClosed",
    "TicketInvalid",
    "TicketNotCreated",
    "TicketNotFound",
    "UnknownPriority",
]


class TicketNotFound(NotFound):
    """There is no such ticket."""

    code = "ticket-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such ticket.")


class UnknownPriority(NotFound):
    """No ticket is pressing in that way."""

    code = "unknown-priority"

    def __init__(self, priority: str) -> None:
        super().__init__(f"There is no priority “{priority}”.")


class InvalidCustomer(Invalid):
    """No customer of this tenant is called that."""

    code = "invalid-customer"

    def __init__(self, reference: object, *, is_unknown: bool = False) -> None:
        message = f"Invalid customer_id: {reference}" + (" (customer lookup failed)" if is_unknown else "")
        super().__init__(message, faults=[Fault("/customer_id", message)])


class TicketNotCreated(Invalid):
    """A ticket cannot be like that."""

    code = "ticket-not-created"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"Failed to create ticket: {_sentences(faults)}", faults=faults)


class TicketInvalid(Invalid):
    """A change, a message or an approval cannot be like that."""

    code = "ticket-invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(_sentences(faults), faults=faults)


class TargetInvalid(Invalid):
    """Nothing can be answered and resolved in that time."""

    code = "sla-target-invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(_sentences(faults), faults=faults)


class IllegalTransition(Conflict):
    """Tickets do not go from this state to that one."""

    code = "illegal-transition"

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"A ticket that is {before} cannot become {after}.")
        self.before, self.after = before, after


class TicketClosed(Conflict):
    """A closed ticket is reopened before anything else happens to it."""

    code = "ticket-closed"

    def __init__(self) -> None:
        super().__init__("The ticket is closed: reopen it first.")


class NoInstallation(Conflict):
    """The ticket asks for no installation."""

    code = "no-installation"


class InstallationApproved(Conflict):
    """The installation was approved before."""

    code = "installation-approved"


class NotAParty(Forbidden):
    """The ticket is between others."""

    code = "not-a-party"


def _sentences(faults: Sequence[Fault]) -> str:
    """All faults in one text, each once."""
    return " ".join(dict.fromkeys(fault.message for fault in faults))
