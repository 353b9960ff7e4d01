"""What a request is called by what it sets going, so that it is found again when the request is repeated."""

from __future__ import annotations

from flask import request

from app.core.ids import new_id
from app.http.endpoint import Context
from app.http.idempotency import HEADER


def asked_by(ctx: Context) -> str:
    """The same for a repeat under one Idempotency-Key, also where the first answer got lost before it was kept."""
    key = request.headers.get(HEADER)
    return f"request/{ctx.actor}/{request.path}/{key}" if key else f"request/{new_id()}"
