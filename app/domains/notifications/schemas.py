"""What the notifications room's routes take and answer."""

from __future__ import annotations

import marshmallow as ma

from app.domains.notifications.rules import MAX_CHANNELS, MAX_MEMBERS
from app.http.endpoint import PageQuery
from app.http.fields import Time

MAX_ADDRESS = 2000

_code = ma.validate.Regexp(r"^[a-z0-9][a-z0-9_]{0,62}\Z", error="Lower-case letters, digits and _, at most 63.")
_name = ma.validate.Length(1, 200)
_address = ma.fields.String(validate=ma.validate.Length(1, MAX_ADDRESS))


class TeamChange(ma.Schema):
    """What a team is from now on. `channels`: Apprise URLs, which are never shown again; left out: they stay as they are."""

    name = ma.fields.String(required=True, validate=_name)
    members = ma.fields.List(ma.fields.UUID(), load_default=list, validate=ma.validate.Length(max=MAX_MEMBERS))
    channels = ma.fields.List(_address, load_only=True, validate=ma.validate.Length(max=MAX_CHANNELS))


class TeamIn(TeamChange):
    """A new team."""

    code = ma.fields.String(required=True, validate=_code)


class TeamChannelOut(ma.Schema):
    """A channel, as far as it is shown."""

    id = ma.fields.UUID()
    service = ma.fields.String()
    created_at = Time()


class TeamMemberOut(ma.Schema):
    """A member of a team."""

    user_id = ma.fields.UUID()


class TeamOut(ma.Schema):
    """A team."""

    id = ma.fields.UUID()
    code = ma.fields.String()
    name = ma.fields.String()
    members = ma.fields.Pluck(TeamMemberOut, "user_id", many=True)
    channels = ma.fields.Nested(TeamChannelOut, many=True)
    created_at = Time()
    updated_at = Time()


class ToldFilter(PageQuery):
    """Which notifications."""

    unread = ma.fields.Boolean(load_default=False)


class ToldOut(ma.Schema):
    """Something that the signed-in user was told."""

    id = ma.fields.UUID()
    team = ma.fields.String(attribute="notification.team")
    severity = ma.fields.String(attribute="notification.severity")
    title = ma.fields.String(attribute="notification.title")
    message = ma.fields.String(attribute="notification.message")
    link = ma.fields.String(attribute="notification.link", allow_none=True)
    read_at = Time(allow_none=True)
    created_at = Time()


class ReadOut(ma.Schema):
    """How many notifications were new."""

    read = ma.fields.Integer()
