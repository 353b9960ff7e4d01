"""The sandbox: behaves like Stripe with its test cards, and moves no money. The embedded default."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import uuid4

from app.adapters.payments.books import Books, Decline
from app.adapters.payments.cards import AUTHENTICATION_REQUIRED, Card, card
from app.adapters.payments.errors import GatewayUnavailable
from app.adapters.payments.port import Charge, GatewayEvent, Payment, PaymentStatus, Refund
from app.adapters.payments.webhooks import own_secret, read_event, signed_event
from app.core.settings import Settings
from pipelines.errors import OutcomeUnknown


class Sandbox:
    """Keeps its books in `payments/sandbox.sqlite3` below TURNUP_VAR."""

    name = "sandbox"
    default_method: str | None = "pm_card_visa"

    def __init__(self, settings: Settings) -> None:
        self._books = Books(settings.var_dir / "payments" / f"{self.name}.sqlite3", gateway=self.name)
        self._secret = own_secret(settings, self.name)

    def charge(self, request: Charge) -> Payment:
        used = card(request.payment_method)
        if used.trouble == "unavailable":
            message = "The sandbox is not available: the payment method says so."
            raise GatewayUnavailable(message)
        entry = self._books.charge(request, _outcome(used, request), reference=f"pi_sandbox_{uuid4().hex}")
        if used.trouble == "answer_lost" and entry.is_new:
            message = "The sandbox charged and lost the answer: the payment method says so."
            raise OutcomeUnknown(message)
        return entry.payment()

    def authenticate(self, reference: str) -> Payment:
        """The customer authenticated a payment that waited for it. Nothing happens when it had succeeded before."""
        return self._books.settle(reference)

    def refund(self, reference: str, *, idempotency_key: str, amount: Decimal | None = None) -> Refund:
        return self._books.refund(
            reference,
            amount,
            idempotency_key=idempotency_key,
            reference=f"re_sandbox_{uuid4().hex}",
            status="succeeded",
        )

    def cancel(self, reference: str) -> None:
        self._books.cancel(reference)

    def find(self, idempotency_key: str) -> Payment | None:
        entry = self._books.find(idempotency_key)
        return entry.payment() if entry else None

    def signed_event(self, kind: str, reference: str) -> tuple[bytes, dict[str, str]]:
        """A webhook message of the sandbox, `kind` in Stripe's words: the payload and its headers."""
        return signed_event(kind, reference, secret=self._secret)

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        return read_event(payload, headers, secret=self._secret, gateway=self.name)

    def health(self) -> None:
        self._books.check()


def _outcome(used: Card, request: Charge) -> PaymentStatus | Decline:
    if used.authenticated:
        return AUTHENTICATION_REQUIRED if request.off_session else "requires_action"
    return used.decline or "succeeded"
