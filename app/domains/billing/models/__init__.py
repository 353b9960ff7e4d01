"""Tables of the billing room."""

from app.domains.billing.models.accounts import BillingAccount, InvoiceSeries
from app.domains.billing.models.invoices import CREDIT_NOTE, INVOICE, Invoice, InvoiceLine
from app.domains.billing.models.payables import Payable, PayableSource
from app.domains.billing.models.payments import Payment, PaymentMethod, ReceivedEvent, Refund
from app.domains.billing.models.plans import Plan, PlanPrice
from app.domains.billing.models.subscriptions import Subscription, SubscriptionExtension

__all__ = [
    "CREDIT_NOTE",
    "INVOICE",
    "BillingAccount",
    "Invoice",
    "InvoiceLine",
    "InvoiceSeries",
    "Payable",
    "PayableSource",
    "Payment",
    "PaymentMethod",
    "Plan",
    "PlanPrice",
    "ReceivedEvent",
    "Refund",
    "Subscription",
    "SubscriptionExtension",
]
