"""Credit notes: what takes an invoice back, and what is owed then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import CreditInvalid, InvoiceStateForbids, PayableSettled
from app.domains.billing.rules.numbering import read


@pytest.fixture
def invoice(sandbox_till, subscribe):
    """Of 30 dollars."""
    subscription = subscribe()
    with sandbox_till.transaction() as session:
        return service.bill_period(
            session,
            subscription=subscription,
            period_start=subscription.current_period_start,
            period_end=subscription.current_period_end,
        )


@pytest.fixture
def credit(sandbox_till, invoice):
    """A function that credits so much of the invoice's line, or all that is left."""

    def make(amount=None, *, key=None):
        with sandbox_till.transaction() as session:
            lines = None if amount is None else {0: Decimal(amount)}
            return service.credit_invoice(session, invoice_id=invoice.id, key=key or str(new_id()), lines=lines)

    return make


@pytest.fixture
def state(sandbox_till, invoice):
    """A function that tells the invoice's status and what is owed."""

    def look():
        with sandbox_till.transaction() as session:
            found = service.get_invoice(session, invoice_id=invoice.id)
            payable = service.find_payable(session, source_type="invoice", source_id=str(invoice.id))
            return found.status, payable.status if payable else None, payable.amount if payable else None

    return look


def test_credited_whole_nothing_is_owed(sandbox_till, invoice, credit, state):
    note = credit(key="once")
    assert (note.kind, note.total_amount, note.status) == ("credit_note", Decimal(-30), "paid")
    assert read(note.invoice_number)[1].number == read(invoice.invoice_number)[1].number + 1
    assert credit(key="once").id == note.id
    assert state()[:2] == ("paid", "withdrawn")
    assert sandbox_till.told(f"invoice/{invoice.id}") == ["invoice.created", "invoice.credited", "invoice.paid"]


def test_credited_in_parts_so_much_less_is_owed_and_never_more_than_the_invoice(credit, state):
    assert credit("12.50").total_amount == Decimal("-12.50")
    assert state() == ("open", "open", Decimal("17.50"))
    with pytest.raises(CreditInvalid, match=r"17\.50"):
        credit("17.51")
    assert credit().total_amount == Decimal("-17.50")
    with pytest.raises(InvoiceStateForbids, match="credited already"):
        credit()


def test_at_once_no_more_is_credited_than_was_billed(credit):
    def one(_):
        try:
            return credit("20.00").total_amount
        except CreditInvalid:
            return Decimal(0)

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(one, range(3))) == Decimal(-20)


def test_what_was_paid_stays_paid(sandbox_till, invoice, credit, state):
    with sandbox_till.transaction() as session:
        payable = service.find_payable(session, source_type="invoice", source_id=str(invoice.id))
    payment = service.take_payment(
        sandbox_till.world, owner_id=sandbox_till.owner, payable_id=payable.id, requested_by="test"
    )
    credit()
    assert state()[:2] == ("paid", "paid")
    # given back after that, it is not owed again
    sandbox_till.perform("refund_payment", payment_id=str(payment.id))
    assert state()[0] == "paid"


def test_credited_in_part_and_given_back_only_the_rest_is_owed_again(sandbox_till, invoice, credit, state):
    with sandbox_till.transaction() as session:
        payable = service.find_payable(session, source_type="invoice", source_id=str(invoice.id))
    paid = {"world": sandbox_till.world, "owner_id": sandbox_till.owner, "payable_id": payable.id}
    payment = service.take_payment(**paid, requested_by="first")
    credit("12.50")
    assert state() == ("paid", "paid", Decimal(30))
    sandbox_till.perform("refund_payment", payment_id=str(payment.id))
    assert state() == ("open", "open", Decimal("17.50"))
    assert service.take_payment(**paid, requested_by="again").amount == Decimal("17.50")
    assert state()[0] == "paid"


def test_while_it_is_being_paid_it_is_not_credited(sandbox_till, invoice, credit):
    with sandbox_till.transaction() as session:
        payable = service.find_payable(session, source_type="invoice", source_id=str(invoice.id))
    service.take_payment(
        sandbox_till.world,
        owner_id=sandbox_till.owner,
        payable_id=payable.id,
        requested_by="test",
        payment_method="bank_transfer",
    )
    with pytest.raises(PayableSettled, match="being paid"):
        credit()


def test_a_credit_note_is_not_credited(sandbox_till, credit):
    note = credit()
    with sandbox_till.transaction() as session, pytest.raises(InvoiceStateForbids, match="a credit note"):
        service.credit_invoice(session, invoice_id=note.id, key="again")


def test_over_http(client, token_for, owner, invoice):
    headers = {"Authorization": f"Bearer {token_for('invoice.*', owner_id=owner)}"}
    address = f"/api/v1/invoices/{invoice.id}"
    wrong = client.post(f"{address}/credit", json={"lines": [{"position": 2, "amount": 1}]}, headers=headers)
    assert (wrong.status_code, wrong.get_json()["errors"][0]["pointer"]) == (422, "/lines/1")
    made = client.post(f"{address}/credit", json={"lines": [{"position": 1, "amount": 10}]}, headers=headers)
    assert (made.status_code, made.get_json()["total_amount"]) == (201, -10)
    assert made.get_json()["lines"][0]["credits_position"] == 1
    notes = client.get(f"{address}/credit-notes", headers=headers).get_json()
    assert [each["id"] for each in notes] == [made.get_json()["id"]]
    assert client.post(f"{address}/void", json={"reason": "late"}, headers=headers).get_json()["status"] == "void"
