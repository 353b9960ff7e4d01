"""Quotes whose time has passed expire: by beat, or by whoever meets one first."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.crm.queries import quotes as queries
from app.domains.crm.rules.quotes import Status, is_over
from app.domains.crm.service.quotes import lock_quote, move

BATCH = 500
REASON = "its time has passed"


def expire_quotes(session: Session, *, limit: int = BATCH) -> int:
    """Note the end of open quotes whose time has passed: `expired`; emits quote.expired. Runs across owners, in batches.

    Once each, however often and in however many places it runs; one that is just being accepted is left to that. Returns
    how many: call again while it is `limit`.
    """
    over = queries.to_expire(session, at=now(session), limit=limit)
    for quote in over:
        move(session, quote, Status.EXPIRED, reason=REASON)
    return len(over)


def expire_if_over(session: Session, *, quote_id: UUID) -> None:
    """The same for one quote, seen under its lock."""
    quote = lock_quote(session, quote_id=quote_id)
    if quote.status == Status.OPEN and is_over(quote.valid_until, at=now(session)):
        move(session, quote, Status.EXPIRED, reason=REASON)
