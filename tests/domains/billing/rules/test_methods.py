"""What is kept as a payment method: the gateway's name for it, never a card's number."""

from __future__ import annotations

import pytest

from app.domains.billing.rules.methods import method_fault


@pytest.mark.parametrize("name", ["pm_card_visa", "pm_1PqY2zLkdIwHu7ix5Q4", "bank_transfer", "12345", "card 42"])
def test_names_of_gateways_are_kept(name):
    assert method_fault(name) is None


@pytest.mark.parametrize(
    "number", ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005", " 4000000000009995 ", "6011000990139424"]
)
def test_numbers_of_cards_are_not_and_not_repeated(number):
    fault = method_fault(number)
    assert fault is not None
    assert number not in fault


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_name_has_a_length(name):
    assert method_fault(name) is not None
