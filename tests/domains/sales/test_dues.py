"""What is due for an order, when payments come, come from elsewhere, or are given back."""

from __future__ import annotations

from app.core.ids import new_id
from app.domains.billing import service as billing
from app.domains.sales import service as sales
from app.domains.tenants import service as tenants
from tests.domains.sales.conftest import Shop


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
