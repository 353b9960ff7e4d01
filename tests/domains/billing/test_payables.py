"""What is to be paid: once for each source, unchanged once money moves, and one for a quote and its order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import AmountInvalid, PayableNotFound, PayableSettled


@pytest.fixture
def quote():
    return ("quote", str(new_id()))


@pytest.fixture
def order():
    return ("order", str(new_id().int % 10**9))


def withdraw(till, source):
    with till.transaction() as session:
        return service.withdraw_payable(session, source_type=source[0], source_id=source[1])


def link(till, source, to):
    with till.transaction() as session:
        return service.link_payable(session, source=source, to=to).id


def found(till, source):
    with till.transaction() as session:
        return service.find_payable(session, source_type=source[0], source_id=source[1])


def is_paid(till, source):
    with till.transaction() as session:
        return service.is_paid(session, source_type=source[0], source_id=source[1])


def test_the_same_source_again_finds_it(sandbox_till, quote):
    first = sandbox_till.put(source=quote)
    assert sandbox_till.put(source=quote).id == first.id
    assert (first.status, first.amount, first.currency) == ("open", Decimal("49.90"), "EUR")
    assert found(sandbox_till, ("quote", str(new_id()))) is None


def test_at_once_it_is_put_once(sandbox_till, quote):
    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(lambda _: sandbox_till.put(source=quote).id, range(6)))) == 1


def test_the_amount_may_change_until_it_is_paid(sandbox_till, quote):
    first = sandbox_till.put(source=quote)
    changed = sandbox_till.put("60.00", source=quote)
    assert (changed.id, changed.amount) == (first.id, Decimal("60.00"))
    sandbox_till.perform("process_payment", quote_id=quote[1])
    assert sandbox_till.put("60.00", source=quote).status == "paid"
    with pytest.raises(PayableSettled):
        sandbox_till.put("61.00", source=quote)


def test_the_amount_does_not_change_while_it_is_being_paid(sandbox_till, quote):
    sandbox_till.put(source=quote)
    sandbox_till.claim("process_payment", key="step", quote_id=quote[1])
    with pytest.raises(PayableSettled):
        sandbox_till.put("61.00", source=quote)


@pytest.mark.parametrize("amount", ["-1", "0.001", "NaN"])
def test_amounts_that_cannot_be_owed(sandbox_till, amount):
    with pytest.raises(AmountInvalid):
        sandbox_till.put(amount)


def test_what_comes_to_nothing_is_paid(sandbox_till, quote):
    assert sandbox_till.put("0", source=quote).status == "paid"
    assert is_paid(sandbox_till, quote)


def test_a_quote_and_its_order_are_paid_once(sandbox_till, quote, order):
    payable = sandbox_till.put(source=quote)
    assert link(sandbox_till, quote, order) == link(sandbox_till, quote, order) == payable.id
    by_quote = sandbox_till.perform("process_payment", quote_id=quote[1]).output
    by_order = sandbox_till.perform("process_payment", order_id=int(order[1])).output
    both = sandbox_till.perform("process_payment", order_id=int(order[1]), quote_id=quote[1]).output
    assert by_quote == by_order == both
    assert sandbox_till.charges(payable.id) == 1
    assert is_paid(sandbox_till, order)
    told = sandbox_till.data_of("payment.received", f"payment/{by_quote['payment_id']}")
    assert (told["order_id"], told["quote_id"]) == (int(order[1]), quote[1])


def test_an_order_s_own_payable_gives_way_unless_something_was_tried(sandbox_till, quote, order):
    payable = sandbox_till.put(source=quote)
    sandbox_till.put("10.00", source=order)
    assert link(sandbox_till, quote, order) == payable.id
    other = ("order", "77")
    sandbox_till.put("10.00", source=other)
    sandbox_till.perform("process_payment", order_id=77)
    with pytest.raises(PayableSettled):
        link(sandbox_till, quote, other)


def test_what_has_none_cannot_be_linked(sandbox_till, quote, order):
    with pytest.raises(PayableNotFound):
        link(sandbox_till, quote, order)


def test_withdrawn_nothing_is_left_and_it_may_be_put_again(sandbox_till, quote):
    first = sandbox_till.put(source=quote)
    assert withdraw(sandbox_till, quote)
    assert not withdraw(sandbox_till, quote)
    assert found(sandbox_till, quote) is None
    with pytest.raises(PayableNotFound):
        sandbox_till.payable(first.id)
    assert sandbox_till.put(source=quote).id != first.id


def test_withdrawn_for_the_order_it_stays_for_the_quote(sandbox_till, quote, order):
    payable = sandbox_till.put(source=quote)
    link(sandbox_till, quote, order)
    assert withdraw(sandbox_till, order)
    assert found(sandbox_till, order) is None
    assert found(sandbox_till, quote).id == payable.id


def test_what_is_paid_stays(sandbox_till, quote):
    sandbox_till.put(source=quote)
    sandbox_till.perform("process_payment", quote_id=quote[1])
    assert not withdraw(sandbox_till, quote)
    assert is_paid(sandbox_till, quote)


def test_what_was_tried_keeps_its_history_and_may_be_owed_again(sandbox_till, quote):
    payable = sandbox_till.put(source=quote)
    with pytest.raises(Exception, match="insufficient funds"):
        sandbox_till.perform(
            "process_payment", quote_id=quote[1], payment_method="pm_card_chargeDeclinedInsufficientFunds"
        )
    assert withdraw(sandbox_till, quote)
    assert sandbox_till.payable(payable.id).status == "withdrawn"
    with pytest.raises(PayableSettled):
        sandbox_till.perform("process_payment", quote_id=quote[1])
    again = sandbox_till.put("20.00", source=quote)
    assert (again.id, again.status, again.amount) == (payable.id, "open", Decimal("20.00"))


def test_it_is_not_withdrawn_while_it_is_being_paid(sandbox_till, quote):
    sandbox_till.put(source=quote)
    sandbox_till.claim("process_payment", key="step", quote_id=quote[1])
    with pytest.raises(PayableSettled, match="being paid"):
        withdraw(sandbox_till, quote)


def test_another_owner_sees_nothing_of_it(sandbox_till, database, quote):
    payable = sandbox_till.put(source=quote)
    with database.transaction(new_id()) as session:
        assert service.find_payable(session, source_type=quote[0], source_id=quote[1]) is None
        with pytest.raises(PayableNotFound):
            service.get_payable(session, payable_id=payable.id)


def test_lists_by_status_and_source(sandbox_till, client, token_for, owner, quote):
    payable = sandbox_till.put(source=quote)
    headers = {"Authorization": f"Bearer {token_for('payment.read', owner_id=owner)}"}
    listed = client.get(f"/api/v1/payables?status=open&source_type=quote&source_id={quote[1]}", headers=headers)
    assert [each["id"] for each in listed.get_json()] == [str(payable.id)]
    shown = client.get(f"/api/v1/payables/{payable.id}", headers=headers).get_json()
    assert (shown["amount"], shown["sources"]) == (49.90, [{"type": "quote", "id": quote[1]}])
    assert client.get("/api/v1/payables?status=paid", headers=headers).get_json() == []
