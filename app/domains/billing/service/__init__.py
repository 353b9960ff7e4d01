"""The verbs of the billing room. None commits."""

from app.domains.billing.service.accounts import (
    Opened,
    close_account,
    find_account,
    next_invoice_number,
    open_account,
    subscriptions_of,
)
from app.domains.billing.service.periods import announce_expiring, expire_subscriptions

__all__ = [
    "Opened",
    "announce_expiring",
    "close_account",
    "expire_subscriptions",
    "find_account",
    "next_invoice_number",
    "open_account",
    "subscriptions_of",
]
