"""The verbs of the billing room. None commits."""

from app.domains.billing.models import Invoice, Payable, Payment, PaymentMethod, Plan, Refund, Subscription
from app.domains.billing.rules.plans import Price
from app.domains.billing.service.accounts import (
    Opened,
    close_account,
    find_account,
    open_account,
    subscriptions_of,
)
from app.domains.billing.service.activating import Activated, activate_service, deactivate_service
from app.domains.billing.service.asking import ask
from app.domains.billing.service.asking import find as find_made
from app.domains.billing.service.calendar import zone_of
from app.domains.billing.service.cancelling import cancel_payment
from app.domains.billing.service.crediting import credit_invoice, credit_notes_of
from app.domains.billing.service.dunning import begin_collecting, collect_due, end_attempt, stop_collecting
from app.domains.billing.service.extending import (
    Extension,
    check_paid,
    extend_subscription,
    hold_for_renewal,
    release_renewal,
    renewal_payable,
    restore_period,
)
from app.domains.billing.service.gateway_events import receive_event
from app.domains.billing.service.invoices import all_invoices, bill_period, get_invoice, void_invoice
from app.domains.billing.service.looking import look_after_payments
from app.domains.billing.service.methods import add_method, methods_of, prefer_method, remove_method
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.numbering import next_invoice_number
from app.domains.billing.service.overdue import announce_overdue
from app.domains.billing.service.payables import (
    all_payables,
    find_payable,
    get_payable,
    is_paid,
    link_payable,
    payable_for,
    put_payable,
    withdraw_payable,
)
from app.domains.billing.service.paying import (
    Answer,
    all_payments,
    begin_by_name,
    check_due,
    current_payment,
    end_payment,
    get_payment,
    requested_payments,
    tell_failure,
)
from app.domains.billing.service.periods import announce_expiring, expire_subscriptions
from app.domains.billing.service.plans import (
    all_plans,
    create_plan,
    delete_plan,
    find_plan,
    get_plan,
    price_of,
    update_plan,
)
from app.domains.billing.service.recurring import Run, end_trials, renew_automatically
from app.domains.billing.service.refunding import begin_refund, make_refund, refunds_of
from app.domains.billing.service.renewals import NO_DISCOUNT, RenewalOffer, renewal_offer
from app.domains.billing.service.running import (
    cancel_subscription,
    resume_subscription,
    start_subscription,
    suspend_subscription,
)
from app.domains.billing.service.seeding import seed
from app.domains.billing.service.settling import overdue_since
from app.domains.billing.service.subscriptions import (
    all_subscriptions,
    create_subscription,
    extensions_of,
    get_subscription,
    lock_subscription,
    update_subscription,
)
from app.domains.billing.service.taking import confirm_payment, give_back, take_payment, withdraw_payment

__all__ = [
    "NO_DISCOUNT",
    "Activated",
    "Answer",
    "Extension",
    "Invoice",
    "Opened",
    "Payable",
    "Payment",
    "PaymentMethod",
    "Plan",
    "Price",
    "Refund",
    "RenewalOffer",
    "Run",
    "Subscription",
    "activate_service",
    "add_method",
    "all_invoices",
    "all_payables",
    "all_payments",
    "all_plans",
    "all_subscriptions",
    "announce_expiring",
    "announce_overdue",
    "ask",
    "begin_by_name",
    "begin_collecting",
    "begin_refund",
    "bill_period",
    "cancel_payment",
    "cancel_subscription",
    "check_due",
    "check_paid",
    "close_account",
    "collect_due",
    "confirm_payment",
    "create_plan",
    "create_subscription",
    "credit_invoice",
    "credit_notes_of",
    "current_payment",
    "deactivate_service",
    "delete_plan",
    "end_attempt",
    "end_payment",
    "end_trials",
    "expire_subscriptions",
    "extend_subscription",
    "extensions_of",
    "find_account",
    "find_made",
    "find_payable",
    "find_plan",
    "get_invoice",
    "get_payable",
    "get_payment",
    "get_plan",
    "get_subscription",
    "give_back",
    "hold_for_renewal",
    "is_paid",
    "link_payable",
    "lock_subscription",
    "look_after_payments",
    "make_refund",
    "methods_of",
    "move_to",
    "next_invoice_number",
    "open_account",
    "overdue_since",
    "payable_for",
    "prefer_method",
    "price_of",
    "put_payable",
    "receive_event",
    "refunds_of",
    "release_renewal",
    "remove_method",
    "renew_automatically",
    "renewal_offer",
    "renewal_payable",
    "requested_payments",
    "restore_period",
    "resume_subscription",
    "seed",
    "start_subscription",
    "stop_collecting",
    "subscriptions_of",
    "suspend_subscription",
    "take_payment",
    "tell_failure",
    "update_plan",
    "update_subscription",
    "void_invoice",
    "withdraw_payable",
    "withdraw_payment",
    "zone_of",
]
