"""Message templates and messages over HTTP, and the public page of a secret link."""

from __future__ import annotations

from app.domains.communications.routes.messages import messages
from app.domains.communications.routes.secret_links import secret_links
from app.domains.communications.routes.templates import templates
from app.http.endpoint import Blueprint


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [templates, messages, secret_links]
