"""Keyset pages: newest first over (created_at, id), next by a signed cursor that holds for the same list only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import request
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.core.lists import newest
from app.http.context import Context
from app.http.errors import BadRequest
from app.http.wire import canonical

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_PLACE = ("limit", "cursor")


class PageQuery(ma.Schema):
    """Which page of a list; lists' own query schemas inherit from it."""

    limit = ma.fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=ma.validate.Range(1, MAX_LIMIT),
        metadata={"description": "how many at most"},
    )
    cursor = ma.fields.String(metadata={"description": "where to go on: X-Next-Cursor of the page before"})


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursor to go on with; None: these were the last."""

    items: Sequence[Any]
    next_cursor: str | None

    def headers(self) -> dict[str, str]:
        """X-Next-Cursor and Link."""
        if self.next_cursor is None:
            return {}
        arguments = [(k, v) for k, v in request.args.items(multi=True) if k != "cursor"]
        address = f"{request.base_url}?{urlencode([*arguments, ('cursor', self.next_cursor)])}"
        return {"X-Next-Cursor": self.next_cursor, "Link": f'<{address}>; rel="next"'}


def page(
    ctx: Context,
    statement: Select[Any],
    *,
    by: tuple[InstrumentedAttribute[Any], InstrumentedAttribute[Any]] | None = None,
) -> Page:
    """One page of a select of one model, as `limit` and `cursor` of the query say.

    `by`: the columns to go by, newest first; default the model's created_at and id. Raises BadRequest for a cursor that was
    tampered with or belongs to other filters.
    """
    entity = statement.column_descriptions[0]["entity"]
    at, key = by or (entity.created_at, entity.id)
    limit = ctx.query.get("limit", DEFAULT_LIMIT)
    signer = URLSafeSerializer(ctx.world.settings.secret_key, salt="page-cursor")
    filters = _filters(ctx)
    if cursor := ctx.query.get("cursor"):
        statement = statement.where(tuple_(at, key) < tuple_(*_read(signer, cursor, filters, key)))
    rows = newest(ctx.session, statement, limit=limit + 1, by=(at, key))
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    place = [getattr(last, at.key).isoformat(), str(getattr(last, key.key)), filters]
    return Page(rows[:limit], str(signer.dumps(place)))


def _read(
    signer: URLSafeSerializer, cursor: str, filters: str, key: InstrumentedAttribute[Any]
) -> tuple[datetime, Any]:
    try:
        at, identity, bound_to = signer.loads(cursor)
        place = datetime.fromisoformat(at), key.type.python_type(identity)
    except (BadData, ValueError, TypeError):
        bound_to, place = None, None
    if place is None or bound_to != filters:
        raise BadRequest("The cursor is not valid for this list.")
    return place


def _filters(ctx: Context) -> str:
    """The list that a cursor is good for: whose, which path, which filters."""
    about = {"actor": ctx.actor, "view": request.endpoint, "arguments": request.view_args}
    about |= {"query": {name: value for name, value in ctx.query.items() if name not in _PLACE}}
    return hashlib.sha256(canonical(about)).hexdigest()[:32]
