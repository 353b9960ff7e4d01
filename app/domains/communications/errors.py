"""What may be wrong with messages, their templates, and secret links.

NotFound
├── TemplateNotFound    there is no message template of that name or id
├── MessageNotFound     there is no such message
└── SecretGone          the link never was, has been used, or has expired
Invalid
├── TemplateFault       the template cannot be rendered with these variables, or at all
├── BadRecipient        the recipient is no address of that channel
└── BadSecretLink       lifetime or views are beyond what a link may have
Conflict
└── TemplateExists      there is a wording of that template in that language already
"""

from __future__ import annotations

from app.core.errors import Conflict, Invalid, NotFound


class TemplateNotFound(NotFound):
    """There is no message template of that name or id."""

    code = "message-template-not-found"


class MessageNotFound(NotFound):
    """There is no such message."""

    code = "message-not-found"


class SecretGone(NotFound):
    """The link never was, has been used, or has expired; which of them is not told."""

    code = "secret-gone"


class TemplateFault(Invalid):
    """The template cannot be rendered with these variables, or at all."""

    code = "message-template-fault"


class BadRecipient(Invalid):
    """The recipient is no address of that channel."""

    code = "bad-recipient"


class BadSecretLink(Invalid):
    """Lifetime or views are beyond what a link may have."""

    code = "bad-secret-link"


class TemplateExists(Conflict):
    """There is a wording of that template in that language already."""

    code = "message-template-exists"
