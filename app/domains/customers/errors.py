"""What can be wrong about customers.

NotFound
└── CustomerNotFound           there is no such customer
Conflict
├── CustomerExists             somebody with that e-mail address is a customer already
└── IllegalCustomerTransition  customers do not go from this status to that one
Invalid
├── CustomerInvalid            a customer cannot be like that; every fault at once
└── NoReference                neither the id nor the number of a customer
"""

from __future__ import annotations

from app.core.errors import Conflict, Fault, Invalid, NotFound

__all__ = ["CustomerExists", "CustomerInvalid", "CustomerNotFound", "IllegalCustomerTransition", "NoReference"]


class CustomerNotFound(NotFound):
    """There is no such customer."""

    code = "customer-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such customer.")


class CustomerExists(Conflict):
    """Somebody with that e-mail address is a customer already: the partner's where there is one, else the owner's own."""

    code = "customer-exists"

    def __init__(self, email: str, *, of_partner: bool) -> None:
        message = f"{email} is a customer of this partner already." if of_partner else f"{email} is a customer already."
        super().__init__(message, faults=[Fault("/email", message)])
        self.email = email


class IllegalCustomerTransition(Conflict):
    """Customers do not go from this status to that one."""

    code = "illegal-transition"

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"A customer that is {before} cannot become {after}.")
        self.before, self.after = before, after


class CustomerInvalid(Invalid):
    """A customer cannot be like that."""

    code = "customer-invalid"


class NoReference(Invalid):
    """Neither the id nor the number of a customer."""

    code = "customer-reference-invalid"
