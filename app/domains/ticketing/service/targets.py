"""How soon an owner's tickets are answered and resolved. Tickets keep what they began with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.ticketing import queries
from app.domains.ticketing.errors import TargetInvalid, UnknownPriority
from app.domains.ticketing.models import SlaTarget
from app.domains.ticketing.rules.clock import SEEDED_TARGETS, Target, target_faults
from app.domains.ticketing.rules.kinds import Priority


def seed(session: Session) -> None:
    """Make the targets that the session's owner lacks; those that exist stay as they were set."""
    session.execute(
        insert(SlaTarget)
        .values(
            [
                {
                    "id": new_id(),
                    "owner_id": session.info[OWNER],
                    "priority": priority.value,
                    "first_response_minutes": target.first_response_minutes,
                    "resolution_minutes": target.resolution_minutes,
                }
                for priority, target in SEEDED_TARGETS.items()
            ]
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "priority"])
    )


def list_targets(session: Session) -> Select[SlaTarget]:
    """The owner's targets, one for each priority, to be paged; made where nobody has asked for them before."""
    seed(session)
    return queries.targets()


def target_of(session: Session, *, priority: Priority) -> Target:
    """What the owner's tickets of that priority are measured against."""
    row = _row(session, priority)
    return Target(row.first_response_minutes, row.resolution_minutes)


def set_target(session: Session, *, priority: str, target: Target) -> SlaTarget:
    """Measure tickets of that priority against this from now on; those that exist keep their times.

    Raises UnknownPriority, TargetInvalid.
    """
    if priority not in [each.value for each in Priority]:
        raise UnknownPriority(priority)
    if found := target_faults(target):
        raise TargetInvalid(found)
    row = _row(session, Priority(priority), locked=True)
    before = _picture(row)
    row.first_response_minutes = target.first_response_minutes
    row.resolution_minutes = target.resolution_minutes
    session.flush()
    session.refresh(row)  # updated_at is the database's
    audit.record(session, "sla_target.updated", f"sla_target/{priority}", before=before, after=_picture(row))
    return row


def _row(session: Session, priority: Priority, *, locked: bool = False) -> SlaTarget:
    if row := queries.target(session, priority, locked=locked):
        return row
    seed(session)
    row = queries.target(session, priority, locked=locked)
    assert row is not None
    return row


def _picture(row: SlaTarget) -> dict[str, Any]:
    return {
        "first_response_minutes": row.first_response_minutes,
        "resolution_minutes": row.resolution_minutes,
    }
