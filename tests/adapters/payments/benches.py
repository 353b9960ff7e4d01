"""A gateway with everything around it that a test needs: cards, the customer, what loses answers, the books."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest

from app.adapters.payments.bank_transfer import BankTransfers
from app.adapters.payments.port import Charge, Gateway, Payment
from app.adapters.payments.sandbox import Sandbox
from app.adapters.payments.stripe import StripeGateway
from app.core.clock import utc_now
from app.core.ids import new_id
from app.core.settings import Settings
from pipelines.errors import OutcomeUnknown
from tests.adapters.payments.stripe_server import SECRET_KEY, WEBHOOK_SECRET, StripeServer, sign

HARD = "pm_card_visa_chargeDeclinedStolenCard"
SOFT = "pm_card_visa_chargeDeclinedInsufficientFunds"
AUTHENTICATED = "pm_card_authenticationRequired"

Message = tuple[bytes, dict[str, str]]


def charge(**fields: Any) -> Charge:
    """A charge under a key of its own."""
    return Charge(
        **{
            "amount": Decimal("49.90"),
            "currency": "EUR",
            "idempotency_key": f"charge-{new_id()}",
            "payment_method": "pm_card_visa",
            "description": "Fibre 500, März",
            "metadata": {"quote": "QUO-20260101-00000001"},
            **fields,
        }
    )


class Bench(Protocol):
    """One implementation of the port, on its bench."""

    gateway: Gateway
    has_cards: bool

    @abstractmethod
    def charge_unanswered(self, request: Charge) -> Charge:
        """Have it charged so that nobody hears of it; returns the request under which it was."""

    @abstractmethod
    def paid(self, payment: Payment) -> Payment:
        """The payment once its money is there."""

    @abstractmethod
    def charges(self, key: str) -> int:
        """How often money was taken, or asked for, under a key: by the gateway's own books."""

    @abstractmethod
    def message(self, kind: str, payment: Payment) -> Message:
        """What the gateway sends of a payment."""

    @abstractmethod
    def message_of_an_hour_ago(self, payment: Payment) -> Message:
        """The same, sent an hour ago."""

    @abstractmethod
    def break_down(self) -> None:
        """Have the gateway not answer."""


class OwnBench(Bench):
    """What the benches of our own gateways share: books in a file, and signatures by a derived secret."""

    gateway: Sandbox | BankTransfers

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def charges(self, key: str) -> int:
        path = self._settings.var_dir / "payments" / f"{self.gateway.name}.sqlite3"
        with sqlite3.connect(path) as books:
            query = "SELECT count(*) FROM payments WHERE idempotency_key = ? AND status <> 'declined'"
            return int(books.execute(query, (key,)).fetchone()[0])

    def message(self, kind: str, payment: Payment) -> Message:
        return self.gateway.signed_event(kind, payment.reference)

    def message_of_an_hour_ago(self, payment: Payment) -> Message:
        payload, _ = self.message("payment_intent.succeeded", payment)
        return sign(payload, at=_an_hour_ago(), secret=self.gateway._secret)

    def break_down(self) -> None:
        folder = self._settings.var_dir / "payments"
        folder.rename(folder.with_name("gone"))
        folder.write_text("no folder")


class SandboxBench(OwnBench):
    has_cards = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gateway = Sandbox(settings)

    def charge_unanswered(self, request: Charge) -> Charge:
        request = charge(idempotency_key=request.idempotency_key, payment_method="pm_sandbox_answerLost")
        with pytest.raises(OutcomeUnknown):
            self.gateway.charge(request)
        return request

    def paid(self, payment: Payment) -> Payment:
        return payment


class BankTransferBench(OwnBench):
    has_cards = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gateway = BankTransfers(settings)

    def charge_unanswered(self, request: Charge) -> Charge:
        self.gateway.charge(request)  # nothing can be lost but the caller
        return request

    def paid(self, payment: Payment) -> Payment:
        return self.gateway.confirm(payment.reference, amount=payment.amount, received_at=utc_now())


class StripeBench(Bench):
    has_cards = True

    def __init__(self, server: StripeServer) -> None:
        self.server = server
        self.gateway = StripeGateway(
            secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, api_url=server.url, timeouts_seconds=(5.0, 30.0)
        )

    def charge_unanswered(self, request: Charge) -> Charge:
        self.server.switches.drop_answer = True
        with pytest.raises(OutcomeUnknown):
            self.gateway.charge(request)
        return request

    def paid(self, payment: Payment) -> Payment:
        return payment

    def charges(self, key: str) -> int:
        return len(self.server.books.charged(key))

    def message(self, kind: str, payment: Payment) -> Message:
        return self.server.signed_event(kind, payment.reference)

    def message_of_an_hour_ago(self, payment: Payment) -> Message:
        return self.server.signed_event("payment_intent.created", payment.reference, at=_an_hour_ago())

    def break_down(self) -> None:
        self.server.stop()


def _an_hour_ago() -> float:
    return (utc_now() - timedelta(hours=1)).timestamp()
