"""The books of our own gateways, where two write at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from app.adapters.payments.books import Books
from app.adapters.payments.errors import PaymentRefused
from tests.adapters.payments.benches import SandboxBench, charge


def test_what_is_left_is_counted_by_one_at_a_time(sandbox: SandboxBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has counted waits for another who counted the same; nobody ever comes."""
    payment = sandbox.gateway.charge(charge())
    both = threading.Barrier(2)
    count = Books._to_give

    def count_and_wait(*arguments: Any) -> Decimal:
        given = count(*arguments)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        return given

    def refund(key: str) -> Decimal:
        try:
            return sandbox.gateway.refund(payment.reference, idempotency_key=key, amount=Decimal(30)).amount
        except PaymentRefused:
            return Decimal(0)

    monkeypatch.setattr(Books, "_to_give", count_and_wait)
    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(refund, ["one", "two"])) == [Decimal(0), Decimal(30)]


def test_amounts_are_kept_in_the_currency_s_decimals(sandbox: SandboxBench) -> None:
    asked = charge(amount=Decimal(50))
    assert str(sandbox.gateway.charge(asked).amount) == "50.00"
    again = charge(amount=Decimal("50.00"), idempotency_key=asked.idempotency_key)
    assert str(sandbox.gateway.charge(again).amount) == "50.00"
