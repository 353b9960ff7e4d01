"""Links by which a customer answers a quote: signed, so that nobody makes one; good as long as the quote can be answered."""

from __future__ import annotations

from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

PATH = "/api/public/quotes/"
_SALT = "quote-link"


def signed(*, owner_id: UUID, quote_id: UUID, secret_key: str) -> str:
    """What opens the quote. Whoever has it may accept or reject the quote, so it goes to the customer alone."""
    return str(URLSafeSerializer(secret_key, salt=_SALT).dumps([owner_id.hex, quote_id.hex]))


def read(token: str, *, secret_key: str) -> tuple[UUID, UUID] | None:
    """Owner and id of the quote that it opens; None for what was not signed here."""
    try:
        owner, quote = URLSafeSerializer(secret_key, salt=_SALT).loads(token)
        return UUID(owner), UUID(quote)
    except (BadData, ValueError, TypeError, AttributeError):
        return None
