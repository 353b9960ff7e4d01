"""The engine's switch: off, nothing new starts, of one tenant or of the whole installation; what runs is let end.

What is asked to start meanwhile is kept as pending executions, and begins when the switch is turned back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.ids import OPERATOR_ID
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.models import EngineSwitch


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Who switched off what: `scope` is `tenant`, `installation`, or `configuration` (WORKFLOW_ENGINE_ENABLED=false)."""

    scope: str
    reason: str | None = None
    switched_by: str | None = None
    at: datetime | None = None


def switch_off(
    session: Session, *, reason: str | None = None, by: str | None = None, installation: bool = False
) -> None:
    """Start nothing new for the session's owner; `installation`: for nobody, in a session across owners. Twice is as once."""
    owner_id = _owner(session, installation=installation)
    switch = _found(session, owner_id) or EngineSwitch()
    switch.owner_id, switch.reason, switch.switched_by, switch.at = owner_id, reason, by, now(session)
    session.add(switch)
    audit.record(session, "engine.off", _object(owner_id), reason=reason, owner_id=owner_id or OPERATOR_ID)


def switch_on(session: Session, *, reason: str | None = None, installation: bool = False) -> None:
    """Start again, also what was asked for meanwhile (the sweeper begins it)."""
    owner_id = _owner(session, installation=installation)
    found = _found(session, owner_id)
    if found is not None:
        session.execute(delete(EngineSwitch).where(EngineSwitch.id == found.id))
        audit.record(session, "engine.on", _object(owner_id), reason=reason, owner_id=owner_id or OPERATOR_ID)


def switch_state(session: Session) -> list[SwitchedOff]:
    """All that keeps the session's owner's workflows from starting; empty when the engine is on."""
    owner_id = session.info[OWNER]
    found = [
        SwitchedOff("tenant" if switch.owner_id else "installation", switch.reason, switch.switched_by, switch.at)
        for switch in session.scalars(select(EngineSwitch).order_by(EngineSwitch.owner_id.is_(None)))
        if switch.owner_id is None or switch.owner_id == owner_id
    ]
    if not port(session, Settings).workflow_engine_enabled:
        found.append(SwitchedOff("configuration"))
    return found


def _owner(session: Session, *, installation: bool) -> UUID | None:
    if installation:
        return None
    owner_id: UUID = session.info[OWNER]
    return owner_id


def _found(session: Session, owner_id: UUID | None) -> EngineSwitch | None:
    of_owner = EngineSwitch.owner_id.is_(None) if owner_id is None else EngineSwitch.owner_id == owner_id
    return session.scalars(select(EngineSwitch).where(of_owner)).one_or_none()


def _object(owner_id: UUID | None) -> str:
    return f"engine/{owner_id or 'installation'}"
