"""Links by which customers answer quotes, and the mail that brings one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.core.money import rounded
from app.core.ports import port
from app.core.settings import Settings
from app.domains.communications import service as communications
from app.domains.crm.errors import IllegalQuoteTransition, QuoteExpired, QuoteNotFound
from app.domains.crm.models import Quote
from app.domains.crm.rules import links
from app.domains.crm.rules.quotes import Kind, Status, is_over
from app.domains.crm.service.quotes import lock_quote
from app.domains.crm.service.stating import about_quote, picture_of_quote, subject

_TEMPLATES = {Kind.NEW: "quote_offer", Kind.RENEWAL: "subscription_renewal"}


def accept_url(session: Session, quote: Quote) -> str:
    """The address at which the customer answers a quote. Whoever has it may answer: it goes to the customer alone."""
    settings = port(session, Settings)
    token = links.signed(owner_id=quote.owner_id, quote_id=quote.id, secret_key=settings.secret_key)
    return f"{settings.public_url.rstrip('/')}{links.PATH}{token}"


def place_of(settings: Settings, *, token: str) -> tuple[UUID, UUID]:
    """Owner and id of the quote that a link opens. Raises QuoteNotFound for a link that was not made here."""
    if found := links.read(token, secret_key=settings.secret_key):
        return found
    raise QuoteNotFound


def send_quote(session: Session, *, quote_id: UUID, key: str) -> Quote:
    """Mail an open quote to its customer, with the link by which it is answered; emits quote.sent.

    It may be sent again; the same `key` sends it once. Raises QuoteNotFound, QuoteExpired, IllegalQuoteTransition.
    """
    quote = lock_quote(session, quote_id=quote_id)
    if quote.status != Status.OPEN:
        raise IllegalQuoteTransition(quote.status, Status.OPEN)
    if is_over(quote.valid_until, at=now(session)):
        raise QuoteExpired(quote.quote_number, quote.valid_until)
    communications.queue_mail(
        session,
        template=_TEMPLATES[Kind(quote.kind)],
        recipient=quote.customer_email,
        variables=_variables(session, quote),
        key=f"quote/{quote.id}/{key}",
    )
    quote.sent_at = now(session)
    session.flush()
    session.refresh(quote, ["updated_at"])
    emit(session, "quote.sent", subject(quote), about_quote(quote))
    audit.record(session, "quote.sent", subject(quote), after=picture_of_quote(quote))
    return quote


def _variables(session: Session, quote: Quote) -> dict[str, Any]:
    said: dict[str, Any] = {
        "customer_name": quote.customer_name,
        "quote_number": quote.quote_number,
        "total_amount": str(rounded(quote.total_amount, quote.currency)),
        "currency": quote.currency,
        "valid_until": f"{quote.valid_until:%Y-%m-%d}",
        "accept_url": accept_url(session, quote),
    }
    if quote.period_start is not None:
        said["current_period_end"] = f"{quote.period_start:%Y-%m-%d}"
    elif quote.company_name is not None:
        said["company_name"] = quote.company_name
    return said
