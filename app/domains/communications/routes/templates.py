"""Message templates: read, added in further languages, edited, tried out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.domains.communications import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

templates = Blueprint("message-templates", __name__, description="The wordings of mails and text messages")


@endpoint(
    templates,
    "GET",
    "/message-templates",
    permission="message_template.read",
    query=schemas.MessageTemplateFilter,
    answer=schemas.MessageTemplateOut,
    paged=True,
)
def list_message_templates(ctx: Context) -> Any:
    """The wordings, newest first."""
    filters = {name: ctx.query.get(name) for name in ("name", "locale", "channel")}
    return page(ctx, service.all_templates(**filters))


@endpoint(
    templates,
    "GET",
    "/message-templates/<uuid:message_template_id>",
    permission="message_template.read",
    answer=schemas.MessageTemplateDetail,
)
def show_message_template(ctx: Context, *, message_template_id: UUID) -> Any:
    """One wording, with the variables that it speaks of."""
    template = service.get_template(ctx.session, template_id=message_template_id)
    ctx.etag(_version(template.updated_at))
    return _detail(template)


@endpoint(
    templates,
    "POST",
    "/message-templates",
    permission="message_template.update",
    body=schemas.MessageTemplateIn,
    answer=schemas.MessageTemplateDetail,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_message_template(ctx: Context) -> Any:
    """Add a template, or a known one in another language."""
    return _detail(service.create_template(ctx.session, **ctx.body))


@endpoint(
    templates,
    "PUT",
    "/message-templates/<uuid:message_template_id>",
    permission="message_template.update",
    body=schemas.MessageTemplateChange,
    answer=schemas.MessageTemplateDetail,
    errors=[412],
)
def update_message_template(ctx: Context, *, message_template_id: UUID) -> Any:
    """Say it in other words; messages that were made keep theirs."""
    before = service.get_template(ctx.session, template_id=message_template_id, locked=True)
    ctx.etag(_version(before.updated_at))
    template = service.update_template(ctx.session, template_id=message_template_id, **ctx.body)
    ctx.etag(_version(template.updated_at))
    return _detail(template)


@endpoint(
    templates,
    "POST",
    "/message-templates/<uuid:message_template_id>/preview",
    permission="message_template.read",
    body=schemas.PreviewIn,
    answer=schemas.PreviewOut,
)
def preview_message_template(ctx: Context, *, message_template_id: UUID) -> Any:
    """What a message would read like with these variables; nothing is sent."""
    return service.preview(ctx.session, template_id=message_template_id, variables=ctx.body["variables"])


def _detail(template: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = {name: getattr(template, name) for name in schemas.MessageTemplateOut().fields}
    return dumped | {"variables": service.variables_of_template(template)}


def _version(updated_at: datetime) -> int:
    """The version that a time of change stands for: its microseconds."""
    return int(updated_at.timestamp() * 1_000_000)
