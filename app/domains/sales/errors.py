"""What may be wrong with an order, or with what somebody wants of it.

NotFound
└── OrderNotFound           there is no such order
Conflict
├── IllegalOrderTransition  orders do not go from this state to that one
├── OrderBusy               something is still going on with it
├── NothingDue              nothing is to be paid for it
└── NotADraft               what was sold cannot be changed any more
Invalid
└── OrderInvalid            the order cannot be fulfilled as it stands; every fault at once
"""

from __future__ import annotations

from app.core.errors import Conflict, Invalid, NotFound

__all__ = [
    "IllegalOrderTransition",
    "NotADraft",
    "NothingDue",
    "OrderBusy",
    "OrderInvalid",
    "OrderNotFound",
]


class OrderNotFound(NotFound):
    """There is no such order."""

    code = "order-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such order.")


class IllegalOrderTransition(Conflict):
    """Orders do not go from this state to that one."""

    code = "illegal-transition"

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"An order that is {before} cannot become {after}.")
        self.before, self.after = before, after


class OrderBusy(Conflict):
    """Something is still going on with the order."""

    code = "order-busy"


class NothingDue(Conflict):
    """Nothing is to be paid for the order."""

    code = "nothing-due"

    def __init__(self, order_number: str) -> None:
        super().__init__(f"Nothing is to be paid for order {order_number}.")


class NotADraft(Conflict):
    """What was sold cannot be changed any more."""

    code = "order-not-a-draft"


class OrderInvalid(Invalid):
    """The order cannot be fulfilled as it stands."""

    code = "order-invalid"
