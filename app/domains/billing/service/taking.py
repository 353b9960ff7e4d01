"""Taking payments and giving them back over HTTP and by hand: begun, asked for, and ended, each in its own transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from uuid import UUID

from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined, PaymentRefused
from app.adapters.payments.port import Confirming, Gateways
from app.core.clock import now
from app.core.world import World
from app.domains.billing.errors import GatewayBusy, PayableSettled, PaymentRejected, PaymentStateForbids
from app.domains.billing.models import Payment, Refund
from app.domains.billing.rules.payment_states import Status
from app.domains.billing.service.asking import ask
from app.domains.billing.service.cancelling import cancel_payment
from app.domains.billing.service.looking import end
from app.domains.billing.service.payables import get_payable
from app.domains.billing.service.paying import Answer, begin_by_name, check_due, end_payment, get_payment, tell_failure
from app.domains.billing.service.refunding import begin_refund, make_refund
from pipelines.errors import OutcomeUnknown


def take_payment(
    world: World,
    *,
    owner_id: UUID,
    payable_id: UUID,
    requested_by: str,
    payment_method: str | None = None,
    amount: Decimal | None = None,
) -> Payment:
    """Have a payable paid now; what is paid already, or being paid, returns that payment.

    Raises PaymentRejected with the gateway's reason, GatewayBusy (asking again is harmless), AmountNotDue,
    PaymentMethodInvalid, PayableNotFound, PayableSettled.
    """
    gateways = world.ports.get(Gateways)
    transaction = partial(world.database.transaction, owner_id)
    with transaction() as session:
        payable = get_payable(session, payable_id=payable_id, locked=True)
        check_due(payable, amount)
        payment = begin_by_name(session, payable=payable, wanted=payment_method, requested_by=requested_by)
    if payment.status != Status.PENDING:
        return payment
    with _busy():
        answer = ask(gateways, transaction, payment_id=payment.id)
    with transaction() as session:
        ended = end_payment(session, answer=answer)
        if ended.is_news and ended.payment.status == Status.FAILED:
            tell_failure(session, ended=ended, is_final=True)
    if ended.payment.status == Status.FAILED:
        raise PaymentRejected(ended.payment.failure_reason or "The payment was declined.")
    return ended.payment


def give_back(
    world: World, *, owner_id: UUID, payment_id: UUID, requested_by: str, amount: Decimal | None, reason: str
) -> Refund:
    """Give back a payment, or `amount` of it. Raises PaymentNotFound, PaymentStateForbids, AmountInvalid, GatewayBusy."""
    gateways = world.ports.get(Gateways)
    transaction = partial(world.database.transaction, owner_id)
    with transaction() as session:
        begun = begin_refund(session, payment_id=payment_id, requested_by=requested_by, amount=amount, reason=reason)
    with _busy():
        return make_refund(gateways, transaction, refund_id=begun.id)


def withdraw_payment(world: World, *, owner_id: UUID, payment_id: UUID, reason: str) -> Payment:
    """Wait for a pending payment no longer. Raises PaymentNotFound, PaymentStateForbids when it has ended, GatewayBusy."""
    transaction = partial(world.database.transaction, owner_id)
    with _busy():
        payment = cancel_payment(world.ports.get(Gateways), transaction, payment_id=payment_id, reason=reason)
    if payment.status != Status.CANCELLED:
        message = f"The payment is {payment.status}: there is nothing to cancel."
        raise PaymentStateForbids(message)
    return payment


def confirm_payment(world: World, *, owner_id: UUID, payment_id: UUID, amount: Decimal) -> Payment:
    """The money of a payment that was awaited has come, as a person says; said twice is the same.

    Raises PaymentNotFound, PaymentStateForbids where the gateway itself says when money comes, PayableSettled for another
    amount than was awaited, or a payment that was withdrawn.
    """
    transaction = partial(world.database.transaction, owner_id)
    with transaction() as session:
        payment = get_payment(session, payment_id=payment_id)
        received_at = now(session)
    gateway = world.ports.get(Gateways).get(payment.gateway)
    if not isinstance(gateway, Confirming) or payment.reference is None:
        message = f"When money of {payment.gateway} comes, it says itself."
        raise PaymentStateForbids(message)
    try:
        with _busy():
            made = gateway.confirm(payment.reference, amount=amount, received_at=received_at)
    except (PaymentRefused, PaymentDeclined) as error:
        raise PayableSettled(str(error)) from error
    with transaction() as session:
        return end(session, answer=Answer(payment_id=payment_id, made=made))


@contextmanager
def _busy() -> Iterator[None]:
    try:
        yield
    except (GatewayUnavailable, OutcomeUnknown) as error:
        raise GatewayBusy(str(error)) from error
