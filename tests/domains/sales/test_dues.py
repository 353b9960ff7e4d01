"""What is due for an order, when payments come, come from elsewhere, or are given back."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.core.ids import new_id
from app.domains.billing import service as billing
from app.domains.billing.errors import PayableSettled
from app.domains.sales import service as sales
from app.domains.tenants import service as tenants
from tests.domains.sales.conftest import Shop


def quoted_draft(shop: Shop) -> tuple[sales.Order, UUID]:
    """A draft that is paid for together with the quote it was made from."""
    quote_id = new_id()
    order = shop.draft(quote_id=quote_id)
    source = ("quote", str(quote_id))
    with shop.session() as session:
        billing.put_payable(
            session,
            source_type=source[0],
            source_id=source[1],
            amount=order.total_amount,
            currency=order.currency,
            description="Quote",
        )
        billing.link_payable(session, source=source, to=("order", str(order.id)))
    return order, quote_id


def due_for_quote(shop: Shop, quote_id: UUID) -> billing.Payable | None:
    with shop.session() as session:
        return billing.find_payable(session, source_type="quote", source_id=str(quote_id))


def due(shop: Shop, order: sales.Order) -> billing.Payable | None:
    with shop.session() as session:
        return billing.find_payable(session, source_type="order", source_id=str(order.id))


def pay(shop: Shop, order: sales.Order) -> billing.Payment:
    """Pay what is due for an order, which hears of it."""
    payable = due(shop, order)
    assert payable is not None
    payment = billing.take_payment(
        shop.world,
        owner_id=shop.owner_id,
        payable_id=payable.id,
        requested_by=f"test/{new_id()}",
        payment_method="pm_card_visa",
    )
    assert payment.reference is not None
    with shop.session() as session:
        sales.receive_payment(
            session,
            order_id=order.id,
            amount=payment.amount,
            currency=payment.currency,
            payment_reference=payment.reference,
        )
    return payment


def refund(shop: Shop, payment: billing.Payment) -> None:
    billing.give_back(
        shop.world, owner_id=shop.owner_id, payment_id=payment.id, requested_by="test", amount=None, reason="failed"
    )


def fail(shop: Shop, order: sales.Order) -> None:
    with shop.session() as session:
        tenants.create_tenant(session, name="Faster", slug=order.organization_slug)
        sales.process_order(session, order_id=order.id)
    shop.run(order)
    assert shop.order(order.id).status == "failed"


def process_again(shop: Shop, order: sales.Order) -> sales.Order:
    with shop.session() as session:
        sales.process_order(session, order_id=order.id)
    return shop.order(order.id)


def test_what_was_given_back_is_due_again_when_the_order_is_processed_again(shop: Shop) -> None:
    order = shop.submitted(auto_activate=False)
    payment = pay(shop, order)
    fail(shop, order)
    refund(shop, payment)
    again = process_again(shop, order)
    assert (again.payment_status, again.payment_reference) == ("refunded", None)
    payable = due(shop, order)
    assert payable is not None
    assert (payable.status, payable.amount) == ("open", order.total_amount)
    second = pay(shop, order)
    paid = shop.order(order.id)
    assert (paid.payment_status, paid.payment_reference) == ("paid", second.reference)


def test_what_was_given_back_before_the_order_failed_is_due_again_too(shop: Shop) -> None:
    order = shop.submitted(auto_activate=False)
    refund(shop, pay(shop, order))
    fail(shop, order)
    assert process_again(shop, order).payment_status == "refunded"
    payable = due(shop, order)
    assert payable is not None
    assert payable.status == "open"


def test_what_was_paid_stays_paid_when_the_order_is_processed_again(shop: Shop) -> None:
    order = shop.submitted(auto_activate=False)
    payment = pay(shop, order)
    fail(shop, order)
    again = process_again(shop, order)
    assert (again.payment_status, again.payment_reference) == ("paid", payment.reference)


def test_what_was_paid_elsewhere_is_not_due_when_the_order_is_processed_again(shop: Shop) -> None:
    order = shop.draft()
    with shop.session() as session:
        sales.submit_order(session, order_id=order.id, payment_reference="BANK-1", auto_activate=False)
    fail(shop, order)
    assert process_again(shop, order).payment_status == "paid"
    assert due(shop, order) is None


def test_what_was_paid_elsewhere_is_not_due_for_the_quote_either(shop: Shop) -> None:
    order, quote_id = quoted_draft(shop)
    with shop.session() as session:
        sales.submit_order(session, order_id=order.id, payment_reference="BANK-1", auto_activate=False)
    assert due(shop, order) is None
    assert due_for_quote(shop, quote_id) is None


def test_what_was_paid_here_stays_the_payment_of_order_and_quote(shop: Shop) -> None:
    order, quote_id = quoted_draft(shop)
    pay(shop, order)
    assert shop.order(order.id).payment_status == "paid"
    for payable in (due(shop, order), due_for_quote(shop, quote_id)):
        assert payable is not None
        assert payable.status == "paid"


def test_what_is_being_paid_for_the_quote_is_not_paid_elsewhere_meanwhile(shop: Shop) -> None:
    order, quote_id = quoted_draft(shop)
    payable = due_for_quote(shop, quote_id)
    assert payable is not None
    billing.take_payment(
        shop.world,
        owner_id=shop.owner_id,
        payable_id=payable.id,
        requested_by="test",
        payment_method="pm_card_authenticationRequired",
    )
    with pytest.raises(PayableSettled), shop.session() as session:
        sales.submit_order(session, order_id=order.id, payment_reference="BANK-1", auto_activate=False)
    assert shop.order(order.id).status == "draft"
