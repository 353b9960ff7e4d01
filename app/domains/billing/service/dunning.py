"""Collecting what is owed by itself: at first, and again after a soft decline, until it is paid or given up.

What follows a failure is decided by rules.dunning, from the attempts that are written down: so a standstill, a second worker
or a step that is tried again change nothing about how often a card is charged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from app.adapters.payments.errors import GatewayUnavailable
from app.adapters.payments.port import Gateways
from app.core.clock import now
from app.core.ids import new_id
from app.core.money import rounded
from app.core.ports import port
from app.core.world import World
from app.domains.billing.models import Payable, Payment
from app.domains.billing.queries import payables as payable_queries
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules.dunning import Action, Attempt, Next, Outcome, next_action
from app.domains.billing.rules.payable_states import Status as PayableStatus
from app.domains.billing.rules.payment_states import Status
from app.domains.billing.service.asking import Transactions, ask
from app.domains.billing.service.methods import Means, means_on_file
from app.domains.billing.service.payable_states import move_payable
from app.domains.billing.service.payables import get_payable
from app.domains.billing.service.paying import (
    Answer,
    Ended,
    begin_payment,
    current_payment,
    end_payment,
    tell_failure,
)
from app.domains.billing.service.settling import fall_behind_for, give_up, let_renewal_end
from app.domains.communications import service as communications
from app.domains.customers import service as customers
from pipelines.errors import OutcomeUnknown

log = logging.getLogger(__name__)

BATCH = 100
POSTPONED = timedelta(minutes=5)
"""When it is tried again to ask a gateway that did not answer."""

NOTHING_ON_FILE = "There is no payment method on file that could be charged."
NO_METHOD = "no_payment_method"


def begin_collecting(session: Session, *, payable_id: UUID, requested_by: str) -> Payment | None:
    """The pending payment by which a payable is to be collected now, to be asked for once this is committed.

    Where nothing is to be charged now, the last payment at it, whatever became of it: it is paid, waits for its time or for
    another method, was given up or withdrawn. None: nothing was ever tried, and nothing is to be. Of an attempt that another began,
    `requested_by` stays that one's: whoever wanted it first can have it undone.
    """
    payable = get_payable(session, payable_id=payable_id, locked=True)
    if known := current_payment(session, payable=payable):
        return known
    if payable.status not in {PayableStatus.OPEN, PayableStatus.DUNNING}:
        return _last(session, payable)
    payable.collecting_since = payable.collecting_since or now(session)
    failed = _failed(session, payable)
    means = _means(session, payable)
    if failed and not _is_due(session, payable, failed, means):
        return failed[-1]
    if means is None:
        return _fail_without_means(session, payable, requested_by)
    if failed:
        requested_by = failed[0].requested_by
    return begin_payment(session, payable=payable, means=means, requested_by=requested_by, is_off_session=True)


def end_attempt(session: Session, *, answer: Answer) -> Payment:
    """Write down how an attempt ended; after a failure, decide what follows, and tell the customer where that is called for."""
    ended = end_payment(session, answer=answer)
    if ended.is_news and ended.payment.status == Status.FAILED:
        _follow(session, ended)
    return ended.payment


def stop_collecting(session: Session, *, payable_id: UUID) -> None:
    """Nobody collects it by himself any more: it waits for somebody to pay it, and a renewal is not waited for."""
    payable = get_payable(session, payable_id=payable_id, locked=True)
    payable.next_attempt_at = payable.collecting_since = None
    if payable.status == PayableStatus.DUNNING:
        move_payable(session, payable=payable, status=PayableStatus.OPEN)
    if payable.status != PayableStatus.PAID:
        let_renewal_end(session, payable=payable)
    session.flush()


def collect(gateways: Gateways, transaction: Transactions, *, payable_id: UUID) -> Payment | None:
    """One attempt at a payable, if it is due now; returns the payment.

    Raises OutcomeUnknown and GatewayUnavailable: it is gone on with the same payment then.
    """
    with transaction() as session:
        payment = begin_collecting(session, payable_id=payable_id, requested_by=f"payable/{payable_id}")
    if payment is None or payment.status != Status.PENDING:
        return payment
    answer = ask(gateways, transaction, payment_id=payment.id)
    with transaction() as session:
        ended = end_attempt(session, answer=answer)
        if ended.status == Status.PENDING:
            # the customer's bank has it now: its message, or a later look, goes on
            get_payable(session, payable_id=payable_id, locked=True).next_attempt_at = None
        return ended


def collect_due(world: World, *, limit: int = BATCH) -> int:
    """Collect what is due, each payable by itself: one that fails does not stop the others, and is tried again later.

    In two places at once, each charge is made once. Returns how many there were: call again while it is `limit`.
    """
    with world.across.transaction() as session:
        due = payable_queries.to_collect(session, at=now(session), limit=limit)
    gateways = world.ports.get(Gateways)
    for owner_id, payable_id in due:
        transaction = partial(world.database.transaction, owner_id)
        try:
            collect(gateways, transaction, payable_id=payable_id)
        except (GatewayUnavailable, OutcomeUnknown) as error:
            log.warning("payable %s is collected later: %s", payable_id, error)
            _postpone(transaction, payable_id)
        except Exception:
            log.exception("payable %s could not be collected", payable_id)
            _postpone(transaction, payable_id)
    return len(due)


def _postpone(transaction: Transactions, payable_id: UUID) -> None:
    with transaction() as session:
        payable = get_payable(session, payable_id=payable_id, locked=True)
        if payable.next_attempt_at is not None:
            payable.next_attempt_at = now(session) + POSTPONED


def _is_due(session: Session, payable: Payable, failed: Sequence[Payment], means: Means | None) -> bool:
    """Whether another attempt is to be made now; what is to happen instead is noted.

    A method that was not tried yet is tried at once: the customer named it because they were asked to.
    """
    step = _next(session, failed, means)
    if step.action is Action.SUSPEND:
        give_up(session, payable=payable)
        return False
    is_new = means is not None and all(attempt.payment_method != means.reference for attempt in failed)
    if step.action is Action.RETRY and (is_new or (step.at is not None and step.at <= now(session))):
        return True
    payable.next_attempt_at = step.at
    session.flush()
    return False


def _follow(session: Session, ended: Ended) -> None:
    payment, payable = ended.payment, ended.payable
    if payable.collecting_since is None:
        # its collection was stopped while it was being asked for
        tell_failure(session, ended=ended, is_final=True)
        return
    failed = _failed(session, payable)
    step = _next(session, failed, _means(session, payable))
    if payable.status == PayableStatus.OPEN:
        move_payable(session, payable=payable, status=PayableStatus.DUNNING)
        fall_behind_for(session, payable=payable)
    is_final = step.action is Action.SUSPEND
    tell_failure(session, ended=ended, is_final=is_final)
    if step.tell_customer:
        _tell_customer(session, payment, payable, step)
    if is_final:
        give_up(session, payable=payable)
    else:
        payable.next_attempt_at = step.at
    session.flush()


def _fail_without_means(session: Session, payable: Payable, requested_by: str) -> Payment:
    """An attempt that could not even be made: it begins the time in which the customer may name something to charge."""
    payment_id = new_id()
    at = now(session)
    payment = Payment(
        id=payment_id,
        payable_id=payable.id,
        status=Status.FAILED.value,
        amount=payable.amount,
        currency=payable.currency,
        description=payable.description,
        gateway=port(session, Gateways).default_name,
        payment_method="",
        is_off_session=True,
        idempotency_key=f"payment-{payment_id}",
        requested_by=requested_by,
        look_at=at,
        failed_at=at,
        failure_code=NO_METHOD,
        failure_reason=NOTHING_ON_FILE,
        is_hard_decline=True,
    )
    session.add(payment)
    session.flush()
    _follow(session, Ended(payment=payment, payable=payable, is_news=True))
    return payment


def _next(session: Session, failed: Sequence[Payment], means: Means | None) -> Next:
    attempts = [
        Attempt(
            at=each.failed_at or each.created_at,
            method=each.payment_method,
            outcome=Outcome.HARD_DECLINE if each.is_hard_decline else Outcome.SOFT_DECLINE,
        )
        for each in failed
    ]
    return next_action(attempts, method=means.reference if means else None, now=now(session))


def _failed(session: Session, payable: Payable) -> list[Payment]:
    """The attempts that failed since it is collected by itself, the earliest first."""
    since = payable.collecting_since
    return [
        attempt
        for attempt in queries.attempts(session, payable.id)
        if attempt.failed_at is not None and since is not None and attempt.failed_at >= since
    ]


def _means(session: Session, payable: Payable) -> Means | None:
    """What may be charged for it: what is on file, unless it was declined for good."""
    means = means_on_file(session, customer_id=payable.customer_id)
    declined = {
        (attempt.gateway, attempt.payment_method)
        for attempt in queries.attempts(session, payable.id)
        if attempt.is_hard_decline
    }
    return None if means is None or (means.gateway, means.reference) in declined else means


def _last(session: Session, payable: Payable) -> Payment | None:
    attempts = queries.attempts(session, payable.id)
    return attempts[-1] if attempts else None


def _tell_customer(session: Session, payment: Payment, payable: Payable, step: Next) -> None:
    if payable.customer_id is None:
        return
    customer = customers.get_customer(session, customer_id=payable.customer_id)
    variables = {
        "customer_name": customer.name,
        "total_amount": str(rounded(payment.amount, payment.currency)),
        "currency": payment.currency,
        "reason": payment.failure_reason,
    }
    if step.action is Action.RETRY and step.at is not None:
        variables["next_attempt"] = f"{step.at:%Y-%m-%d}"
    communications.queue_mail(
        session,
        template="payment_failed",
        recipient=customer.email,
        variables=variables,
        key=f"payment_failed/{payment.id}",
    )
