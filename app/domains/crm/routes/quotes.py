"""Quotes by HTTP, for staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.crm import service
from app.domains.crm.routes.versions import version
from app.domains.crm.schemas import quotes as schemas
from app.domains.crm.schemas.shared import WhyIn
from app.http.endpoint import Blueprint, Context, endpoint, page

quotes = Blueprint("quotes", __name__, description="What is offered, and what became of it")


@endpoint(
    quotes, "GET", "/quotes", permission="quote.read", query=schemas.QuoteQuery, answer=schemas.QuoteOut, paged=True
)
def list_quotes(ctx: Context) -> Any:
    """Quotes, newest first."""
    names = ("q", "status", "kind", "lead_id", "customer_id", "subscription_id")
    return page(ctx, service.list_quotes(ctx.session, **{name: ctx.query.get(name) for name in names}))


@endpoint(
    quotes,
    "POST",
    "/quotes",
    permission="quote.create",
    body=schemas.QuoteIn,
    answer=schemas.QuoteDetail,
    status=201,
    idempotent=True,
    errors=[404, 409],
)
def create_quote(ctx: Context) -> Any:
    """Offer a qualified lead what it wants. An open quote that offers the same is the answer."""
    return _made(ctx, service.generate_quote(ctx.session, key=f"request/{new_id()}", **ctx.body))


@endpoint(
    quotes,
    "POST",
    "/quotes/renewals",
    permission="quote.create",
    body=schemas.RenewalIn,
    answer=schemas.QuoteDetail,
    status=201,
    idempotent=True,
    errors=[404, 409],
)
def create_renewal_quote(ctx: Context) -> Any:
    """Offer a subscription's next period. A quote of that period that is open or was accepted is the answer."""
    return _made(ctx, service.create_renewal_quote(ctx.session, key=f"request/{new_id()}", **ctx.body))


@endpoint(quotes, "GET", "/quotes/<uuid:quote_id>", permission="quote.read", answer=schemas.QuoteDetail)
def show_quote(ctx: Context, *, quote_id: UUID) -> Any:
    """A quote with its items."""
    return _shown(ctx, service.get_quote(ctx.session, quote_id=quote_id))


@endpoint(
    quotes,
    "PATCH",
    "/quotes/<uuid:quote_id>",
    permission="quote.update",
    body=schemas.QuoteChange,
    answer=schemas.QuoteDetail,
    errors=[409, 412],
)
def update_quote(ctx: Context, *, quote_id: UUID) -> Any:
    """Let an open quote be valid for longer or shorter, or change its notes."""
    ctx.etag(version(service.lock_quote(ctx.session, quote_id=quote_id).updated_at))
    return _shown(ctx, service.update_quote(ctx.session, quote_id=quote_id, changes=ctx.body))


@endpoint(
    quotes,
    "POST",
    "/quotes/<uuid:quote_id>/send",
    permission="quote.update",
    answer=schemas.QuoteDetail,
    idempotent=True,
    errors=[409],
)
def send_quote(ctx: Context, *, quote_id: UUID) -> Any:
    """Mail an open quote to its customer, with the link by which it is answered."""
    return _shown(ctx, service.send_quote(ctx.session, quote_id=quote_id, key=f"request/{new_id()}"))


@endpoint(
    quotes,
    "POST",
    "/quotes/<uuid:quote_id>/accept",
    permission="quote.accept",
    body=schemas.AcceptIn,
    answer=schemas.QuoteDetail,
    idempotent=True,
    errors=[409],
)
def accept_quote(ctx: Context, *, quote_id: UUID) -> Any:
    """Accept an open quote for its customer, while it is valid: what it costs is owed from now on."""
    accepted_by = ctx.body["accepted_by"] or ctx.principal.email
    quote = service.accept_quote(ctx.session, quote_id=quote_id, key=f"request/{new_id()}", accepted_by=accepted_by)
    return _shown(ctx, quote)


@endpoint(
    quotes,
    "POST",
    "/quotes/<uuid:quote_id>/reject",
    permission="quote.accept",
    body=WhyIn,
    answer=schemas.QuoteDetail,
    idempotent=True,
    errors=[409],
)
def reject_quote(ctx: Context, *, quote_id: UUID) -> Any:
    """The customer does not want it."""
    return _shown(ctx, service.reject_quote(ctx.session, quote_id=quote_id, reason=ctx.body["reason"]))


@endpoint(
    quotes,
    "POST",
    "/quotes/<uuid:quote_id>/withdraw",
    permission="quote.update",
    body=WhyIn,
    answer=schemas.QuoteDetail,
    idempotent=True,
    errors=[409],
)
def withdraw_quote(ctx: Context, *, quote_id: UUID) -> Any:
    """Take an open quote back."""
    return _shown(ctx, service.withdraw_quote(ctx.session, quote_id=quote_id, reason=ctx.body["reason"]))


class _Detail:
    """A quote with the address at which its customer answers it."""

    def __init__(self, quote: service.Quote, accept_url: str) -> None:
        self._quote = quote
        self.accept_url = accept_url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._quote, name)


def _made(ctx: Context, quote: service.Quote) -> Any:
    ctx.headers["Location"] = f"/api/v1/quotes/{quote.id}"
    return _shown(ctx, quote)


def _shown(ctx: Context, quote: service.Quote) -> Any:
    ctx.etag(version(quote.updated_at))
    return _Detail(quote, service.accept_url(ctx.session, quote))
