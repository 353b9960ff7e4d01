"""What may be wrong with a mail that is to be queued."""

from __future__ import annotations

from app.core.errors import Invalid, NotFound


class TemplateNotFound(NotFound):
    """There is no message template of that name."""


class TemplateFault(Invalid):
    """The template cannot be rendered with these variables."""


class BadRecipient(Invalid):
    """The recipient is no e-mail address."""
