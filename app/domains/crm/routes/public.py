"""The customer's answer to a quote, by the signed link. Looking at it answers nothing, so that a mail scanner may: only a button does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any
from uuid import UUID

from flask import Response, request

from app.core.audit import ACTOR, ADDRESS
from app.core.errors import BusinessError
from app.core.ids import new_id
from app.core.money import rounded
from app.domains.crm import service
from app.domains.crm.schemas import quotes as schemas
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint
from app.http.wire import dumps

public = Blueprint("public-quotes", __name__, url_prefix="/api/public", description="Answering a quote")

_QUOTE = schemas.PublicQuoteOut()
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>{title}</title></head>
<body><h1>{title}</h1>{content}</body>
</html>
"""
_ITEM = "<tr><td>{quantity} &times;</td><td>{name}</td><td>{amount} {currency}</td></tr>"
_BUTTONS = """
<form method="post" action="{path}/accept"><button type="submit">Accept</button></form>
<form method="post" action="{path}/reject"><button type="submit">Decline</button></form>
"""
_SAID = {
    "accepted": "Thank you: this quote is accepted.",
    "rejected": "This quote was declined.",
    "expired": "This quote is no longer valid.",
    "withdrawn": "This quote was withdrawn.",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


@endpoint(
    public,
    "GET",
    "/quotes/<string:token>",
    permission=PUBLIC,
    answer=schemas.PublicQuoteOut,
    errors=[404],
)
def show_quote_to_customer(ctx: Context, *, token: str) -> Any:
    """A quote, for whoever has its link; a browser gets a page with buttons."""
    return _answered(ctx, token, lambda session, quote_id: service.get_quote(session, quote_id=quote_id))


@endpoint(
    public,
    "POST",
    "/quotes/<string:token>/accept",
    permission=PUBLIC,
    answer=schemas.PublicQuoteOut,
    errors=[404, 409],
)
def accept_quote_as_customer(ctx: Context, *, token: str) -> Any:
    """Accept the quote, while it is valid; what it costs is owed from now on. Twice is the same."""

    def accept(session: Any, quote_id: UUID) -> service.Quote:
        quote = service.get_quote(session, quote_id=quote_id)
        return service.accept_quote(
            session, quote_id=quote_id, key=f"request/{new_id()}", accepted_by=quote.customer_email
        )

    return _answered(ctx, token, accept)


@endpoint(
    public,
    "POST",
    "/quotes/<string:token>/reject",
    permission=PUBLIC,
    answer=schemas.PublicQuoteOut,
    errors=[404, 409],
)
def reject_quote_as_customer(ctx: Context, *, token: str) -> Any:
    """Decline the quote. Twice is the same."""
    return _answered(ctx, token, lambda session, quote_id: service.reject_quote(session, quote_id=quote_id))


def _answered(ctx: Context, token: str, verb: Callable[[Any, UUID], service.Quote]) -> Any:
    try:
        owner_id, quote_id = service.place_of(ctx.world.settings, token=token)
        with _as_owner(ctx, owner_id) as session:
            answer = _shown(verb(session, quote_id))
    except BusinessError as refusal:
        if _is_for_a_browser():
            return _page("Your quote", f"<p>{escape(refusal.message)}</p>", status=refusal.status)
        raise
    return answer


def _shown(quote: service.Quote) -> Response:
    """Said while the transaction is open: what a quote has is read from it."""
    if _is_for_a_browser():
        return _page(f"Quote {quote.quote_number}", _told(quote))
    return Response(dumps(_QUOTE.dump(quote)), mimetype="application/json")


@contextmanager
def _as_owner(ctx: Context, owner_id: UUID) -> Iterator[Any]:
    """A transaction as whose quote it is: the link names them, and is signed."""
    with ctx.world.database.transaction(owner_id) as session:
        session.info[ACTOR], session.info[ADDRESS] = ctx.actor, ctx.address
        yield session


def _told(quote: service.Quote) -> str:
    """The quote for people to read, with buttons while it may be answered."""
    items = "".join(
        _ITEM.format(
            quantity=item.quantity,
            name=escape(item.name),
            amount=rounded(item.total_amount, quote.currency),
            currency=quote.currency,
        )
        for item in quote.items
    )
    total = f"{rounded(quote.total_amount, quote.currency)} {quote.currency}"
    said = _SAID.get(quote.status) or f"Valid until {quote.valid_until:%Y-%m-%d %H:%M} UTC."
    path = escape(request.path.removesuffix("/accept").removesuffix("/reject"))
    buttons = _BUTTONS.format(path=path) if quote.status == service.QuoteStatus.OPEN else ""
    whom = escape(quote.company_name or quote.customer_name)
    return f"<p>For {whom}</p><table>{items}</table><p>Total: {total}</p><p>{said}</p>{buttons}"


def _is_for_a_browser() -> bool:
    kinds = request.accept_mimetypes
    return kinds.best_match(["application/json", "text/html"]) == "text/html"


def _page(title: str, content: str, *, status: int = 200) -> Response:
    page = Response(_PAGE.format(title=escape(title), content=content), status=status, mimetype="text/html")
    page.headers["Content-Security-Policy"] = _POLICY
    return page
