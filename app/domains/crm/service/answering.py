"""Customers accept quotes or reject them; and what was accepted is taken back.

Acceptance, expiry and withdrawal take the quote's row lock first, so that of two at once one finds what the other did.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.money import rounded
from app.domains.billing import service as billing
from app.domains.crm.errors import IllegalQuoteTransition, QuoteExpired, QuoteInUse
from app.domains.crm.models import Quote
from app.domains.crm.queries import quotes as queries
from app.domains.crm.rules.quotes import Status, is_over
from app.domains.crm.service.converting import convert_lead, undo_conversion
from app.domains.crm.service.quotes import lock_quote, move
from app.domains.sales import service as sales

SOURCE = "quote"
"""By this, and its id, billing knows a quote."""
REASON = "what it was made for was undone"


def accept_quote(session: Session, *, quote_id: UUID, key: str, accepted_by: str | None = None) -> Quote:
    """Accept an open quote while it is valid; emits quote.accepted. One that is accepted stays as it is.

    What it costs is owed from now on, and its lead's prospect is a customer. `accepted_by`: who said so. `key` names what
    asks, a step of an execution, say. Raises QuoteNotFound, QuoteExpired, IllegalQuoteTransition.
    """
    quote = lock_quote(session, quote_id=quote_id)
    if quote.status == Status.ACCEPTED:
        return quote
    if quote.status == Status.EXPIRED or (quote.status == Status.OPEN and is_over(quote.valid_until, at=now(session))):
        raise QuoteExpired(quote.quote_number, quote.valid_until)
    if quote.status != Status.OPEN:
        raise IllegalQuoteTransition(quote.status, Status.ACCEPTED)
    if quote.lead_id is not None:
        convert_lead(session, lead_id=quote.lead_id, key=_conversion(quote))
    billing.put_payable(
        session,
        source_type=SOURCE,
        source_id=str(quote.id),
        amount=rounded(quote.total_amount, quote.currency),
        currency=quote.currency,
        description=f"Quote {quote.quote_number}",
        customer_id=quote.customer_id,
    )
    quote.accepted_at, quote.accepted_by, quote.accepted_for = now(session), accepted_by, key
    return move(session, quote, Status.ACCEPTED)


def reject_quote(session: Session, *, quote_id: UUID, reason: str | None = None) -> Quote:
    """The customer does not want it; emits quote.rejected. One that is rejected stays as it is.

    Raises QuoteNotFound, IllegalQuoteTransition.
    """
    quote = lock_quote(session, quote_id=quote_id)
    return quote if quote.status == Status.REJECTED else move(session, quote, Status.REJECTED, reason=reason)


def undo_acceptance(session: Session, *, quote_id: UUID, key: str) -> Quote:
    """Take back what `key` accepted: the quote is open again, nothing is owed, its lead is what it was. Raises QuoteNotFound.

    Where another open quote offers the same by now, this one is withdrawn instead. A quote that something else accepted
    stays as it is. Raises QuoteInUse while an order made of it stands.
    """
    quote = lock_quote(session, quote_id=quote_id)
    if quote.status != Status.ACCEPTED or quote.accepted_for != key:
        return quote
    _let_go(session, quote)
    if quote.lead_id is not None and queries.open_of_content(
        session, lead_id=quote.lead_id, content_hash=quote.content_hash
    ):
        return move(session, quote, Status.WITHDRAWN, reason=REASON)
    return move(session, quote, Status.OPEN, reason=REASON)


def withdraw_quote(session: Session, *, quote_id: UUID, reason: str | None = None) -> Quote:
    """Take an open quote back; one that is withdrawn stays so. Raises QuoteNotFound, IllegalQuoteTransition."""
    quote = lock_quote(session, quote_id=quote_id)
    if quote.status == Status.WITHDRAWN:
        return quote
    if quote.status != Status.OPEN:
        raise IllegalQuoteTransition(quote.status, Status.WITHDRAWN)
    return move(session, quote, Status.WITHDRAWN, reason=reason)


def undo_quote(session: Session, *, quote_id: UUID, reason: str = REASON) -> Quote:
    """A quote is withdrawn whatever has become of it; what was accepted is owed no more, and its lead is what it was.

    Raises QuoteNotFound, QuoteInUse while an order made of it stands.
    """
    quote = lock_quote(session, quote_id=quote_id)
    if quote.status == Status.WITHDRAWN:
        return quote
    if quote.status == Status.ACCEPTED:
        _let_go(session, quote)
    return move(session, quote, Status.WITHDRAWN, reason=reason)


def _let_go(session: Session, quote: Quote) -> None:
    """What an acceptance brought about is taken back; what was paid stays paid."""
    if order := sales.order_of_quote(session, quote_number=quote.quote_number):
        raise QuoteInUse(quote.quote_number, order.order_number)
    billing.withdraw_payable(session, source_type=SOURCE, source_id=str(quote.id))
    if quote.subscription_id is not None:
        billing.release_renewal(session, subscription_id=quote.subscription_id, quote_id=quote.id)
    if quote.lead_id is not None:
        undo_conversion(session, lead_id=quote.lead_id, key=_conversion(quote))


def _conversion(quote: Quote) -> str:
    """What its lead's conversion is known by."""
    return f"quote/{quote.id}"
