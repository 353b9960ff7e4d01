"""The books of our own gateways: what was charged and refunded under which key, kept on this machine.

Workers are processes, so the books are a SQLite file, not memory. Each verb is one exclusive transaction: two at once
under one key are one after the other, and a process that dies leaves an entry whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.adapters.payments.declines import is_hard
from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined, PaymentRefused
from app.adapters.payments.port import Charge, Payment, PaymentStatus, Refund, RefundStatus, check_amount, check_key
from app.core.clock import utc_now
from app.core.money import rounded

CANCELLED = "The payment was cancelled."
BUSY_SECONDS = 10.0
"""How long one verb waits for the others' turns."""

_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS payments (
        reference TEXT PRIMARY KEY,
        idempotency_key TEXT NOT NULL UNIQUE,
        asked TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('succeeded', 'pending', 'requires_action', 'declined')),
        amount TEXT NOT NULL,
        currency TEXT NOT NULL,
        captured_at TEXT,
        code TEXT,
        decline_code TEXT,
        reason TEXT
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS refunds (
        reference TEXT PRIMARY KEY,
        idempotency_key TEXT NOT NULL UNIQUE,
        asked TEXT NOT NULL,
        payment TEXT NOT NULL REFERENCES payments (reference),
        status TEXT NOT NULL CHECK (status IN ('succeeded', 'pending', 'failed')),
        amount TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS refunds_payment ON refunds (payment)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why a charge was declined."""

    code: str
    decline_code: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the books say of one charge, and whether it was this call that wrote it."""

    row: sqlite3.Row
    gateway: str
    is_new: bool = False

    def payment(self) -> Payment:
        """The payment. Raises PaymentDeclined when it was declined."""
        row = self.row
        if row["status"] == "declined":
            raise PaymentDeclined(
                row["reason"],
                code=row["code"],
                decline_code=row["decline_code"],
                is_hard=is_hard(row["code"], row["decline_code"]),
            )
        return Payment(
            status=row["status"],
            reference=row["reference"],
            amount=Decimal(row["amount"]),
            currency=row["currency"],
            gateway=self.gateway,
            captured_at=datetime.fromisoformat(row["captured_at"]) if row["captured_at"] else None,
        )


class Books:
    """The books of one gateway, in one file."""

    def __init__(self, path: Path, *, gateway: str) -> None:
        self._path = path
        self._gateway = gateway

    def charge(self, request: Charge, outcome: PaymentStatus | Decline, *, reference: str) -> Entry:
        """Write a charge down; the first one under its key stands. Raises PaymentRefused when that was another one."""
        asked = _digest(_parameters(request))
        decline = outcome if isinstance(outcome, Decline) else None
        with self._transaction() as books:
            known = _payment_by(books, "idempotency_key", request.idempotency_key)
            if known is not None:
                _same(known, asked)
                return Entry(known, self._gateway)
            books.execute(
                "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    reference,
                    request.idempotency_key,
                    asked,
                    "declined" if decline else outcome,
                    str(rounded(request.amount, request.currency)),
                    request.currency,
                    utc_now().isoformat() if outcome == "succeeded" else None,
                    decline.code if decline else None,
                    decline.decline_code if decline else None,
                    decline.reason if decline else None,
                ),
            )
            return Entry(self._known(books, reference), self._gateway, is_new=True)

    def find(self, idempotency_key: str) -> Entry | None:
        """The charge under this key."""
        with self._transaction() as books:
            row = _payment_by(books, "idempotency_key", idempotency_key)
        return Entry(row, self._gateway) if row is not None else None

    def settle(self, reference: str, *, amount: Decimal | None = None, at: datetime | None = None) -> Payment:
        """The money of a payment has come, `amount` if it is known: all of it. Nothing happens when it had before."""
        with self._transaction() as books:
            payment = Entry(self._known(books, reference), self._gateway).payment()
            if amount is not None and amount != payment.amount:
                message = f"{reference} is about {payment.amount} {payment.currency}, not {amount}."
                raise PaymentRefused(message)
            books.execute(
                "UPDATE payments SET status = 'succeeded', captured_at = ? WHERE reference = ? AND status <> 'succeeded'",
                ((at or utc_now()).isoformat(), reference),
            )
            return Entry(self._known(books, reference), self._gateway).payment()

    def cancel(self, reference: str) -> None:
        """Nothing comes of a payment any more. Nothing happens when it was cancelled or declined before."""
        with self._transaction() as books:
            if self._known(books, reference)["status"] == "succeeded":
                message = f"{reference} was captured: it can be refunded, not cancelled."
                raise PaymentRefused(message)
            books.execute(
                "UPDATE payments SET status = 'declined', code = 'canceled', reason = ? WHERE reference = ? AND status <> 'declined'",
                (CANCELLED, reference),
            )

    def refund(
        self,
        payment_reference: str,
        amount: Decimal | None,
        *,
        idempotency_key: str,
        reference: str,
        status: RefundStatus,
    ) -> Refund:
        """Write a refund down, of all that is left when there is no amount; the first one under its key stands."""
        check_key(idempotency_key)
        with self._transaction() as books:
            payment = Entry(self._known(books, payment_reference), self._gateway).payment()
            if amount is not None:
                check_amount(amount, payment.currency)
                amount = rounded(amount, payment.currency)
            asked = _digest({"payment": payment_reference, "amount": amount})
            known = _refund_by(books, idempotency_key)
            if known is None:
                given = self._to_give(books, payment, amount)
                books.execute(
                    "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?)",
                    (reference, idempotency_key, asked, payment_reference, status, str(given)),
                )
                known = _refund_by(books, idempotency_key)
            _same(known, asked)
        return Refund(
            status=known["status"],
            reference=known["reference"],
            payment_reference=payment_reference,
            amount=Decimal(known["amount"]),
            currency=payment.currency,
            gateway=self._gateway,
        )

    def check(self) -> None:
        """See that the books can be opened. Raises GatewayUnavailable."""
        with self._transaction():
            pass

    def _to_give(self, books: sqlite3.Connection, payment: Payment, amount: Decimal | None) -> Decimal:
        if payment.status != "succeeded":
            message = f"Nothing was captured of {payment.reference} that could be refunded."
            raise PaymentRefused(message)
        rows = books.execute(
            "SELECT amount FROM refunds WHERE payment = ? AND status <> 'failed'", (payment.reference,)
        )
        left = payment.amount - sum((Decimal(row["amount"]) for row in rows), Decimal(0))
        if left == 0:
            message = f"{payment.reference} has already been refunded."
            raise PaymentRefused(message)
        if amount is None:
            return left
        if amount > left:
            message = f"{amount} {payment.currency} is more than the {left} left of {payment.reference}."
            raise PaymentRefused(message)
        return amount

    def _known(self, books: sqlite3.Connection, reference: str) -> sqlite3.Row:
        row = _payment_by(books, "reference", reference)
        if row is None:
            message = f"{self._gateway} knows no payment {reference}."
            raise PaymentRefused(message)
        return row

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)) as books, books:
                books.row_factory = sqlite3.Row
                books.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    books.execute(statement)
                yield books
        except (OSError, sqlite3.Error) as error:
            message = f"The books of {self._gateway} cannot be opened: {error}."
            raise GatewayUnavailable(message) from error


def _payment_by(books: sqlite3.Connection, column: str, value: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = books.execute(
        f"SELECT * FROM payments WHERE {column} = ?",  # noqa: S608 - a column of ours
        (value,),
    ).fetchone()
    return row


def _refund_by(books: sqlite3.Connection, idempotency_key: str) -> Any:
    return books.execute("SELECT * FROM refunds WHERE idempotency_key = ?", (idempotency_key,)).fetchone()


def _same(row: sqlite3.Row, asked: str) -> None:
    if row["asked"] != asked:
        message = f"The key {row['idempotency_key']} was used before with other parameters."
        raise PaymentRefused(message)


def _parameters(request: Charge) -> dict[str, Any]:
    parameters = {each.name: getattr(request, each.name) for each in fields(request)}
    amount = rounded(request.amount, request.currency)
    return {**parameters, "amount": amount, "metadata": dict(request.metadata)}


def _digest(parameters: dict[str, Any]) -> str:
    """What two calls are compared by; nothing of what was asked can be read from it."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()
