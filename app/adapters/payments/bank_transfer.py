"""Bank transfers: a payment is awaited under a reference, and paid when a person or a bank statement says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from app.adapters.payments.books import Books
from app.adapters.payments.port import Charge, GatewayEvent, Payment, Refund
from app.adapters.payments.webhooks import own_secret, read_event, signed_event
from app.core.ids import CROCKFORD
from app.core.settings import Settings

BODY_LENGTH = 16
"""Characters of a reference after `RF` and the check digits; the standard allows 21."""


class BankTransfers:
    """Keeps its books in `payments/bank_transfer.sqlite3` below TURNUP_VAR. Refunds are pending: a person sends them."""

    name = "bank_transfer"
    default_method: str | None = "bank_transfer"

    def __init__(self, settings: Settings) -> None:
        self._books = Books(settings.var_dir / "payments" / f"{self.name}.sqlite3", gateway=self.name)
        self._secret = own_secret(settings, self.name)

    def charge(self, request: Charge) -> Payment:
        """Await a payment. Its `reference` is what the customer writes on the transfer."""
        return self._books.charge(request, "pending", reference=remittance_reference(request.idempotency_key)).payment()

    def confirm(self, reference: str, *, amount: Decimal, received_at: datetime) -> Payment:
        """The transfer came. Nothing happens when it was confirmed before.

        Raises PaymentRefused when it is not the amount that was asked, or the reference is unknown.
        """
        return self._books.settle(reference, amount=amount, at=received_at)

    def refund(self, reference: str, *, idempotency_key: str, amount: Decimal | None = None) -> Refund:
        return self._books.refund(
            reference,
            amount,
            idempotency_key=idempotency_key,
            reference=f"refund-{uuid4().hex}",
            status="pending",
        )

    def cancel(self, reference: str) -> None:
        self._books.cancel(reference)

    def find(self, idempotency_key: str) -> Payment | None:
        entry = self._books.find(idempotency_key)
        return entry.payment() if entry else None

    def signed_event(self, kind: str, reference: str) -> tuple[bytes, dict[str, str]]:
        """What an import of statements announces, `kind` in Stripe's words: the payload and its headers."""
        return signed_event(kind, reference, secret=self._secret)

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        return read_event(payload, headers, secret=self._secret, gateway=self.name)

    def health(self) -> None:
        self._books.check()


def remittance_reference(idempotency_key: str) -> str:
    """The structured creditor reference (ISO 11649) of a charge, the same for the same key: `RF18...`.

    Its check digits are ISO 7064 MOD 97-10, so that a bank and a statement's reader see a mistyped one.
    """
    number = int.from_bytes(hashlib.sha256(idempotency_key.encode()).digest())
    body = ""
    for _ in range(BODY_LENGTH):
        number, digit = divmod(number, len(CROCKFORD))
        body += CROCKFORD[digit]
    return f"RF{98 - _as_number(body + 'RF00') % 97:02}{body}"


def is_remittance_reference(text: str) -> bool:
    """Whether the check digits of a creditor reference (ISO 11649) are right. Spaces do not count."""
    plain = text.replace(" ", "").upper()
    return (
        plain.startswith("RF")
        and plain.isascii()
        and plain.isalnum()
        and len(plain) > len("RF00")
        and _as_number(plain[4:] + plain[:4]) % 97 == 1
    )


def _as_number(text: str) -> int:
    """Digits as they are, letters as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in text))
