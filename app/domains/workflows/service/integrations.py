"""Integrations: how they are, and closing a breaker by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.ids import OPERATOR_ID
from app.core.ports import port
from app.domains.workflows.errors import IntegrationNotFound
from app.domains.workflows.models import Integration, WorkflowStep
from app.domains.workflows.store.integrations import breaker
from app.domains.workflows.store.integrations.rates import Rates
from pipelines.operations import Catalogue


@dataclass(frozen=True, slots=True)
class IntegrationState:
    """How an outside system is: `state` closed (it works), open (left alone until `retry_at`) or half_open (being tried).

    `limit`: how often it may be called, in words. `held`: steps that it holds back, of those that the session may see. `last_error`
    is of whichever tenant's call, so it is the operator's to see.
    """

    name: str
    state: str
    failures: int
    opened_at: datetime | None
    retry_at: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    limit: str | None
    held: int
    operations: tuple[str, ...]


def list_integrations(session: Session) -> list[IntegrationState]:
    """Every integration that an operation, a limit or an earlier failure names, by name."""
    rows = {row.name: row for row in session.scalars(select(Integration))}
    rates = port(session, Rates)
    operations: dict[str, list[str]] = {}
    for operation in port(session, Catalogue):
        if operation.integration:
            operations.setdefault(operation.integration, []).append(operation.name)
    held = {row[0]: row[1] for row in session.execute(_held())}
    found = []
    for name in sorted(rows.keys() | operations.keys() | rates.names()):
        row = rows.get(name) or Integration(name=name, state=breaker.CLOSED, failures=0)
        found.append(
            IntegrationState(
                name=name,
                state=row.state,
                failures=row.failures,
                opened_at=row.opened_at,
                retry_at=row.retry_at,
                last_failed_at=row.last_failed_at,
                last_error=row.last_error if _is_operator(session) else None,
                limit=rates.of_name(name),
                held=held.get(name, 0),
                operations=tuple(sorted(operations.get(name, ()))),
            )
        )
    return found


def reset_integration(session: Session, *, name: str, reason: str | None = None) -> IntegrationState:
    """Close an integration's breaker and forget its failures; what it held back goes on, at its rate.

    The operator's verb: it concerns all tenants. Raises IntegrationNotFound, also for everybody else.
    """
    before = next((each for each in list_integrations(session) if each.name == name), None)
    if before is None or not _is_operator(session):
        raise IntegrationNotFound(name)
    breaker.reset(session, name)
    audit.record(
        session,
        "integration.reset",
        f"integration/{name}",
        before={"state": before.state, "failures": before.failures},
        reason=reason,
        owner_id=OPERATOR_ID,
    )
    session.expire_all()
    return next(each for each in list_integrations(session) if each.name == name)


def _is_operator(session: Session) -> bool:
    return session.info[OWNER] in {None, OPERATOR_ID}


def _held() -> Select[str | None, int]:
    return (
        select(WorkflowStep.throttled_by, func.count())
        .where(WorkflowStep.throttled_by.is_not(None), WorkflowStep.not_before.is_not(None))
        .group_by(WorkflowStep.throttled_by)
    )
