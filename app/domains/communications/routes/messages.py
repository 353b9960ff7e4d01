"""Messages: what was sent to whom, and what became of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.communications import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

messages = Blueprint("messages", __name__, description="Mails and text messages to customers")


@endpoint(
    messages,
    "GET",
    "/messages",
    permission="message.read",
    query=schemas.MessageFilter,
    answer=schemas.MessageOut,
    paged=True,
)
def list_messages(ctx: Context) -> Any:
    """Messages, newest first, without what they say."""
    filters = {name: ctx.query.get(name) for name in ("status", "recipient", "template", "channel")}
    return page(ctx, service.all_messages(**filters))


@endpoint(
    messages,
    "GET",
    "/messages/<uuid:message_id>",
    permission="message.read",
    answer=schemas.MessageDetail,
)
def show_message(ctx: Context, *, message_id: UUID) -> Any:
    """One message and what it says."""
    return service.get_message(ctx.session, message_id=message_id)
