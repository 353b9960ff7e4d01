"""Stripe's test cards (https://docs.stripe.com/testing): what the sandbox takes as payment methods, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.adapters.payments.books import Decline
from app.adapters.payments.errors import PaymentRefused

Trouble = Literal["answer_lost", "unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A test card. `decline`: what its issuer says. `authenticated`: only with the customer present.

    `trouble` is the sandbox's own: how the way there fails, so that what follows from it can be rehearsed.
    """

    decline: Decline | None = None
    authenticated: bool = False
    trouble: Trouble | None = None


DECLINED = "Your card was declined."
AUTHENTICATION_REQUIRED = Decline(
    code="authentication_required",
    decline_code="authentication_required",
    reason="Your card was declined. This transaction requires authentication.",
)


def _issuer(decline_code: str, reason: str = DECLINED) -> Card:
    return Card(decline=Decline(code="card_declined", decline_code=decline_code, reason=reason))


def _card(code: str, reason: str) -> Card:
    return Card(decline=Decline(code=code, decline_code=None, reason=reason))


_GOOD = Card()
_GENERIC = _issuer("generic_decline")
_POOR = _issuer("insufficient_funds", "Your card has insufficient funds.")
_LOST = _issuer("lost_card")
_STOLEN = _issuer("stolen_card")
_TOO_OFTEN = _issuer("card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently.")
_FRAUD = _issuer("fraudulent")
_EXPIRED = _card("expired_card", "Your card has expired.")
_CVC = _card("incorrect_cvc", "Your card's security code is incorrect.")
_PROCESSING = _card("processing_error", "An error occurred while processing your card. Try again in a little bit.")
_NUMBER = _card("incorrect_number", "Your card number is incorrect.")
_AUTHENTICATED = Card(authenticated=True)

CARDS = {
    "pm_card_visa": _GOOD,
    "4242424242424242": _GOOD,
    "pm_card_visa_debit": _GOOD,
    "4000056655665556": _GOOD,
    "pm_card_mastercard": _GOOD,
    "5555555555554444": _GOOD,
    "pm_card_amex": _GOOD,
    "378282246310005": _GOOD,
    "pm_card_chargeDeclined": _GENERIC,
    "4000000000000002": _GENERIC,
    "pm_card_chargeDeclinedInsufficientFunds": _POOR,
    "4000000000009995": _POOR,
    "pm_card_chargeDeclinedLostCard": _LOST,
    "4000000000009987": _LOST,
    "pm_card_chargeDeclinedStolenCard": _STOLEN,
    "4000000000009979": _STOLEN,
    "pm_card_chargeDeclinedVelocityLimitExceeded": _TOO_OFTEN,
    "4000000000006975": _TOO_OFTEN,
    "pm_card_radarBlock": _FRAUD,
    "4100000000000019": _FRAUD,
    "pm_card_chargeDeclinedExpiredCard": _EXPIRED,
    "4000000000000069": _EXPIRED,
    "pm_card_chargeDeclinedIncorrectCvc": _CVC,
    "4000000000000127": _CVC,
    "pm_card_chargeDeclinedProcessingError": _PROCESSING,
    "4000000000000119": _PROCESSING,
    "4242424242424241": _NUMBER,
    "pm_card_chargeCustomerFail": _GENERIC,
    "4000000000000341": _GENERIC,
    "pm_card_authenticationRequired": _AUTHENTICATED,
    "4000002760003184": _AUTHENTICATED,
    "pm_sandbox_answerLost": Card(trouble="answer_lost"),
    "pm_sandbox_unavailable": Card(trouble="unavailable"),
}


def card(payment_method: str) -> Card:
    """The test card of that id or number. Raises PaymentRefused when there is none."""
    # Stripe names the declining Visa cards with and without the brand
    name = payment_method.replace(" ", "").replace("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined")
    try:
        return CARDS[name]
    except KeyError:
        message = f"No such payment method at the sandbox: {payment_method!r}. It takes Stripe's test cards only."
        raise PaymentRefused(message) from None
