"""Quotes as they are found, changed while they are open, and written down when they are made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Fault
from app.core.events import emit
from app.core.ids import dated_number, new_id
from app.core.log import masked
from app.domains.crm.errors import IllegalQuoteTransition, QuoteInvalid, QuoteNotFound
from app.domains.crm.models import Quote, QuoteItem
from app.domains.crm.queries import quotes as queries
from app.domains.crm.rules.pricing import OfferedLine, sums
from app.domains.crm.rules.quotes import EVENTS, NUMBER_PREFIX, Status, end_faults, is_legal
from app.domains.crm.service.stating import about_quote, picture_of_quote, subject

log = logging.getLogger(__name__)

NUMBER_TRIES = 5
NUMBER_TAKEN = "uq_quotes_owner_id_quote_number"
EDITABLE = frozenset({"valid_until", "notes"})

_CLOSED = (Status.REJECTED, Status.EXPIRED, Status.WITHDRAWN)


def get_quote(session: Session, *, quote_id: UUID) -> Quote:
    """A quote with its items, in any status. Raises QuoteNotFound."""
    if quote := queries.quote(session, quote_id):
        return quote
    raise QuoteNotFound


def lock_quote(session: Session, *, quote_id: UUID) -> Quote:
    """The quote as it is now, locked until the transaction ends. Raises QuoteNotFound."""
    if quote := queries.quote(session, quote_id, locked=True):
        return quote
    raise QuoteNotFound


def list_quotes(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    lead_id: UUID | None = None,
    customer_id: UUID | None = None,
    subscription_id: UUID | None = None,
) -> Select[Quote]:
    """A statement for a page of quotes. `q`: part of number, e-mail address, name or company."""
    return queries.quotes(
        session,
        q=q,
        status=status,
        kind=kind,
        lead_id=lead_id,
        customer_id=customer_id,
        subscription_id=subscription_id,
    )


def update_quote(session: Session, *, quote_id: UUID, changes: Mapping[str, Any]) -> Quote:
    """Let an open quote be valid for longer or shorter, or change its notes; its price stays what it was offered for.

    Raises QuoteNotFound, QuoteInvalid, IllegalQuoteTransition when it is not open any more.
    """
    quote = lock_quote(session, quote_id=quote_id)
    refuse([Fault(f"/{name}", "This cannot be changed: make another quote.") for name in changes.keys() - EDITABLE])
    if quote.status != Status.OPEN:
        raise IllegalQuoteTransition(quote.status, Status.OPEN)
    if "valid_until" in changes:
        refuse(end_faults(changes["valid_until"], at=now(session)))
    before = picture_of_quote(quote)
    for name, value in changes.items():
        setattr(quote, name, value)
    session.flush()
    session.refresh(quote, ["updated_at"])
    audit.record(session, "quote.updated", subject(quote), before=before, after=picture_of_quote(quote))
    return quote


def write_quote(session: Session, *, lines: Sequence[OfferedLine], **fields: Any) -> Quote:
    """An open quote over these lines, under a number that nobody has; emits quote.created."""
    amounts = sums(lines)
    for tries_left in reversed(range(NUMBER_TRIES)):
        at = now(session)
        quote = Quote(
            id=new_id(),
            quote_number=dated_number(NUMBER_PREFIX, at),
            created_at=at,
            subtotal=amounts.subtotal,
            discount_amount=amounts.discount_amount,
            tax_amount=amounts.tax_amount,
            items=[_item(line, position) for position, line in enumerate(lines, start=1)],
            **fields,
        )
        try:
            with session.begin_nested():
                session.add(quote)
        except IntegrityError as error:
            if not tries_left or not _is_taken(error):
                raise
        else:
            break
    session.refresh(quote)  # totals are the database's
    emit(session, "quote.created", subject(quote), about_quote(quote))
    audit.record(session, "quote.created", subject(quote), after=picture_of_quote(quote))
    log.info(
        "quote made: %s for %s over %s %s",
        quote.quote_number,
        masked(quote.customer_email),
        quote.total_amount,
        quote.currency,
    )
    return quote


def move(session: Session, quote: Quote, to: Status, *, reason: str | None = None) -> Quote:
    """Bring a locked quote to another status, with its event and audit row. Raises IllegalQuoteTransition."""
    before = quote.status
    if not is_legal(before, to):
        raise IllegalQuoteTransition(before, to)
    quote.status = to.value
    if to in _CLOSED:
        quote.closed_at, quote.close_reason = now(session), reason
    if to is not Status.ACCEPTED:
        quote.accepted_at = quote.accepted_by = quote.accepted_for = None
    session.flush()
    session.refresh(quote, ["updated_at"])
    if to in EVENTS:
        about = about_quote(quote) | ({"reason": reason} if to is Status.REJECTED else {})
        emit(session, EVENTS[to], subject(quote), about, owner_id=quote.owner_id)
    audit.record(
        session,
        f"quote.{to}" if to is not Status.OPEN else "quote.reopened",
        subject(quote),
        before={"status": before},
        after={"status": to.value},
        reason=reason,
        owner_id=quote.owner_id,
    )
    return quote


def refuse(found: Sequence[Fault]) -> None:
    """Raise QuoteInvalid with all faults, if there are any."""
    if found:
        sentences = dict.fromkeys(fault.message.rstrip(".") + "." for fault in found)
        raise QuoteInvalid(" ".join(sentences), faults=found)


def _item(line: OfferedLine, position: int) -> QuoteItem:
    return QuoteItem(
        position=position,
        product_code=line.product_code,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount_amount=line.discount_amount,
        tax_amount=line.tax_amount,
        configuration=dict(line.configuration),
    )


def _is_taken(error: IntegrityError) -> bool:
    return isinstance(error.orig, UniqueViolation) and error.orig.diag.constraint_name == NUMBER_TAKEN
