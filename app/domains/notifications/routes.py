"""Teams, and what the signed-in user was told."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.domains.notifications import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

teams = Blueprint("teams", __name__, description="Who is told together, and by which channels")
notifications = Blueprint("notifications", __name__, description="What the signed-in user was told")


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [teams, notifications]


@endpoint(teams, "GET", "/teams", permission="team.read", answer=schemas.TeamOut, paged=True)
def list_teams(ctx: Context) -> Any:
    """All teams, newest first."""
    return page(ctx, service.all_teams())


@endpoint(teams, "GET", "/teams/<uuid:team_id>", permission="team.read", answer=schemas.TeamOut)
def show_team(ctx: Context, *, team_id: UUID) -> Any:
    """One team. Of its channels only their services are shown."""
    team = service.get_team(ctx.session, team_id=team_id)
    ctx.etag(_version(team.updated_at))
    return team


@endpoint(
    teams,
    "POST",
    "/teams",
    permission="team.update",
    body=schemas.TeamIn,
    answer=schemas.TeamOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_team(ctx: Context) -> Any:
    """Make a team; its channels are sealed and never shown again."""
    return service.create_team(ctx.session, **ctx.body)


@endpoint(
    teams,
    "PUT",
    "/teams/<uuid:team_id>",
    permission="team.update",
    body=schemas.TeamChange,
    answer=schemas.TeamOut,
    errors=[412],
)
def update_team(ctx: Context, *, team_id: UUID) -> Any:
    """Change a team; channels that are given take the place of all that it had."""
    before = service.get_team(ctx.session, team_id=team_id, locked=True)
    ctx.etag(_version(before.updated_at))
    team = service.update_team(ctx.session, team_id=team_id, **ctx.body)
    ctx.etag(_version(team.updated_at))
    return team


@endpoint(teams, "DELETE", "/teams/<uuid:team_id>", permission="team.update", status=204, errors=[409, 412])
def delete_team(ctx: Context, *, team_id: UUID) -> None:
    """Delete a team that no workflow of the product tells."""
    ctx.etag(_version(service.get_team(ctx.session, team_id=team_id, locked=True).updated_at))
    service.delete_team(ctx.session, team_id=team_id)


@endpoint(
    notifications,
    "GET",
    "/notifications",
    permission=None,
    authenticated=True,
    query=schemas.ToldFilter,
    answer=schemas.ToldOut,
    paged=True,
)
def list_notifications(ctx: Context) -> Any:
    """What the signed-in user was told, newest first."""
    return page(ctx, service.told(user_id=ctx.principal.user_id, unread=ctx.query["unread"]))


@endpoint(
    notifications,
    "POST",
    "/notifications/read",
    permission=None,
    authenticated=True,
    answer=schemas.ReadOut,
    idempotent=True,
)
def read_all_notifications(ctx: Context) -> Any:
    """Mark everything as read."""
    return {"read": service.mark_all_read(ctx.session, user_id=ctx.principal.user_id)}


@endpoint(
    notifications,
    "POST",
    "/notifications/<uuid:notification_id>/read",
    permission=None,
    authenticated=True,
    answer=schemas.ToldOut,
    idempotent=True,
)
def read_notification(ctx: Context, *, notification_id: UUID) -> Any:
    """Mark one as read; the first time counts."""
    return service.mark_read(ctx.session, user_id=ctx.principal.user_id, recipient_id=notification_id)


def _version(updated_at: datetime) -> int:
    """The version that a time of change stands for: its microseconds."""
    return int(updated_at.timestamp() * 1_000_000)
