"""Teams: who belongs to them, and by which channels they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.adapters.chat.errors import BadAddress
from app.adapters.chat.port import Chat
from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault, NotFound
from app.core.ids import new_id
from app.core.ports import port
from app.core.secrets import Vault
from app.domains.notifications import queries
from app.domains.notifications.errors import BadTeam, TeamCodeTaken, TeamNeeded, TeamNotFound, UnknownTeam
from app.domains.notifications.models import Team, TeamChannel, TeamMember
from app.domains.notifications.rules import MAX_CHANNELS, MAX_MEMBERS, SHIPPED_TEAMS
from app.domains.tenants import service as tenants


def seed(session: Session) -> None:
    """Make the teams that the product's workflows tell; those that exist stay as they are."""
    for code, name in SHIPPED_TEAMS.items():
        session.execute(
            insert(Team)
            .values(id=new_id(), owner_id=session.info[OWNER], code=code, name=name)
            .on_conflict_do_nothing(index_elements=["owner_id", "code"])
        )


def addressed(session: Session, code: str) -> Team:
    """The team that a workflow means; a shipped one is made when the owner has none yet. Raises UnknownTeam."""
    team = queries.team_by_code(session, code)
    if team is None and code in SHIPPED_TEAMS:
        seed(session)
        team = queries.team_by_code(session, code)
    if team is None:
        message = f"There is no team {code!r}."
        raise UnknownTeam(message)
    return team


def all_teams() -> Select[Team]:
    """The owner's teams, to be paged."""
    return queries.teams()


def get_team(session: Session, *, team_id: UUID, locked: bool = False) -> Team:
    """One team. Raises TeamNotFound."""
    if team := queries.team(session, team_id, locked=locked):
        return team
    message = "There is no such team."
    raise TeamNotFound(message)


def create_team(
    session: Session, *, code: str, name: str, members: Sequence[UUID] = (), channels: Sequence[str] = ()
) -> Team:
    """Make a team of users of the session's owner. `channels`: Apprise URLs, sealed at once and never shown again.

    Raises BadTeam, which names each member and channel that cannot be used, and TeamCodeTaken.
    """
    services = _checked(session, members, channels)
    team = Team(id=new_id(), code=code, name=name)
    team.members = [TeamMember(user_id=user_id) for user_id in sorted(set(members))]
    team.channels = _sealed(session, channels, services)
    try:
        with session.begin_nested():
            session.add(team)
    except IntegrityError as error:
        message = f"There is a team {code!r} already."
        raise TeamCodeTaken(message, faults=[Fault("/code", message)]) from error
    audit.record(session, "team.created", _subject(team), after=_picture(team))
    return team


def update_team(
    session: Session,
    *,
    team_id: UUID,
    name: str,
    members: Sequence[UUID] = (),
    channels: Sequence[str] | None = None,
) -> Team:
    """Change name and members; channels only where they are given, and then all of them. Raises TeamNotFound, BadTeam."""
    team = get_team(session, team_id=team_id, locked=True)
    before = _picture(team)
    services = _checked(session, members, channels or ())
    wanted = set(members)
    team.members = [each for each in team.members if each.user_id in wanted] + [
        TeamMember(user_id=user_id) for user_id in sorted(wanted - {each.user_id for each in team.members})
    ]
    if channels is not None:
        _destroy_channels(session, team)
        team.channels = _sealed(session, channels, services)
    session.flush()
    # also when nothing but its members changed, the team has another version
    session.execute(update(Team).where(Team.id == team.id).values(name=name))
    session.refresh(team)
    audit.record(session, "team.updated", _subject(team), before=before, after=_picture(team))
    return team


def delete_team(session: Session, *, team_id: UUID) -> None:
    """Delete a team with its channels; what it was told stays with its members. Raises TeamNotFound, TeamNeeded."""
    team = get_team(session, team_id=team_id, locked=True)
    if team.code in SHIPPED_TEAMS:
        message = f"Workflows of the product tell the team {team.code!r}: take its members out instead."
        raise TeamNeeded(message)
    _destroy_channels(session, team)
    audit.record(session, "team.deleted", _subject(team), before=_picture(team))
    session.delete(team)
    session.flush()


def _checked(session: Session, members: Sequence[UUID], channels: Sequence[str]) -> list[str]:
    """The services of the channels. Raises BadTeam with every fault found; a channel's address is not repeated."""
    faults = [
        Fault(f"/members/{position}", "There is no such user.")
        for position, user_id in enumerate(members)
        if not _is_user(session, user_id)
    ]
    chat = port(session, Chat)  # type: ignore[type-abstract]
    services = []
    for position, address in enumerate(channels):
        try:
            services.append(chat.service_of(address))
        except BadAddress as error:
            faults.append(Fault(f"/channels/{position}", str(error)))
    if len(members) > MAX_MEMBERS:
        faults.append(Fault("/members", f"A team has at most {MAX_MEMBERS} members."))
    if len(channels) > MAX_CHANNELS:
        faults.append(Fault("/channels", f"A team has at most {MAX_CHANNELS} channels."))
    if faults:
        message = "The team cannot be like that."
        raise BadTeam(message, faults=faults)
    return services


def _is_user(session: Session, user_id: UUID) -> bool:
    try:
        tenants.get_user(session, user_id=user_id)
    except NotFound:
        return False
    return True


def _sealed(session: Session, channels: Sequence[str], services: Sequence[str]) -> list[TeamChannel]:
    vault = port(session, Vault)
    return [
        TeamChannel(service=service, secret=vault.seal(session, f"channel of a team: {service}", address))
        for address, service in zip(channels, services, strict=True)
    ]


def _destroy_channels(session: Session, team: Team) -> None:
    vault = port(session, Vault)
    for channel in team.channels:
        vault.destroy(session, channel.secret)


def _picture(team: Team) -> dict[str, Any]:
    return {
        "code": team.code,
        "name": team.name,
        "members": [str(each.user_id) for each in team.members],
        "channels": [each.service for each in team.channels],
    }


def _subject(team: Team) -> str:
    return f"team/{team.id}"
