from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pipelines.errors import DuplicateOperation
from pipelines.operations import Call, Catalogue


def found(_call: Call, *, amount: int) -> Mapping[str, Any] | None:
    return {"amount": amount}


def read(_call: Call, reference: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {**reference, "status": "paid"}


def test_an_operation_says_what_it_needs_and_how_it_is_found_again():
    catalogue = Catalogue()

    @catalogue.operation(
        "billing_service.pay", lease=True, finds=found, integration="gateway", moves_money=True, resource="payment"
    )
    def pay(_call: Call, *, amount: int) -> dict[str, Any]:
        """Take the money."""
        return {"payment": {"amount": amount}}

    operation = catalogue["billing_service.pay"]
    assert (operation.function, operation.finds, operation.description) == (pay, found, "Take the money.")
    assert (operation.integration, operation.moves_money, operation.resource) == ("gateway", True, "payment")


def test_an_operation_needs_nothing_unless_it_says_so():
    catalogue = Catalogue()
    catalogue.operation("billing_service.pay")(found)
    operation = catalogue["billing_service.pay"]
    assert (operation.finds, operation.integration, operation.moves_money, operation.resource) == (
        None,
        None,
        False,
        None,
    )


def test_only_what_has_a_lease_can_be_found_again():
    with pytest.raises(ValueError, match="only operations of the lease form can be asked"):
        Catalogue().operation("billing_service.pay", finds=found)(found)


def test_a_resource_is_read_by_its_noun():
    rooms, all_of_them = Catalogue(), Catalogue()
    assert rooms.resource("payment")(read) is read
    all_of_them.include(rooms)
    assert all_of_them.reader("payment") is read
    assert all_of_them.reader("refund") is None


def test_a_name_or_noun_is_registered_once():
    one, other = Catalogue(), Catalogue()
    for catalogue in (one, other):
        catalogue.resource("payment")(read)
    with pytest.raises(DuplicateOperation, match="payment"):
        one.resource("payment")(read)
    with pytest.raises(DuplicateOperation, match="payment"):
        one.include(other)
    one.operation("billing_service.pay")(found)
    with pytest.raises(DuplicateOperation, match=r"billing_service\.pay"):
        one.operation("billing_service.pay")(found)
