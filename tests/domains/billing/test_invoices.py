"""Invoices: one for each period, with what is owed for it; and what becomes of those that nobody pays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import InvoiceNotFound, InvoiceStateForbids, PayableSettled
from app.domains.billing.operations import OPERATIONS
from app.domains.customers import service as customers
from pipelines.errors import StepFailed
from tests.domains.billing.tills import GOOD

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def bill(sandbox_till):
    """A function that bills a subscription's current period."""

    def make(subscription, **more):
        with sandbox_till.transaction() as session:
            return service.bill_period(
                session,
                subscription=subscription,
                period_start=subscription.current_period_start,
                period_end=subscription.current_period_end,
                **more,
            )

    return make


@pytest.fixture
def owed(sandbox_till):
    """A function that finds what is to be paid for an invoice."""

    def look(invoice):
        with sandbox_till.transaction() as session:
            return service.find_payable(session, source_type="invoice", source_id=str(invoice.id))

    return look


@pytest.fixture
def again(sandbox_till):
    """A function that reads an invoice as it is now."""

    def look(invoice):
        with sandbox_till.transaction() as session:
            return service.get_invoice(session, invoice_id=invoice.id)

    return look


def pay(till, invoice, method=GOOD):
    with till.transaction() as session:
        payable = service.find_payable(session, source_type="invoice", source_id=str(invoice.id))
    return service.take_payment(
        till.world, owner_id=till.owner, payable_id=payable.id, requested_by=f"test-{new_id()}", payment_method=method
    )


def tell_overdue(till):
    service.announce_overdue(till.world, limit=2)


def test_a_period_is_billed_once(sandbox_till, subscribe, bill, owed):
    subscription = subscribe()
    invoice = bill(subscription)
    assert (invoice.total_amount, invoice.currency, invoice.status) == (Decimal(30), "USD", "open")
    assert (invoice.period_start, invoice.period_end) == (
        subscription.current_period_start,
        subscription.current_period_end,
    )
    assert invoice.due_at - invoice.issued_at == timedelta(days=14)
    assert invoice.lines[0].description.startswith("Pro, ")
    assert bill(subscription).id == invoice.id
    payable = owed(invoice)
    assert (payable.amount, payable.status, payable.due_at) == (Decimal(30), "open", invoice.due_at)
    assert sandbox_till.told(f"invoice/{invoice.id}") == ["invoice.created"]


def test_in_many_places_at_once_it_is_billed_once(subscribe, bill):
    subscription = subscribe()
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: bill(subscription).invoice_number, range(8)))) == 1


def test_a_part_of_a_period_costs_a_part(subscribe, bill):
    assert bill(subscribe(), part=Fraction(1, 7)).total_amount == Decimal("4.29")


def test_what_comes_to_nothing_is_paid_as_it_is_issued(subscribe, bill, owed):
    invoice = bill(subscribe(), part=Fraction(0))
    assert (invoice.status, invoice.total_amount) == ("paid", 0)
    assert owed(invoice) is None


def test_the_tax_is_that_of_where_the_customer_is_billed(sandbox_till, new_customer, subscribe, sell, bill):
    address = customers.NewAddress(kind="billing", line1="Hauptstr. 1", city="Berlin", country="DE", is_primary=True)
    german = new_customer(company_name="Beispiel GmbH", tax_id="DE123456789", addresses=[address])
    with sandbox_till.transaction() as session:
        session.execute(
            text("INSERT INTO tax_rates (id, owner_id, country, rate) VALUES (:id, :owner, 'DE', 19)"),
            {"id": new_id(), "owner": sandbox_till.owner},
        )
        made = service.create_subscription(session, customer_id=german, plan=sell().id, key="german")
        service.start_subscription(session, subscription_id=made.id)
    invoice = bill(made)
    assert (invoice.net_amount, invoice.tax_amount, invoice.total_amount) == (
        Decimal(30),
        Decimal("5.70"),
        Decimal("35.70"),
    )
    assert invoice.billed_name == "Beispiel GmbH"
    assert invoice.billed_to["tax_id"] == "DE123456789"
    assert invoice.billed_to["address"]["city"] == "Berlin"


def test_paid_it_says_so_and_given_back_it_is_owed_again(sandbox_till, subscribe, bill, owed, again):
    invoice = bill(subscribe())
    payment = pay(sandbox_till, invoice)
    assert again(invoice).status == "paid"
    assert again(invoice).paid_at is not None
    sandbox_till.perform("refund_payment", payment_id=str(payment.id))
    assert (again(invoice).status, again(invoice).paid_at) == ("open", None)
    assert owed(invoice).status == "open"
    assert sandbox_till.told(f"invoice/{invoice.id}") == ["invoice.created", "invoice.paid", "invoice.reopened"]


def test_with_a_method_on_file_it_is_collected_by_itself(sandbox_till, customer, subscribe, bill, again):
    with sandbox_till.transaction() as session:
        service.add_method(session, customer_id=customer, reference=GOOD)
    invoice = bill(subscribe())
    while service.collect_due(sandbox_till.world):
        pass
    assert again(invoice).status == "paid"


def test_what_nobody_paid_in_time_is_told_once_and_its_service_is_past_due(
    clock, sandbox_till, subscribe, bill, owed, now_is
):
    subscription = subscribe()
    invoice = bill(subscription)
    with sandbox_till.transaction() as session:
        assert service.overdue_since(session, subscription_id=subscription.id) is None
    clock(invoice.due_at + timedelta(seconds=1))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: tell_overdue(sandbox_till), range(2)))
    assert sandbox_till.told(f"invoice/{invoice.id}").count("invoice.overdue") == 1
    assert now_is(subscription.id).status == "past_due"
    with sandbox_till.transaction() as session:
        assert service.overdue_since(session, subscription_id=subscription.id) == invoice.due_at
    pay(sandbox_till, invoice)
    assert now_is(subscription.id).status == "active"
    with sandbox_till.transaction() as session:
        assert service.overdue_since(session, subscription_id=subscription.id) is None


def test_what_is_paid_or_not_due_yet_is_not_overdue(clock, sandbox_till, subscribe, bill):
    paid, open_ = bill(subscribe()), bill(subscribe())
    pay(sandbox_till, paid)
    clock(open_.due_at - timedelta(minutes=1))
    tell_overdue(sandbox_till)
    assert "invoice.overdue" not in [
        *sandbox_till.told(f"invoice/{paid.id}"),
        *sandbox_till.told(f"invoice/{open_.id}"),
    ]


def test_void_it_keeps_its_number_and_nothing_is_owed(sandbox_till, subscribe, bill, owed, again):
    invoice = bill(subscribe())
    for _ in range(2):
        with sandbox_till.transaction() as session:
            assert service.void_invoice(session, invoice_id=invoice.id, reason="a mistake").status == "void"
    assert owed(invoice) is None
    assert again(invoice).invoice_number == invoice.invoice_number


def test_what_is_paid_or_being_paid_is_not_voided(sandbox_till, subscribe, bill, owed):
    paid, asked = bill(subscribe()), bill(subscribe())
    pay(sandbox_till, paid)
    with sandbox_till.transaction() as session, pytest.raises(InvoiceStateForbids):
        service.void_invoice(session, invoice_id=paid.id, reason="a mistake")
    pay(sandbox_till, asked, "bank_transfer")
    with sandbox_till.transaction() as session, pytest.raises(PayableSettled):
        service.void_invoice(session, invoice_id=asked.id, reason="a mistake")


def test_a_service_is_activated_with_its_first_invoice(clock, sandbox_till, subscribe):
    clock(NEW_YEAR)
    subscription = subscribe(start=False)
    clock(NEW_YEAR + timedelta(days=10, hours=5))
    done = sandbox_till.perform("activate_service", key="step", subscription_id=str(subscription.id))
    assert done.output["subscription"]["status"] == "active"
    # 21 of January's 31 days are left, the 11th included
    assert done.output["invoice"]["total_amount"] == "20.32"
    again = sandbox_till.perform("activate_service", service_id=str(subscription.id))
    assert again.output["invoice"] == done.output["invoice"]
    assert again.effects == []
    undo = done.effects[0].undo
    for _ in range(2):
        undone = sandbox_till.perform("deactivate_service", **undo)
        assert undone.output["subscription"]["status"] == "suspended"
    with sandbox_till.transaction() as session:
        invoice_id = done.output["invoice_id"]
        notes = service.credit_notes_of(session, invoice_id=invoice_id)
        assert [note.total_amount for note in notes] == [Decimal("-20.32")]
        assert service.get_invoice(session, invoice_id=invoice_id).due_amount == 0


def test_an_activation_whose_invoice_is_being_paid_is_undone_once_that_has_ended(sandbox_till, subscribe):
    subscription = subscribe(start=False)
    done = sandbox_till.perform("activate_service", subscription_id=str(subscription.id))
    invoice_id = UUID(done.output["invoice_id"])
    with sandbox_till.transaction() as session:
        payable = service.find_payable(session, source_type="invoice", source_id=str(invoice_id))
    seller = {"world": sandbox_till.world, "owner_id": sandbox_till.owner}
    payment = service.take_payment(**seller, payable_id=payable.id, requested_by="test", payment_method="bank_transfer")
    undo = done.effects[0].undo
    with pytest.raises(StepFailed, match="being paid") as being_paid:
        sandbox_till.perform("deactivate_service", **undo)
    assert not being_paid.value.permanent
    # that is waited for: an hour and more
    assert OPERATIONS["billing_service.deactivate_service"].retry.maximum_attempts == 100
    service.withdraw_payment(**seller, payment_id=payment.id, reason="it never came")
    assert sandbox_till.perform("deactivate_service", **undo).output["subscription"]["status"] == "suspended"
    with sandbox_till.transaction() as session:
        assert service.get_invoice(session, invoice_id=invoice_id).due_amount == 0
    assert sandbox_till.payable(payable.id).status == "withdrawn"


def test_on_a_trial_nothing_is_billed_yet(sandbox_till, subscribe):
    subscription = subscribe(start=False, trial_days=14)
    done = sandbox_till.perform("activate_service", subscription_id=str(subscription.id))
    assert (done.output["subscription"]["status"], done.output["invoice"]) == ("trialing", None)
    sandbox_till.perform("deactivate_service", **done.effects[0].undo)


def test_they_are_found_by_number_and_status(client, token_for, owner, subscribe, bill):
    invoice = bill(subscribe())
    headers = {"Authorization": f"Bearer {token_for('invoice.read', owner_id=owner)}"}
    for query in (
        f"q={invoice.invoice_number[-11:]}",
        "status=open&kind=invoice",
        f"customer_id={invoice.customer_id}",
    ):
        listed = client.get(f"/api/v1/invoices?{query}", headers=headers).get_json()
        assert [each["id"] for each in listed] == [str(invoice.id)]
    assert client.get("/api/v1/invoices?is_overdue=true", headers=headers).get_json() == []
    shown = client.get(f"/api/v1/invoices/{invoice.id}", headers=headers).get_json()
    assert (shown["total_amount"], shown["lines"][0]["unit_price"], shown["due_amount"]) == (30, 30, 30)
    assert client.get(f"/api/v1/invoices/{new_id()}", headers=headers).status_code == 404


def test_what_was_issued_cannot_be_changed_in_the_database(database, owner, subscribe, bill):
    invoice = bill(subscribe())
    with pytest.raises(Exception, match="permission denied"), database.transaction(owner) as session:
        session.execute(text("UPDATE invoice_lines SET total_amount = 0 WHERE invoice_id = :id"), {"id": invoice.id})


def test_another_owner_sees_none(database, subscribe, bill):
    invoice = bill(subscribe())
    with database.transaction(new_id()) as session, pytest.raises(InvoiceNotFound):
        service.get_invoice(session, invoice_id=invoice.id)
