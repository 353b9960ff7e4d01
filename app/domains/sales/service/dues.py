"""What is due for an order: asked for, followed when a draft changes, and let go with an order that is over."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

from sqlalchemy.orm import Session

from app.core.ports import port
from app.core.settings import Settings
from app.domains.billing import service as billing
from app.domains.billing.errors import PayableSettled
from app.domains.sales.models import Order
from app.domains.sales.rules import PAID, REFUNDED

ORDER, QUOTE = "order", "quote"
"""By these, and their ids, billing knows what is paid for."""


def ask(session: Session, order: Order) -> None:
    """Ask for an order's money; nothing for what is free or was paid elsewhere. One that is paid already is noted as such.

    One whose payment was given back since is asked for anew.
    Raises PayableSettled when another amount has been paid, or is being paid.
    """
    if order.total_amount <= 0:
        return
    if order.payment_status == PAID:
        if not _was_given_back(session, order):
            return
        order.payment_status, order.payment_reference = REFUNDED, None
    _join_quote(session, order)
    payable = billing.put_payable(
        session,
        source_type=ORDER,
        source_id=str(order.id),
        amount=order.total_amount,
        currency=order.currency,
        description=f"Order {order.order_number}",
    )
    if payable.status == PAID:
        payment = billing.current_payment(session, payable=payable)
        order.payment_status = PAID
        order.payment_reference = payment.reference if payment else None


def follow(session: Session, order: Order) -> None:
    """A draft has changed: what was asked for follows its amount. Raises PayableSettled as `ask` does."""
    if billing.find_payable(session, source_type=ORDER, source_id=str(order.id)) is None:
        return
    if order.total_amount > 0:
        ask(session, order)
    else:
        withdraw(session, order)


def withdraw(session: Session, order: Order) -> None:
    """Nothing is due any more; what was paid stays paid. Raises PayableSettled while it is being paid."""
    billing.withdraw_payable(session, source_type=ORDER, source_id=str(order.id))


def note_paid(session: Session, order: Order, *, reference: str) -> None:
    """An order is paid, by what bears this reference: nothing is due any more for it, nor for the quote it was made from.

    What was paid here stays the payment of both. Raises PayableSettled while something is being paid.
    """
    order.payment_reference, order.payment_status = reference, PAID
    if any(payable.status == PAID for payable in _payables(session, order)):
        return
    withdraw(session, order)
    if order.quote_id is not None:
        billing.withdraw_payable(session, source_type=QUOTE, source_id=str(order.quote_id))


def let_go(session: Session, order: Order) -> None:
    """The same for an order that has come to its end, whatever is going on: what is being paid right now is then paid."""
    with suppress(PayableSettled):
        withdraw(session, order)


def is_whole(order: Order, *, amount: Decimal, currency: str) -> bool:
    """Whether this is what the order costs."""
    return (order.total_amount, order.currency) == (amount, currency)


def checkout_url(session: Session, order: Order) -> str | None:
    """Where the customer pays a new order, which is asked for; None for a free one, or where no gateway was chosen."""
    settings = port(session, Settings)
    if not settings.payment_gateway or order.total_amount <= 0:
        return None
    ask(session, order)
    return f"{settings.public_url}/api/public/orders/{order.order_number}/checkout"


def _join_quote(session: Session, order: Order) -> None:
    """A quote and the order made of it are one payable, also after the order was let go and is taken up again."""
    if order.quote_id is None:
        return
    quote = (QUOTE, str(order.quote_id))
    if billing.find_payable(session, source_type=quote[0], source_id=quote[1]) is not None:
        billing.link_payable(session, source=quote, to=(ORDER, str(order.id)))


def _was_given_back(session: Session, order: Order) -> bool:
    """Whether the payment that an order names was refunded whole, and nothing was paid in its place."""
    for payable in _payables(session, order):
        if payable.status == PAID:
            return False
        refunded = billing.all_payments(status=REFUNDED, payable_id=payable.id)
        named = refunded.where(billing.Payment.reference == order.payment_reference).limit(1)
        if session.scalar(named) is not None:
            return True
    return False


def _payables(session: Session, order: Order) -> list[billing.Payable]:
    """The order's payable, and its quote's: an order that has failed is let go of that."""
    sources = [(ORDER, str(order.id))] + ([(QUOTE, str(order.quote_id))] if order.quote_id else [])
    found = (billing.find_payable(session, source_type=kind, source_id=each) for kind, each in sources)
    return [payable for payable in found if payable is not None]
