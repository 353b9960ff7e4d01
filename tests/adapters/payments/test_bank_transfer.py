"""Bank transfers: awaited under a reference that can be checked, paid when somebody says so."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.adapters.payments.bank_transfer import is_remittance_reference, remittance_reference
from app.adapters.payments.errors import PaymentRefused
from tests.adapters.payments.benches import BankTransferBench, charge

RECEIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_transfer_is_paid_when_it_is_confirmed(bank_transfer: BankTransferBench) -> None:
    awaited = bank_transfer.gateway.charge(charge())
    paid = bank_transfer.gateway.confirm(awaited.reference, amount=Decimal("49.90"), received_at=RECEIVED)
    assert (awaited.status, paid.status, paid.captured_at) == ("pending", "succeeded", RECEIVED)


def test_confirming_again_changes_nothing(bank_transfer: BankTransferBench) -> None:
    awaited = bank_transfer.gateway.charge(charge())
    first = bank_transfer.gateway.confirm(awaited.reference, amount=awaited.amount, received_at=RECEIVED)
    later = datetime(2026, 3, 3, tzinfo=UTC)
    assert bank_transfer.gateway.confirm(awaited.reference, amount=awaited.amount, received_at=later) == first


def test_another_amount_or_an_unknown_reference_confirms_nothing(bank_transfer: BankTransferBench) -> None:
    awaited = bank_transfer.gateway.charge(charge())
    with pytest.raises(PaymentRefused, match=r"about 49\.90 EUR, not 40"):
        bank_transfer.gateway.confirm(awaited.reference, amount=Decimal(40), received_at=RECEIVED)
    with pytest.raises(PaymentRefused, match="no payment RF"):
        bank_transfer.gateway.confirm("RF00", amount=Decimal(40), received_at=RECEIVED)


def test_a_reference_is_a_creditor_reference_of_its_key() -> None:
    references = [remittance_reference(f"key-{number}") for number in range(100)]
    assert len(set(references)) == 100
    assert all(is_remittance_reference(reference) and len(reference) == 20 for reference in references)
    assert remittance_reference("key-1") == references[1]


def test_the_check_digits_are_those_of_the_standard() -> None:
    assert is_remittance_reference("RF18 5390 0754 7034")  # the standard's own example
    assert not is_remittance_reference("RF18 5390 0754 7043")
    assert not any(map(is_remittance_reference, ["", "RF", "RF18", "XX18539007547034", "RF18-539007547034"]))
