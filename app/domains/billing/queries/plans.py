"""Reads of plans, of the session's owner only."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.billing.models import Plan


def all_plans(*, is_active: bool | None = None) -> Select[Plan]:
    """Plans, to be paged."""
    statement = select(Plan)
    return statement if is_active is None else statement.where(Plan.is_active == is_active)


def plan(session: Session, plan_id: UUID, *, locked: bool = False) -> Plan | None:
    """The plan; locked: as it is now."""
    statement = select(Plan).where(Plan.id == plan_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def plan_by_code(session: Session, code: str) -> Plan | None:
    return session.scalar(select(Plan).where(Plan.code == code))
