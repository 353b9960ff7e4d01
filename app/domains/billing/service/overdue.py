"""Invoices that nobody paid in time: told once, each in a transaction of its own."""

from __future__ import annotations

import logging
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import emit
from app.core.world import World
from app.domains.billing.queries import invoices as queries
from app.domains.billing.rules.invoice_states import Status, is_overdue
from app.domains.billing.service.invoice_states import about, subject
from app.domains.billing.service.settling import fall_behind

log = logging.getLogger(__name__)

BATCH = 500


def announce_overdue(world: World, *, limit: int = BATCH) -> int:
    """Emit invoice.overdue for what should have been paid by now, and let what it bills be past due; returns how many.

    Once for each invoice, however often and in however many places it runs; one that fails does not stop the others, and is
    tried again by the next run. `limit`: how many are read at a time.
    """
    told = 0
    after: queries.Late | None = None
    while True:
        with world.across.transaction() as session:
            late = queries.newly_overdue(session, at=now(session), after=after, limit=limit)
        for each in late:
            try:
                with world.database.transaction(each.owner_id) as session:
                    told += _announce(session, each.invoice_id)
            except Exception:
                log.exception("invoice %s could not be announced as overdue", each.invoice_id)
        if len(late) < limit:
            return told
        after = late[-1]


def _announce(session: Session, invoice_id: UUID) -> bool:
    invoice = queries.invoice(session, invoice_id, locked=True)
    if invoice is None or invoice.overdue_at is not None:
        return False
    if not is_overdue(Status(invoice.status), due_at=invoice.due_at, now=now(session)):
        return False
    invoice.overdue_at = now(session)
    session.flush()
    emit(session, "invoice.overdue", subject(invoice), about(invoice))
    fall_behind(session, invoice=invoice)
    return True
