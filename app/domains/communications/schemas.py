"""What the communications room's routes take and answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.adapters.delivery.outgoing import STATUSES
from app.domains.communications.rules.secret_links import without_tokens
from app.domains.communications.rules.wordings import CHANNELS, MAIL
from app.http.endpoint import PageQuery
from app.http.fields import Time

MAX_SUBJECT = 500
MAX_TEXT = 100_000

_name = ma.validate.Regexp(r"^[a-z0-9][a-z0-9_]{0,62}\Z", error="Lower-case letters, digits and _, at most 63.")
_locale = ma.validate.Regexp(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="A language tag such as en or de-AT.")
_channel = ma.validate.OneOf(CHANNELS)


class MessageTemplateChange(ma.Schema):
    """What a template says from now on, in Jinja2. An sms has a text only."""

    subject = ma.fields.String(load_default="", validate=ma.validate.Length(max=MAX_SUBJECT))
    text = ma.fields.String(required=True, validate=ma.validate.Length(1, MAX_TEXT))
    html = ma.fields.String(load_default="", validate=ma.validate.Length(max=MAX_TEXT))


class MessageTemplateIn(MessageTemplateChange):
    """A new template, or a known one in another language."""

    name = ma.fields.String(required=True, validate=_name)
    locale = ma.fields.String(load_default="en", validate=_locale)
    channel = ma.fields.String(load_default=MAIL, validate=_channel)


class Variables(ma.Schema):
    """The variables that a template speaks of."""

    required = ma.fields.List(ma.fields.String())
    optional = ma.fields.List(ma.fields.String())


class MessageTemplateOut(ma.Schema):
    """The wording of a template in one language."""

    id = ma.fields.UUID()
    name = ma.fields.String()
    locale = ma.fields.String()
    channel = ma.fields.String()
    subject = ma.fields.String()
    text = ma.fields.String()
    html = ma.fields.String()
    created_at = Time()
    updated_at = Time()


class MessageTemplateDetail(MessageTemplateOut):
    """A wording with the variables that it speaks of."""

    variables = ma.fields.Nested(Variables)


class MessageTemplateFilter(PageQuery):
    """Which templates."""

    name = ma.fields.String(validate=_name)
    locale = ma.fields.String(validate=_locale)
    channel = ma.fields.String(validate=_channel)


class PreviewIn(ma.Schema):
    """What to fill in."""

    variables = ma.fields.Dict(keys=ma.fields.String(), load_default=dict)


class PreviewOut(ma.Schema):
    """What a message would read like."""

    subject = ma.fields.String()
    text = ma.fields.String()
    html = ma.fields.String()


class MessageFilter(PageQuery):
    """Which messages."""

    status = ma.fields.String(validate=ma.validate.OneOf(STATUSES))
    recipient = ma.fields.String(validate=ma.validate.Length(1, 320))
    template = ma.fields.String(validate=_name)
    channel = ma.fields.String(validate=_channel)


class MessageOut(ma.Schema):
    """A message, without what it says. `next_attempt_at`: of one that is queued."""

    id = ma.fields.UUID()
    channel = ma.fields.String()
    template = ma.fields.String()
    locale = ma.fields.String()
    recipient = ma.fields.String()
    subject = ma.fields.String()
    status = ma.fields.String()
    attempts = ma.fields.Integer()
    next_attempt_at = Time()
    sent_at = Time(allow_none=True)
    error = ma.fields.String(allow_none=True)
    created_at = Time()


class Said(ma.fields.String):
    """What a message says, with links to secrets that open nothing: they are the recipient's alone."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        said = super()._serialize(value, attr, obj, **kwargs)
        return None if said is None else without_tokens(said)


class MessageDetail(MessageOut):
    """A message and what it says."""

    text = Said()
    html = Said()


class SecretLinkOut(ma.Schema):
    """That there is something behind the link, and until when."""

    is_waiting = ma.fields.Boolean()
    expires_at = Time()


class RevealedOut(ma.Schema):
    """What was behind the link."""

    secret = ma.fields.String()
