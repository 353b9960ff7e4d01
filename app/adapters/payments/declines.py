"""Hard and soft declines: whether waiting may help, by Stripe's decline codes.

Hard is what Stripe never retries by itself (https://docs.stripe.com/billing/revenue-recovery/smart-retries), and what
by https://docs.stripe.com/declines/codes needs another card, other details or the customer's presence. Everything else
is soft, a code that is not known here too: issuers give most declines no better reason than `do_not_honor`.
"""

from __future__ import annotations

NEVER_RETRIED = frozenset(
    {
        "authentication_required",
        "highest_risk_level",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    }
)
NEEDS_ANOTHER_CARD = frozenset(
    {
        "card_not_supported",
        "currency_not_supported",
        "do_not_try_again",
        "expired_card",
        "fraudulent",
        "invalid_account",
        "live_mode_test_card",
        "merchant_blacklist",
        "new_account_information_available",
        "pin_try_exceeded",
        "restricted_card",
        "stop_payment_order",
        "testmode_decline",
    }
)
NEEDS_OTHER_DETAILS = frozenset(
    {
        "incorrect_address",
        "incorrect_cvc",
        "incorrect_pin",
        "incorrect_zip",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "invalid_pin",
    }
)
NEEDS_THE_CUSTOMER = frozenset(
    {
        "approve_with_id",
        "offline_pin_required",
        "online_or_offline_pin_required",
        "payment_intent_authentication_failure",
    }
)
HARD = NEVER_RETRIED | NEEDS_ANOTHER_CARD | NEEDS_OTHER_DETAILS | NEEDS_THE_CUSTOMER


def is_hard(code: str, decline_code: str | None) -> bool:
    """Whether the same payment method, unchanged, will be declined again. The issuer's reason, if any, decides."""
    return (decline_code or code) in HARD
