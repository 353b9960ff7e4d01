"""What can be wrong about partners, their licenses and their commissions.

NotFound
├── PartnerNotFound            there is no such partner
├── AgreementNotFound          the partner has no such agreement
├── LicensePoolNotFound        the partner has no such pool
├── AllocationNotFound         there is no such allocation
└── CommissionNotFound         there is no such commission
Conflict
├── PartnerCodeTaken           another partner has that code
├── PartnerInactive            the partner does no business at present
├── AgreementsOverlap          another agreement is for the same sales at the same time
├── LicensePoolExhausted       fewer licenses are left than were asked for
├── LicensePoolBelowAllocated  more licenses of the pool are given out than it would have
├── AllocatedToAnother         the same was asked for before, and it was something else
├── CustomerOfAnotherPartner   the customer is not this partner's
├── CommissionNotDue           no agreement in force is for such a sale
└── CommissionStateForbids     a commission in its state cannot do that
Invalid
└── BaseAmountMissing          the commission is a part of a sale of which nobody says the amount
"""

from __future__ import annotations

from app.core.errors import Conflict, Fault, Invalid, NotFound

__all__ = [
    "AgreementNotFound",
    "AgreementsOverlap",
    "AllocatedToAnother",
    "AllocationNotFound",
    "BaseAmountMissing",
    "CommissionNotDue",
    "CommissionNotFound",
    "CommissionStateForbids",
    "CustomerOfAnotherPartner",
    "LicensePoolBelowAllocated",
    "LicensePoolExhausted",
    "LicensePoolNotFound",
    "PartnerCodeTaken",
    "PartnerInactive",
    "PartnerNotFound",
]


class PartnerNotFound(NotFound):
    """There is no such partner."""

    code = "partner-not-found"


class AgreementNotFound(NotFound):
    """The partner has no such agreement."""

    code = "partner-agreement-not-found"

    def __init__(self) -> None:
        super().__init__("The partner has no such agreement.")


class LicensePoolNotFound(NotFound):
    """The partner has no such pool."""

    code = "license-pool-not-found"


class AllocationNotFound(NotFound):
    """There is no such allocation."""

    code = "license-allocation-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such allocation of licenses.")


class CommissionNotFound(NotFound):
    """There is no such commission."""

    code = "commission-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such commission.")


class PartnerCodeTaken(Conflict):
    """Another partner has that code."""

    code = "partner-code-taken"

    def __init__(self, taken: str) -> None:
        message = f"There is a partner “{taken}” already."
        super().__init__(message, faults=[Fault("/code", message)])


class PartnerInactive(Conflict):
    """The partner does no business at present."""

    code = "partner-inactive"

    def __init__(self, partner: str) -> None:
        super().__init__(f"The partner “{partner}” is not active.")


class AgreementsOverlap(Conflict):
    """Another agreement is for the same sales at the same time."""

    code = "partner-agreements-overlap"


class LicensePoolExhausted(Conflict):
    """Fewer licenses are left than were asked for. `total` counts the pool, `used` what is given out of it."""

    code = "license-pool-exhausted"

    def __init__(self, partner: str, *, total: int, used: int, requested: int) -> None:
        self.total, self.used, self.available, self.requested = total, used, total - used, requested
        message = (
            f"The partner “{partner}” has too few licenses left: total {total}, used {used}, "
            f"available {self.available}, requested {requested}."
        )
        super().__init__(message, faults=[Fault("/license_count", message)])


class LicensePoolBelowAllocated(Conflict):
    """More licenses of the pool are given out than it would have."""

    code = "license-pool-below-allocated"

    def __init__(self, *, allocated: int, total: int) -> None:
        message = f"{allocated} licenses of the pool are given out: its total cannot be {total}."
        super().__init__(message, faults=[Fault("/total", message)])


class AllocatedToAnother(Conflict):
    """The same was asked for before, and it was something else."""

    code = "licenses-allocated-to-another"

    def __init__(self) -> None:
        super().__init__("The same was asked for before, for another partner, customer or number of licenses.")


class CustomerOfAnotherPartner(Conflict):
    """The customer is not this partner's."""

    code = "customer-of-another-partner"

    def __init__(self, partner: str) -> None:
        message = f"The customer is not one of the partner “{partner}”."
        super().__init__(message, faults=[Fault("/customer_id", message)])


class CommissionNotDue(Conflict):
    """No agreement in force is for such a sale."""

    code = "commission-not-due"


class CommissionStateForbids(Conflict):
    """A commission in its state cannot do that."""

    code = "commission-state-forbids"


class BaseAmountMissing(Invalid):
    """The commission is a part of a sale of which nobody says the amount."""

    code = "base-amount-missing"

    def __init__(self, kind: str) -> None:
        message = f"A {kind} commission is a part of what was sold: give base_amount."
        super().__init__(message, faults=[Fault("/base_amount", message)])
