"""What can be wrong about leads, quotes and site surveys.

NotFound
├── LeadNotFound            there is no such lead
├── QuoteNotFound           there is no such quote
└── SurveyNotFound          there is no such site survey
Conflict
├── IllegalLeadTransition   leads do not go from this status to that one
├── LeadInUse               something was built on the lead's qualification
├── LeadNotQualified        only a qualified lead can do that
├── IllegalQuoteTransition  quotes do not go from this status to that one
├── QuoteExpired            the quote was valid until then, and no longer
├── QuoteNotAccepted        only an accepted quote is ordered
├── QuoteOrdersNothing      a renewal quote makes no order
├── QuoteInUse              an order was made of the quote
├── NotRenewable            the subscription cannot be renewed now; every reason at once
├── SurveyClosed            a survey that is over is not changed any more
├── SurveyNotCompleted      nobody has surveyed the place yet
└── SurveyNotFeasible       the surveyor says that it cannot be done
Invalid
├── LeadInvalid             a lead cannot be like that; every fault at once
├── LeadNotQualifiable      what is missing of a lead to be qualified; every fault at once
├── QuoteInvalid            such a quote cannot be made; every fault at once
└── SurveyInvalid           a survey cannot be like that; every fault at once
"""

from __future__ import annotations

from datetime import datetime

from app.core.errors import Conflict, Invalid, NotFound

__all__ = [
    "IllegalLeadTransition",
    "IllegalQuoteTransition",
    "LeadInUse",
    "LeadInvalid",
    "LeadNotFound",
    "LeadNotQualifiable",
    "LeadNotQualified",
    "NotRenewable",
    "QuoteExpired",
    "QuoteInUse",
    "QuoteInvalid",
    "QuoteNotAccepted",
    "QuoteNotFound",
    "QuoteOrdersNothing",
    "SurveyClosed",
    "SurveyInvalid",
    "SurveyNotCompleted",
    "SurveyNotFeasible",
    "SurveyNotFound",
]


class LeadNotFound(NotFound):
    """There is no such lead."""

    code = "lead-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such lead.")


class QuoteNotFound(NotFound):
    """There is no such quote."""

    code = "quote-not-found"

    def __init__(self) -> None:
        super().__init__("Quote not found")


class SurveyNotFound(NotFound):
    """There is no such site survey."""

    code = "site-survey-not-found"


class IllegalLeadTransition(Conflict):
    """Leads do not go from this status to that one."""

    code = "illegal-transition"

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"A lead that is {before} cannot become {after}.")
        self.before, self.after = before, after


class LeadInUse(Conflict):
    """Something was built on the lead's qualification."""

    code = "lead-in-use"


class LeadNotQualified(Conflict):
    """Only a qualified lead can do that."""

    code = "lead-not-qualified"


class IllegalQuoteTransition(Conflict):
    """Quotes do not go from this status to that one."""

    code = "illegal-transition"

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"A quote that is {before} cannot become {after}.")
        self.before, self.after = before, after


class QuoteExpired(Conflict):
    """The quote was valid until then, and no longer."""

    code = "quote-expired"

    def __init__(self, quote_number: str, valid_until: datetime) -> None:
        super().__init__(f"The quote {quote_number} was valid until {valid_until:%Y-%m-%d %H:%M} UTC.")
        self.valid_until = valid_until


class QuoteNotAccepted(Conflict):
    """Only an accepted quote is ordered."""

    code = "quote-not-accepted"

    def __init__(self, quote_number: str, status: str) -> None:
        super().__init__(f"The quote {quote_number} is {status}: only an accepted quote is ordered.")


class QuoteOrdersNothing(Conflict):
    """A renewal quote makes no order."""

    code = "quote-orders-nothing"

    def __init__(self, quote_number: str) -> None:
        super().__init__(f"The quote {quote_number} renews a subscription: there is nothing to be ordered.")


class QuoteInUse(Conflict):
    """An order was made of the quote."""

    code = "quote-in-use"

    def __init__(self, quote_number: str, order_number: str) -> None:
        super().__init__(f"The quote {quote_number} was ordered as {order_number}: cancel the order first.")


class NotRenewable(Conflict):
    """The subscription cannot be renewed now."""

    code = "subscription-not-renewable"


class SurveyClosed(Conflict):
    """A survey that is over is not changed any more."""

    code = "site-survey-closed"

    def __init__(self, status: str) -> None:
        super().__init__(f"The site survey is {status}: it cannot be changed any more.")


class SurveyNotCompleted(Conflict):
    """Nobody has surveyed the place yet."""

    code = "site-survey-not-completed"

    def __init__(self, status: str) -> None:
        super().__init__(f"The site survey is {status}, not completed.")


class SurveyNotFeasible(Conflict):
    """The surveyor says that it cannot be done."""

    code = "site-survey-not-feasible"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The site survey says that it cannot be done: {reason}")


class LeadInvalid(Invalid):
    """A lead cannot be like that."""

    code = "lead-invalid"


class LeadNotQualifiable(Invalid):
    """What is missing of a lead to be qualified."""

    code = "lead-not-qualifiable"


class QuoteInvalid(Invalid):
    """Such a quote cannot be made."""

    code = "quote-invalid"


class SurveyInvalid(Invalid):
    """A survey cannot be like that."""

    code = "site-survey-invalid"
