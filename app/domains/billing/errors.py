"""What can be wrong about accounts, plans, subscriptions, invoices and payments.

NotFound
├── AccountNotFound           the tenant has no billing account
├── PlanNotFound              there is no such plan
├── SubscriptionNotFound      there is no such subscription
├── InvoiceNotFound           there is no such invoice
├── PayableNotFound           there is nothing to be paid for that
├── PaymentNotFound           there is no such payment
├── PaymentMethodNotFound     the customer has no such payment method
└── GatewayNotFound           no payment gateway of that name is configured
Invalid
├── PlanNotSold               nobody can subscribe to the plan, or not like this
├── AmountNotDue              the amount is not the one that is due
├── AmountInvalid             an amount like this cannot be owed
├── CreditInvalid             this cannot be credited
└── PaymentMethodInvalid      nothing can be charged by this, or nothing is named and none on file
Conflict
├── PlanCodeTaken             another plan has that code
├── PlanInUse                 something refers to the plan
├── SubscriptionStateForbids  a subscription in its state cannot do that
├── SubscriptionOfAnother     the same was asked for before, for another customer
├── QuoteOfAnother            the quote is another customer's, or has extended another subscription
├── QuoteUnpaid               what the quote costs is not paid
├── ExtendedSince             a later renewal rests on the one to be undone
├── InvoiceStateForbids       an invoice in its state cannot do that
├── PayableSettled            it is paid, or being paid, and does not change any more
├── PaymentStateForbids       a payment in its state cannot do that
└── PaymentMethodTaken        the customer has that payment method
PaymentRejected                402: the payment was declined, with the reason
GatewayBusy                    503: the gateway cannot be asked now, or has not said yet what became of it
WebhookDisbelieved             400: the message is not proven to be the gateway's
"""

from __future__ import annotations

from app.core.errors import BusinessError, Conflict, Invalid, NotFound, Unavailable

__all__ = [
    "AccountNotFound",
    "AmountInvalid",
    "AmountNotDue",
    "CreditInvalid",
    "ExtendedSince",
    "GatewayBusy",
    "GatewayNotFound",
    "InvoiceNotFound",
    "InvoiceStateForbids",
    "PayableNotFound",
    "PayableSettled",
    "PaymentMethodInvalid",
    "PaymentMethodNotFound",
    "PaymentMethodTaken",
    "PaymentNotFound",
    "PaymentRejected",
    "PaymentStateForbids",
    "PlanCodeTaken",
    "PlanInUse",
    "PlanNotFound",
    "PlanNotSold",
    "QuoteOfAnother",
    "QuoteUnpaid",
    "SubscriptionNotFound",
    "SubscriptionOfAnother",
    "SubscriptionStateForbids",
    "WebhookDisbelieved",
]


class AccountNotFound(NotFound):
    """The tenant has no billing account."""

    code = "billing-account-not-found"


class PlanNotFound(NotFound):
    """There is no such plan."""

    code = "plan-not-found"


class SubscriptionNotFound(NotFound):
    """There is no such subscription."""

    code = "subscription-not-found"


class PlanNotSold(Invalid):
    """Nobody can subscribe to the plan, or not like this."""

    code = "plan-not-sold"


class PlanCodeTaken(Conflict):
    """Another plan has that code."""

    code = "plan-code-taken"


class PlanInUse(Conflict):
    """Something refers to the plan."""

    code = "plan-in-use"


class SubscriptionStateForbids(Conflict):
    """A subscription in its state cannot do that."""

    code = "subscription-state-forbids"


class SubscriptionOfAnother(Conflict):
    """The same was asked for before, for another customer."""

    code = "subscription-of-another"


class QuoteOfAnother(Conflict):
    """The quote is another customer's, or has extended another subscription."""

    code = "quote-of-another-subscription"


class QuoteUnpaid(Conflict):
    """What the quote costs is not paid."""

    code = "quote-not-paid"


class ExtendedSince(Conflict):
    """A later renewal rests on the one to be undone."""

    code = "subscription-extended-since"


class InvoiceNotFound(NotFound):
    """There is no such invoice."""

    code = "invoice-not-found"


class PayableNotFound(NotFound):
    """There is nothing to be paid for that."""

    code = "payable-not-found"


class PaymentNotFound(NotFound):
    """There is no such payment."""

    code = "payment-not-found"


class PaymentMethodNotFound(NotFound):
    """The customer has no such payment method."""

    code = "payment-method-not-found"


class GatewayNotFound(NotFound):
    """No payment gateway of that name is configured."""

    code = "payment-gateway-not-found"


class AmountNotDue(Invalid):
    """The amount is not the one that is due."""

    code = "amount-not-due"


class AmountInvalid(Invalid):
    """An amount like this cannot be owed."""

    code = "amount-invalid"


class CreditInvalid(Invalid):
    """What was asked to be credited cannot be."""

    code = "credit-invalid"


class PaymentMethodInvalid(Invalid):
    """Nothing can be charged by this, or nothing is named and none on file."""

    code = "payment-method-invalid"


class InvoiceStateForbids(Conflict):
    """An invoice in its state cannot do that."""

    code = "invoice-state-forbids"


class PayableSettled(Conflict):
    """It is paid, or being paid, and does not change any more."""

    code = "payable-settled"


class PaymentStateForbids(Conflict):
    """A payment in its state cannot do that."""

    code = "payment-state-forbids"


class PaymentMethodTaken(Conflict):
    """The customer has that payment method."""

    code = "payment-method-taken"


class PaymentRejected(BusinessError):
    """The payment was declined; the message is the gateway's reason."""

    status, code = 402, "payment-declined"


class GatewayBusy(Unavailable):
    """The gateway cannot be asked now, or has not said yet what became of it; asking again is harmless."""

    code = "payment-gateway-busy"


class WebhookDisbelieved(BusinessError):
    """The message is not proven to be the gateway's."""

    status, code = 400, "webhook-not-believed"
