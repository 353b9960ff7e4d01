"""What workflows may do with money: take it once, give it back, and collect a renewal.

A payment's row is in the claim's commit, before any gateway is asked; `finds` asks what became of it before anything is
tried again; and what a step wanted is undone by the step's key, whichever payment came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.adapters.payments.port import Gateways
from app.core.errors import NotFound
from app.core.events import CAUSED_BY
from app.core.money import rounded
from app.domains.billing import service
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Effect

OPERATIONS = Catalogue()

INTEGRATION = "payments"
PAYMENT_SECONDS = 120.0
"""Looking up what became of a payment, and making it: each bounded by the gateway's own timeouts."""

UNDONE = "What it was for was undone."
WAITED_FOR = frozenset({"open", "dunning", "paid"})
"""States of a renewal's payable in which the subscription is held until it is extended."""


def _intends_payment(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    """The payment's row, in the claim's commit: what dies half-way is found by it, and given back or withdrawn."""
    payable = _payable(call.session, params)
    service.check_due(payable, params.get("amount"))
    if payable.amount:
        service.begin_by_name(
            call.session, payable=payable, wanted=params.get("payment_method"), requested_by=call.idempotency_key
        )
    return [_effect(call, payable)]


def _find_payment(
    call: Call,
    *,
    order_id: int | None = None,
    quote_id: UUID | None = None,
    amount: Decimal | None = None,
    payment_method: str | None = None,
) -> dict[str, Any] | None:
    """What became of the payment that an earlier attempt asked for; None when nothing did."""
    del amount, payment_method
    with _caused(call) as session:
        payable = _payable(session, {"order_id": order_id, "quote_id": quote_id})
        payment = service.current_payment(session, payable=payable)
    if payment is None:
        return None
    if payment.status == "pending":
        answer = service.find_made(call.port(Gateways), payment) if payment.asked_at else None
        if answer is None:
            return None
        return _ended(call, answer)
    return _taken(call, payment.id)


@OPERATIONS.operation(
    "billing_service.process_payment",
    undone_by="billing_service.refund_payment",
    lease=True,
    intends=_intends_payment,
    finds=_find_payment,
    moves_money=True,
    integration=INTEGRATION,
    timeout_seconds=PAYMENT_SECONDS,
    resource="payment",
)
def process_payment(
    call: Call,
    *,
    order_id: int | None = None,
    quote_id: UUID | None = None,
    amount: Decimal | None = None,
    payment_method: str | None = None,
) -> dict[str, Any]:
    """Have an order or quote paid, once: what is paid already, or being paid, returns that payment.

    `amount`, where it is given, has to be what is due. `payment_method`: the id of one on file, the name of a gateway, or
    what the default gateway calls it; without one what is on file, else the gateway's own. A declined payment is a permanent
    error with the gateway's reason. One that the customer or their bank has still to act on is `pending`.
    """
    with _caused(call) as session:
        payable = _payable(session, {"order_id": order_id, "quote_id": quote_id})
        service.check_due(payable, amount)
        payment = None
        if payable.amount:
            payment = service.begin_by_name(
                session, payable=payable, wanted=payment_method, requested_by=call.idempotency_key
            )
    if payment is None:
        return _shown_nothing_due(call, payable.id)
    if payment.status != "pending":
        return _taken(call, payment.id)
    return _ended(call, service.ask(call.port(Gateways), _transactions(call), payment_id=payment.id))


def _intends_renewal(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    payable = service.renewal_payable(
        call.session, subscription_id=params["subscription_id"], quote_id=params["quote_id"]
    )
    if payable.amount:
        service.begin_collecting(call.session, payable_id=payable.id, requested_by=call.idempotency_key)
    return [_effect(call, payable)]


def _find_renewal(call: Call, *, subscription_id: UUID, quote_id: UUID) -> dict[str, Any] | None:
    """What became of the collection that an earlier attempt began; None when nothing did."""
    del subscription_id
    with _caused(call) as session:
        payable = _payable(session, {"quote_id": quote_id})
        payment = service.current_payment(session, payable=payable)
    if payment is None:
        return None
    if payment.status == "pending":
        answer = service.find_made(call.port(Gateways), payment) if payment.asked_at else None
        if answer is None:
            return None
        payment = service.end_attempt(call.session, answer=answer)
    return _taken(call, payment.id)


@OPERATIONS.operation(
    "billing_service.process_renewal_payment",
    undone_by="billing_service.refund_payment",
    lease=True,
    intends=_intends_renewal,
    finds=_find_renewal,
    moves_money=True,
    integration=INTEGRATION,
    timeout_seconds=PAYMENT_SECONDS,
    resource="payable",
)
def process_renewal_payment(call: Call, *, subscription_id: UUID, quote_id: UUID) -> dict[str, Any]:
    """Collect what a renewal of the customer's own costs while they are not there, once per quote.

    A decline does not fail: `payable.status` is `dunning` then, a soft one is tried again on days 1, 3, 5 and 7, after a
    hard one the customer is asked for another payment method. What is given up in the end is `withdrawn`: it cannot be paid
    any more. Wait until it is `paid` or `withdrawn`.
    """
    with _caused(call) as session:
        payable = service.renewal_payable(session, subscription_id=subscription_id, quote_id=quote_id)
        if payable.status in WAITED_FOR:
            service.hold_for_renewal(session, subscription_id=subscription_id, quote_id=quote_id)
        payment = None
        if payable.amount:
            payment = service.begin_collecting(session, payable_id=payable.id, requested_by=call.idempotency_key)
    if payment is None:
        return _shown_nothing_due(call, payable.id)
    if payment.status != "pending":
        return _taken(call, payment.id)
    answer = service.ask(call.port(Gateways), _transactions(call), payment_id=payment.id)
    return _taken(call, service.end_attempt(call.session, answer=answer).id)


def _find_refund(
    call: Call,
    *,
    payment_id: UUID | None = None,
    requested_by: str | None = None,
    amount: Decimal | None = None,
    reason: str = UNDONE,
) -> dict[str, Any] | None:
    """None: the refund looks itself for what became of an earlier one, by its key, before it moves anything."""
    del call, payment_id, requested_by, amount, reason
    return None


@OPERATIONS.operation(
    "billing_service.refund_payment",
    lease=True,
    finds=_find_refund,
    moves_money=True,
    integration=INTEGRATION,
    timeout_seconds=PAYMENT_SECONDS,
    resource="payment",
)
def refund_payment(
    call: Call,
    *,
    payment_id: UUID | None = None,
    requested_by: str | None = None,
    amount: Decimal | None = None,
    reason: str = UNDONE,
) -> dict[str, Any]:
    """Give back a payment, or what a step (by its key) had taken, all that is left or `amount` of it.

    One that is not captured yet is withdrawn once it is certain that nothing comes of it. What is collected by itself is not
    collected any more. Nothing happens when nothing was taken, or it is given back.
    """
    if (payment_id is None) == (requested_by is None):
        message = "Say which payment is refunded: by its id, or by what requested it."
        raise StepFailed(message, permanent=True)
    with _caused(call) as session:
        if payment_id is not None:
            payments = [service.get_payment(session, payment_id=payment_id)]
        else:
            payments = service.requested_payments(session, requested_by=requested_by or "")
    refunds = [_given_back(call, payment.id, amount=amount, reason=reason) for payment in payments]
    if requested_by is not None:
        for payable_id in {payment.payable_id for payment in payments}:
            service.stop_collecting(call.session, payable_id=payable_id)
    refund_ids = [str(refund_id) for refund_id in refunds if refund_id]
    if not payments:
        return {"payment_id": None, "payment": None, "refund_ids": refund_ids}
    return {**_shown(call.session, payments[-1].id), "refund_ids": refund_ids}


@OPERATIONS.resource("payment")
def read_payment(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A payment as it is now; None when there is none of that id."""
    if reference["id"] is None:
        return dict(reference)
    try:
        found = _shown(call.session, UUID(str(reference["id"])))
    except (NotFound, ValueError):
        return None
    payment: dict[str, Any] = found["payment"]
    return payment


@OPERATIONS.resource("payable")
def read_payable(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A payable as it is now; None when there is none of that id."""
    try:
        return _payable_shown(service.get_payable(call.session, payable_id=UUID(str(reference["id"]))))
    except (NotFound, ValueError):
        return None


def _payable(session: Any, params: Mapping[str, Any]) -> service.Payable:
    """What is to be paid for the order, the quote, or both; locked."""
    sources = [(kind, str(params[f"{kind}_id"])) for kind in ("order", "quote") if params.get(f"{kind}_id") is not None]
    if not sources:
        message = "Say what is paid for: order_id or quote_id."
        raise StepFailed(message, permanent=True)
    payable = service.payable_for(session, sources=sources)
    return service.get_payable(session, payable_id=payable.id, locked=True)


def _effect(call: Call, payable: service.Payable) -> Effect:
    summary = f"Payment of {_money(payable.amount, payable.currency)} {payable.currency} for {payable.description}"
    return Effect("payment", str(payable.id), summary, undo={"requested_by": call.idempotency_key})


def _ended(call: Call, answer: service.Answer) -> dict[str, Any]:
    """The step's end by what the gateway answered. A failure is committed before it fails the step."""
    if answer.refusal is not None:
        with _caused(call) as session:
            ended = service.end_payment(session, answer=answer)
            failed = ended.payment.status == "failed"
            if ended.is_news and failed:
                service.tell_failure(session, ended=ended, is_final=True)
        if failed:
            raise answer.refusal
        return _taken(call, answer.payment_id)
    ended = service.end_payment(call.session, answer=answer)
    if ended.payment.status == "failed":
        raise StepFailed(ended.payment.failure_reason or "The payment failed.", permanent=True)
    return _taken(call, answer.payment_id)


def _taken(call: Call, payment_id: UUID) -> dict[str, Any]:
    """The output, with the effect where it was this step that wanted the payment: another's is not this one's to refund."""
    payment = service.get_payment(call.session, payment_id=payment_id)
    if payment.requested_by == call.idempotency_key:
        effect = _effect(call, service.get_payable(call.session, payable_id=payment.payable_id))
        call.effect(effect.kind, effect.reference, effect.summary, undo=effect.undo)
    if payment.status == "cancelled":
        message = "The payment was withdrawn while it was being made."
        raise StepFailed(message, permanent=True)
    return _shown(call.session, payment_id)


def _given_back(call: Call, payment_id: UUID, *, amount: Decimal | None, reason: str) -> UUID | None:
    gateways, transaction = call.port(Gateways), _transactions(call)
    payment = service.cancel_payment(gateways, transaction, payment_id=payment_id, reason=reason)
    if payment.status not in {"succeeded", "partially_refunded"}:
        return None
    with transaction() as session:
        begun = service.begin_refund(
            session, payment_id=payment_id, requested_by=call.idempotency_key, amount=amount, reason=reason
        )
    made = service.make_refund(gateways, transaction, refund_id=begun.id)
    if made.status == "failed":
        raise StepFailed(f"The refund failed: {made.failure_reason}", permanent=True)
    return made.id


def _shown_nothing_due(call: Call, payable_id: UUID) -> dict[str, Any]:
    """What comes to nothing is paid without a payment; what was withdrawn before anything was tried has none either."""
    payable = service.get_payable(call.session, payable_id=payable_id)
    nothing = {
        "id": None,
        "status": "succeeded" if payable.status == "paid" else "cancelled",
        "amount": _money(payable.amount, payable.currency),
        "currency": payable.currency,
        "gateway": None,
        "reference": None,
        "reason": None,
        "is_awaiting_customer": False,
    }
    return {
        "payment_id": None,
        "payment": nothing,
        "payable_id": str(payable.id),
        "payable": _payable_shown(payable),
    }


def _shown(session: Any, payment_id: UUID) -> dict[str, Any]:
    payment = service.get_payment(session, payment_id=payment_id)
    payable = service.get_payable(session, payable_id=payment.payable_id)
    return {
        "payment_id": str(payment.id),
        "payment": {
            "id": str(payment.id),
            "status": payment.status,
            "amount": _money(payment.amount, payment.currency),
            "currency": payment.currency,
            "gateway": payment.gateway,
            "reference": payment.reference,
            "reason": payment.failure_reason,
            "is_awaiting_customer": payment.is_awaiting_customer,
        },
        "payable_id": str(payable.id),
        "payable": _payable_shown(payable),
    }


def _payable_shown(payable: service.Payable) -> dict[str, Any]:
    return {
        "id": str(payable.id),
        "status": payable.status,
        "amount": _money(payable.amount, payable.currency),
        "currency": payable.currency,
    }


def _money(amount: Decimal, currency: str) -> str:
    return str(rounded(amount, currency))


def _transactions(call: Call) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: _caused(call)


@contextmanager
def _caused(call: Call) -> Iterator[Any]:
    """A transaction of its own, whose events are this execution's doing."""
    with call.transaction() as session:
        session.info[CAUSED_BY] = call.execution_id
        yield session
