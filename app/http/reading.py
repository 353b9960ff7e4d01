"""Reading what came with a request: token, query, body; each fault in its own words."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import request
from webargs.multidictproxy import MultiDictProxy

from app.core.errors import Forbidden, Unauthenticated
from app.http.errors import NotJson, TooLarge
from app.http.principal import Principal
from app.http.problems import invalid
from app.http.routes import PUBLIC, Access
from app.http.tokens import Tokens
from app.http.wire import loads

MAX_BODY_BYTES = 1024 * 1024
# a client that is still sending does not read the answer: so much of a refused body is read first
_DRAINED_BYTES = 8 * MAX_BODY_BYTES
_CHUNK_BYTES = 64 * 1024


def caller(tokens: Tokens, needs: str | Access) -> Principal | None:
    """Who calls, None on a public path. Raises Unauthenticated, or Forbidden naming the missing permission."""
    if needs is PUBLIC:
        return None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send an access token: `Authorization: Bearer ...`.")
    principal = tokens.verify(token.strip())
    if isinstance(needs, str) and not principal.may(needs):
        raise Forbidden(f"This needs the permission {needs}.")
    return principal


def query(schema: ma.Schema | None) -> dict[str, Any]:
    """The arguments of the address; without a schema none is known."""
    schema = schema or ma.Schema()
    try:
        loaded: dict[str, Any] = schema.load(MultiDictProxy(request.args, schema))
    except ma.ValidationError as error:
        raise invalid(error) from None
    return loaded


def refuse_large_body() -> None:
    """Raises TooLarge for a body whose announced length is beyond the limit."""
    if (length := request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large(length)


def _too_large(left: int) -> TooLarge:
    """The refusal, once the rest of the body has been read."""
    source, left = request.environ["wsgi.input"], min(left, _DRAINED_BYTES)
    while left > 0 and (chunk := source.read(min(left, _CHUNK_BYTES))):
        left -= len(chunk)
    return TooLarge("The body is larger than 1 MiB.")


def body(schema: ma.Schema | None) -> Any:
    """The body as JSON, loaded by the schema; no body is the same as an empty one. Without a schema no field is known."""
    schema = schema or ma.Schema()
    raw = request.get_data(cache=True)
    if len(raw) > MAX_BODY_BYTES:
        # came in chunks, without a length to go by
        raise _too_large(_DRAINED_BYTES)
    if not raw:
        document: Any = [] if schema.many else {}
    elif request.is_json:
        document = loads(raw)
    else:
        raise NotJson("Send JSON: `Content-Type: application/json`.")
    try:
        return schema.load(document)
    except ma.ValidationError as error:
        raise invalid(error) from None
