"""How a payable goes from one state to another, with its event: what waits for it is told by the subject `payable/<id>`."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.core.money import rounded
from app.domains.billing.errors import PayableSettled
from app.domains.billing.models import Payable
from app.domains.billing.rules.payable_states import SourceType, Status, is_legal


def move_payable(session: Session, *, payable: Payable, status: Status) -> bool:
    """Bring a locked payable into a state; emits payable.changed. False when it is there already. Raises PayableSettled."""
    before = Status(payable.status)
    if before is status:
        return False
    if not is_legal(before, status):
        message = f"What is {before} cannot become {status}."
        raise PayableSettled(message)
    payable.status = status.value
    payable.paid_at = now(session) if status is Status.PAID else None
    session.flush()
    audit.record(
        session,
        "payable.changed",
        subject(payable),
        before={"status": before.value},
        after={"status": status.value},
        owner_id=payable.owner_id,
    )
    emit(session, "payable.changed", subject(payable), about(payable), owner_id=payable.owner_id)
    return True


def subject(payable: Payable) -> str:
    """What events of a payable are about."""
    return f"payable/{payable.id}"


def about(payable: Payable) -> dict[str, Any]:
    """What events say of a payable."""
    return {"status": str(payable.status), **what_for(payable)}


def what_for(payable: Payable) -> dict[str, Any]:
    """What is paid for, and by whom: `order_id` and `quote_id` where one is among the sources."""
    by_type = {source.source_type: source.source_id for source in payable.sources}
    order_id = by_type.get(SourceType.ORDER)
    return {
        "payable_id": str(payable.id),
        "sources": [{"type": source.source_type, "id": source.source_id} for source in payable.sources],
        "customer_id": str(payable.customer_id) if payable.customer_id else None,
        "order_id": int(order_id) if order_id else None,
        "quote_id": by_type.get(SourceType.QUOTE),
        "amount": str(rounded(payable.amount, payable.currency)),
        "currency": payable.currency,
    }
