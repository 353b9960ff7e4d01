"""What a view is given: the principal, the checked input, and a transaction that begins when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from app.core.audit import ACTOR, ADDRESS
from app.core.errors import PreconditionFailed, Unauthenticated
from app.core.ids import OPERATOR_ID
from app.core.world import World
from app.http.edge import Edge
from app.http.idempotency import PUBLIC_PRINCIPAL
from app.http.principal import Principal
from app.http.tokens import Tokens

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


class Context:
    """One request. `body` and `query` are validated; `headers` are added to the answer."""

    def __init__(
        self, *, edge: Edge, caller: Principal | None, stack: ExitStack, body: Any, query: dict[str, Any]
    ) -> None:
        self._edge = edge
        self._caller = caller
        self._stack = stack
        self._session: Session | None = None
        self._matched = False
        self.world: World = edge.world
        self.tokens: Tokens = edge.tokens
        self.body = body
        self.query = query
        self.headers: dict[str, str] = {}
        self.late_answer: Callable[[], Any] | None = None

    @property
    def session(self) -> Session:
        """The request's transaction: as the principal's owner, or as the operator on public paths.

        Commits when the view has returned and its answer is serialised, before the answer leaves.
        """
        if self._session is None:
            owner_id = self._caller.owner_id if self._caller else OPERATOR_ID
            self._session = self._stack.enter_context(self.world.database.transaction(owner_id))
            self._session.info[ACTOR] = self.actor
            self._session.info[ADDRESS] = self.address
        return self._session

    @property
    def principal(self) -> Principal:
        """Who is signed in. Raises Unauthenticated on a public path without a token."""
        if self._caller is None:
            raise Unauthenticated("Sign in first.")
        return self._caller

    @property
    def actor(self) -> str:
        """The signed-in user's id, else `public`."""
        return str(self._caller.user_id) if self._caller else PUBLIC_PRINCIPAL

    @property
    def address(self) -> str:
        """The caller's address, as the trusted proxies tell it."""
        return request.remote_addr or "unknown"

    @property
    def by_short_path(self) -> bool:
        """Whether the call came by a path without /api/v1."""
        return not request.path.startswith("/api/")

    def etag(self, version: int | str) -> None:
        """Say which version this is; on a change, the first call is with the version found.

        Raises PreconditionFailed when If-Match names another.
        """
        tag = f'"{version}"'
        if not self._matched and request.method in UNSAFE and "If-Match" in request.headers:
            self._matched = True
            if request.if_match.star_tag is False and not request.if_match.contains_raw(tag):
                raise PreconditionFailed("It was changed since you read it.")
        self.headers["ETag"] = tag

    def throttle_login(self, account: str) -> None:
        """Count an attempt to log in to this account. Raises TooManyRequests beyond the limit."""
        self._edge.limits.login(account=account, address=self.address)

    def answer_later(self, wait: Callable[[], Any]) -> None:
        """Once the transaction has committed, call `wait` (it holds no connection) and answer 200 with what it returns.

        None: the view's own answer stands. It is the view's own answer that a repeated Idempotency-Key gets.
        """
        self.late_answer = wait
