"""Payables: what is to be paid, put by whoever asks for money, found by whoever takes it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault
from app.core.ids import new_id
from app.core.money import rounded
from app.domains.billing.errors import AmountInvalid, PayableNotFound, PayableSettled
from app.domains.billing.models import Payable, PayableSource
from app.domains.billing.queries import payables as queries
from app.domains.billing.queries import payments as payment_queries
from app.domains.billing.rules.payable_states import OWED, SourceType, Status
from app.domains.billing.service.payable_states import about, move_payable, subject

Source = tuple[str, str]
"""The type and the id of what is paid for: `("quote", "0199...")`, `("order", "42")`."""

TRIES = 3
"""Somebody may withdraw a payable between two looks at it."""


def put_payable(
    session: Session,
    *,
    source_type: str,
    source_id: str,
    amount: Decimal,
    currency: str,
    description: str,
    customer_id: UUID | None = None,
    due_at: datetime | None = None,
) -> Payable:
    """What is to be paid for a source; the same source again finds it, with the amount that is said last.

    The amount may change until something is paid or being paid: then PayableSettled. What comes to nothing is paid. One that
    was withdrawn is open again. Raises AmountInvalid for one that is below zero or finer than the currency.
    """
    _refuse_amount(amount, currency)
    for _ in range(TRIES):
        payable_id = session.scalar(
            insert(PayableSource)
            .values(
                id=new_id(),
                owner_id=session.info[OWNER],
                source_type=SourceType(source_type).value,
                source_id=source_id,
                payable_id=new_id(),
            )
            .on_conflict_do_nothing(index_elements=["owner_id", "source_type", "source_id"])
            .returning(PayableSource.payable_id)
        )
        if payable_id is not None:
            return _made(
                session,
                Payable(
                    id=payable_id,
                    amount=amount,
                    currency=currency,
                    description=description,
                    customer_id=customer_id,
                    due_at=due_at,
                ),
            )
        if earlier := _locked_of(session, source_type, source_id):
            earlier.customer_id = earlier.customer_id or customer_id
            return _changed(session, earlier, amount, currency, description=description, due_at=due_at)
    message = f"What is to be paid for {source_type} {source_id} is being withdrawn."
    raise PayableSettled(message)


def find_payable(session: Session, *, source_type: str, source_id: str) -> Payable | None:
    """What is to be paid, or was, for a source; None when nothing is."""
    payable_id = queries.payable_of(session, source_type, source_id)
    return queries.payable(session, payable_id) if payable_id else None


def get_payable(session: Session, *, payable_id: UUID, locked: bool = False) -> Payable:
    """A payable; locked: as it is now. Raises PayableNotFound."""
    if found := queries.payable(session, payable_id, locked=locked):
        return found
    message = "There is nothing to be paid under this id."
    raise PayableNotFound(message)


def payable_for(session: Session, *, sources: list[Source]) -> Payable:
    """The one payable of all these sources. Raises PayableNotFound when one has none or another."""
    found = [find_payable(session, source_type=kind, source_id=each) for kind, each in sources]
    for (kind, each), payable in zip(sources, found, strict=True):
        if payable is None:
            message = f"There is nothing to be paid for {kind} {each}."
            raise PayableNotFound(message)
    first, *others = (payable for payable in found if payable is not None)
    if any(other.id != first.id for other in others):
        message = "Order and quote are paid for apart: name one of them."
        raise PayableNotFound(message)
    return first


def all_payables(
    *,
    status: str | None = None,
    customer_id: UUID | None = None,
    source_type: str | None = None,
    source_id: str | None = None,
) -> Select[Payable]:
    """Payables by these filters, to be paged."""
    return queries.payables(status=status, customer_id=customer_id, source_type=source_type, source_id=source_id)


def link_payable(session: Session, *, source: Source, to: Source) -> Payable:
    """Let what is paid for `source` be paid for `to` as well: one payable, paid once. Linked before: nothing happens.

    Raises PayableNotFound when `source` has none, PayableSettled when `to` has one of its own of which something was tried.
    """
    payable = payable_for(session, sources=[source])
    payable = get_payable(session, payable_id=payable.id, locked=True)
    for _ in range(TRIES):
        linked = session.scalar(
            insert(PayableSource)
            .values(
                id=new_id(),
                owner_id=session.info[OWNER],
                source_type=SourceType(to[0]).value,
                source_id=to[1],
                payable_id=payable.id,
            )
            .on_conflict_do_nothing(index_elements=["owner_id", "source_type", "source_id"])
            .returning(PayableSource.id)
        )
        known = queries.source(session, *to)
        if linked is not None or (known is not None and known.payable_id == payable.id):
            session.expire(payable, ["sources"])
            return payable
        if not withdraw_payable(session, source_type=to[0], source_id=to[1], unless_tried=True):
            break
    message = f"The {to[0]} {to[1]} is paid for by itself."
    raise PayableSettled(message)


def withdraw_payable(session: Session, *, source_type: str, source_id: str, unless_tried: bool = False) -> bool:
    """A source is not to be paid for any more; False when there is nothing to withdraw, or it is paid, which stays.

    What is paid for other sources as well, or was, stays for those. Where something was tried to collect it, its history
    is kept: it is withdrawn, or with `unless_tried` left as it is. Raises PayableSettled while it is being paid.
    """
    payable = _locked_of(session, source_type, source_id)
    if payable is not None and len(payable.sources) > 1:
        _unlink(session, source_type, source_id)
        session.expire(payable, ["sources"])
        return True
    if payable is None or Status(payable.status) not in OWED:
        return False
    if payment_queries.pending(session, payable.id):
        message = "It is being paid right now."
        raise PayableSettled(message)
    if queries.has_payments(session, payable.id):
        if unless_tried:
            return False
        payable.next_attempt_at = payable.collecting_since = None
        move_payable(session, payable=payable, status=Status.WITHDRAWN)
        return True
    audit.record(session, "payable.removed", subject(payable), before=about(payable))
    session.expunge(payable)
    session.execute(delete(Payable).where(Payable.id == payable.id), execution_options={"synchronize_session": False})
    return True


def is_paid(session: Session, *, source_type: str, source_id: str) -> bool:
    """Whether everything that is to be paid for a source is paid; False where nothing is to be paid."""
    payable = find_payable(session, source_type=source_type, source_id=source_id)
    return payable is not None and payable.status == Status.PAID


def collect_from(session: Session, *, payable: Payable, at: datetime) -> None:
    """Have a payable collected by itself from then on, by what the customer pays by."""
    payable.next_attempt_at = at
    session.flush()


def reduce_payable(session: Session, *, payable: Payable, amount: Decimal) -> None:
    """Owe so much instead, nothing with 0; it is locked and owed. Raises PayableSettled while it is being paid."""
    if payment_queries.pending(session, payable.id):
        message = "It is being paid right now."
        raise PayableSettled(message)
    if amount:
        payable.amount = amount
        session.flush()
    else:
        payable.next_attempt_at = payable.collecting_since = None
        move_payable(session, payable=payable, status=Status.WITHDRAWN)


def lock_payable_of(session: Session, *, source_type: str, source_id: str) -> Payable | None:
    """The payable of a source as it is now, locked until the transaction ends; None when there is none."""
    return _locked_of(session, source_type, source_id)


def _refuse_amount(amount: Decimal, currency: str) -> None:
    if not amount.is_finite() or amount < 0 or amount != rounded(amount, currency):
        message = f"{amount} {currency} cannot be owed: an amount is not below zero, and not finer than its currency."
        raise AmountInvalid(message, faults=[Fault("/amount", message)])


def _made(session: Session, payable: Payable) -> Payable:
    payable.status = Status.OPEN.value
    session.add(payable)
    session.flush()
    if not payable.amount:
        move_payable(session, payable=payable, status=Status.PAID)
    return payable


def _changed(
    session: Session, payable: Payable, amount: Decimal, currency: str, *, description: str, due_at: datetime | None
) -> Payable:
    is_same = (payable.amount, payable.currency) == (amount, currency)
    if payable.status == Status.WITHDRAWN:
        move_payable(session, payable=payable, status=Status.OPEN)
    elif not is_same and (payable.status != Status.OPEN or payment_queries.pending(session, payable.id)):
        message = (
            f"{rounded(payable.amount, payable.currency)} {payable.currency} are paid, or being paid: "
            f"it does not become {amount} {currency} any more."
        )
        raise PayableSettled(message)
    if not is_same:
        payable.amount, payable.currency = amount, currency
        payable.description = description
    payable.due_at = due_at or payable.due_at
    session.flush()
    if not amount and payable.status == Status.OPEN:
        move_payable(session, payable=payable, status=Status.PAID)
    return payable


def _locked_of(session: Session, source_type: str, source_id: str) -> Payable | None:
    payable_id = queries.payable_of(session, source_type, source_id)
    return queries.payable(session, payable_id, locked=True) if payable_id else None


def _unlink(session: Session, source_type: str, source_id: str) -> None:
    session.execute(
        delete(PayableSource).where(PayableSource.source_type == source_type, PayableSource.source_id == source_id),
        execution_options={"synchronize_session": False},
    )
