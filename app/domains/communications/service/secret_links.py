"""Links that show a sealed secret once: of the token only the hash is kept, of the secret only the Vault's reference.

Links are opened by people without an account, so those verbs run across owners and go by the token alone.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.core.ports import port
from app.core.secrets import Vault, generate
from app.core.settings import Settings
from app.domains.communications import queries
from app.domains.communications.errors import SecretGone
from app.domains.communications.models import SecretLink
from app.domains.communications.rules.secret_links import PATH, check_secret_link

LINK_LIFE = timedelta(days=7)
TOKEN_BYTES = 32

_GONE = "This link does not exist, has been used, or has expired."


def make_secret_link(
    session: Session,
    *,
    secret: str,
    recipient: str | None = None,
    expires_in: timedelta = LINK_LIFE,
    views: int = 1,
    takes_over: bool = False,
) -> str:
    """A link that shows the secret of a Vault's reference `views` times until it expires; returns its address.

    The address is nowhere else: hand it on, do not store it. `takes_over`: the secret was sealed for this link and is
    destroyed with it; otherwise it stays with whoever sealed it. Raises NotFound for a secret that the session's owner does
    not have, BadSecretLink.
    """
    token = new_token()
    keep_link(
        session,
        token=token,
        secret=secret,
        recipient=recipient,
        expires_in=expires_in,
        views=views,
        takes_over=takes_over,
    )
    return secret_url(port(session, Settings), token)


def new_token() -> str:
    """What nobody guesses."""
    return generate(TOKEN_BYTES)


def secret_url(settings: Settings, token: str) -> str:
    """The address of a link as customers reach it."""
    return f"{settings.public_url.rstrip('/')}{PATH}{token}"


def keep_link(
    session: Session,
    *,
    token: str,
    secret: str,
    recipient: str | None = None,
    expires_in: timedelta = LINK_LIFE,
    views: int = 1,
    takes_over: bool = False,
    message_id: UUID | None = None,
) -> None:
    """Make the link of a token good. Raises as `make_secret_link` does."""
    check_secret_link(life=expires_in, views=views)
    port(session, Vault).open(session, secret)  # refuses what is not the owner's own
    link = SecretLink(
        token_hash=_hashed(token),
        secret=secret,
        takes_over=takes_over,
        recipient=recipient,
        message_id=message_id,
        views_left=views,
        expires_at=now(session) + expires_in,
    )
    session.add(link)
    session.flush()
    audit.record(
        session,
        "secret_link.created",
        _subject(link),
        after={"recipient": recipient, "views": views, "expires_at": link.expires_at.isoformat()},
    )


def find_secret_link(session: Session, *, token: str) -> datetime:
    """Across owners: until when the link of that token can be opened. Raises SecretGone."""
    link = queries.waiting_link(session, token_hash=_hashed(token), at=now(session))
    if link is None:
        raise SecretGone(_GONE)
    return link.expires_at


def reveal_secret(session: Session, *, token: str) -> str:
    """Across owners: the secret; the link has one view less, and is gone with the last one. Raises SecretGone.

    Of two callers at once the second waits for the first and finds what it left.
    """
    at = now(session)
    link = queries.waiting_link(session, token_hash=_hashed(token), at=at, locked=True)
    if link is None:
        raise SecretGone(_GONE)
    value = port(session, Vault).open(session, link.secret)
    left = link.views_left - 1
    audit.record(session, "secret_link.opened", _subject(link), after={"views_left": left}, owner_id=link.owner_id)
    data = {"secret_link_id": str(link.id), "message_id": str(link.message_id) if link.message_id else None}
    emit(session, "secret_link.opened", _subject(link), data, owner_id=link.owner_id)
    if left:
        link.views_left = left
    else:
        _remove(session, link)
    return value


def revoke_links(session: Session, *, message_id: UUID) -> None:
    """Take back the links that a message carries."""
    for link in queries.links_of_message(session, message_id):
        _remove(session, link)


def expire_secret_links(session: Session, *, limit: int) -> int:
    """Across owners: remove links whose time has passed, with the secrets that are theirs; returns how many."""
    expired = queries.expired_links(session, at=now(session), limit=limit)
    for link in expired:
        _remove(session, link)
    return len(expired)


def _remove(session: Session, link: SecretLink) -> None:
    if link.takes_over:
        port(session, Vault).destroy(session, link.secret)
    session.delete(link)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _subject(link: SecretLink) -> str:
    return f"secret_link/{link.id}"
