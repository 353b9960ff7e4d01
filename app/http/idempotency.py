"""The same request twice has one effect and one answer, for a day, where the caller sends an `Idempotency-Key`.

The key's row is written in the transaction of the effect, so there is never one without the other. "In flight" is a
transaction-level advisory lock, which nothing has to clean up. Only successful answers are kept: what failed may be tried
again under the same key. Answers are kept as sent, so whatever hands out a secret is not for this; of the body there is
only an HMAC, from which nobody can try out what was in it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Conflict, Invalid
from app.http.errors import BadRequest
from app.http.models import IdempotencyKey
from app.http.wire import canonical

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
PUBLIC_PRINCIPAL = "public"

_KEY = re.compile(r"^[\x21-\x7e]{1,255}$")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it leaves: JSON text and the headers that a view added."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that may be a repeat. `route` is the method and path, the short path written as the long one."""

    principal: str
    route: str
    key: str
    body_hash: str

    @classmethod
    def of(cls, *, principal: str, route: str, key: str, body: Any, secret: str) -> Claim:
        """`secret`: the installation's; under another one a repeat counts as another body.

        Raises BadRequest for a key that is too long or not of visible ASCII characters.
        """
        if not _KEY.match(key):
            raise BadRequest(f"{HEADER} must be 1 to 255 visible ASCII characters.")
        own_key = hashlib.sha256(b"idempotency:" + secret.encode()).digest()
        return cls(principal, route, key, hmac.new(own_key, canonical(body), hashlib.sha256).hexdigest())

    def _number(self, session: Session) -> int:
        parts = (str(session.info[OWNER]), self.principal, self.route, self.key)
        digest = hashlib.sha256("\n".join(parts).encode()).digest()
        return int.from_bytes(digest[:8], signed=True)

    def earlier_answer(self, session: Session) -> Answer | None:
        """The answer to the same request, if it was made before; holds the key until the transaction ends.

        Raises Conflict while the first request is still being answered, Invalid when the key came with another body.
        """
        if not session.scalar(select(func.pg_try_advisory_xact_lock(self._number(session)))):
            raise Conflict(f"A request with this {HEADER} is being answered right now.")
        row = session.scalars(
            select(IdempotencyKey).where(
                IdempotencyKey.principal == self.principal,
                IdempotencyKey.route == self.route,
                IdempotencyKey.key == self.key,
            )
        ).one_or_none()
        if row is None:
            return None
        if row.created_at <= now(session) - KEPT:
            session.delete(row)
            session.flush()
            return None
        if row.body_hash != self.body_hash:
            raise Invalid(f"This {HEADER} was used with another body.")
        return Answer(row.status, dict(row.headers), row.answer)

    def keep(self, session: Session, answer: Answer) -> None:
        """Keep a successful answer with the effect."""
        session.add(
            IdempotencyKey(
                principal=self.principal,
                route=self.route,
                key=self.key,
                body_hash=self.body_hash,
                status=answer.status,
                headers=answer.headers,
                answer=answer.body,
                created_at=now(session),
            )
        )


def purge(session: Session) -> int:
    """Forget keys older than a day (beat, across owners); returns how many."""
    result = session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at <= now(session) - KEPT))
    return int(result.rowcount)  # type: ignore[attr-defined]
