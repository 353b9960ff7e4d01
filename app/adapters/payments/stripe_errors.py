"""What an error of Stripe's library means for a payment (https://docs.stripe.com/error-low-level)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import stripe
from urllib3.exceptions import ConnectTimeoutError

from app.adapters.payments.declines import is_hard
from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined, PaymentRefused
from pipelines.errors import OutcomeUnknown, StepFailed


@contextmanager
def translated(*, moves_money: bool) -> Iterator[None]:
    """Stripe's errors as ours. `moves_money`: where no clear answer came, it may have been done."""
    try:
        yield
    except stripe.StripeError as error:
        raise _meaning(error, moves_money=moves_money) from error


def declined(reason: str | None, *, code: str | None, decline_code: str | None) -> PaymentDeclined:
    """A decline with Stripe's reason."""
    known = code or "card_declined"
    return PaymentDeclined(
        reason or f"The payment was declined ({decline_code or known}).",
        code=known,
        decline_code=decline_code,
        is_hard=is_hard(known, decline_code),
    )


def _meaning(error: stripe.StripeError, *, moves_money: bool) -> StepFailed:
    reason = error.user_message or type(error).__name__
    match error:
        case stripe.CardError():
            return declined(reason, code=error.code, decline_code=getattr(error.error, "decline_code", None))
        case stripe.InvalidRequestError() | stripe.IdempotencyError():
            return PaymentRefused(f"Stripe refused: {reason}")
        case stripe.AuthenticationError() | stripe.PermissionError():
            # somebody has to mend the configuration; the payment itself is good
            return GatewayUnavailable(f"Stripe refused the key: {reason}")
        case stripe.RateLimitError():
            # limits are looked at before anything is done
            return GatewayUnavailable(f"Stripe asks for patience: {reason}", retry_after=_retry_after(error))
        case stripe.APIConnectionError() if _never_connected(error):
            return GatewayUnavailable("Stripe cannot be reached.")
        case _:
            # no answer, a server's error, or the first call under this key is not through (409)
            unclear = f"Stripe gave no clear answer ({error.http_status or 'none'}): {reason}"
            return OutcomeUnknown(unclear) if moves_money else GatewayUnavailable(unclear)


def _never_connected(error: stripe.APIConnectionError) -> bool:
    """Whether there was no connection over which anything could have been asked."""
    cause = error.__cause__
    inner = cause.args[0] if cause is not None and cause.args else None
    return isinstance(getattr(inner, "reason", None), ConnectTimeoutError)


def _retry_after(error: stripe.StripeError) -> float | None:
    value = (error.headers or {}).get("Retry-After", "")
    return float(value) if value.isdecimal() else None
