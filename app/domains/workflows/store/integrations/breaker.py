"""An integration's circuit breaker: a row, and the only statements that change it.

Closed, it counts failures in a row. Open, nobody asks the system until a time that doubles with each opening. Then one
probe asks it: a success closes the breaker, a failure opens it for longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings

CLOSED = "closed"

# At most one row each, by their keys: this is what every attempt that needs an integration pays.
_LOOK = text(
    """
    SELECT s.throttled_by = :name AND s.not_before IS NULL AS is_admitted,
      coalesce(i.state, 'closed') AS state, coalesce(i.failures, 0) AS failures, i.retry_at, i.probe,
      coalesce(i.is_queued, false) AS is_queued
    FROM workflow_steps s LEFT JOIN integrations i ON i.name = :name
    WHERE s.execution_id = :execution AND s.sequence_number = :number
    """
)

_TAKE_PROBE = text(
    """
    UPDATE integrations SET state = 'half_open', probe = :probe, retry_at = :until
    WHERE name = :name AND state <> 'closed' AND retry_at <= :now RETURNING name
    """
)

_KNOW = text("INSERT INTO integrations (name) VALUES (:name) ON CONFLICT DO NOTHING")

_COUNT = text(
    """
    UPDATE integrations i SET failures = i.failures + 1, last_error = :error, last_failed_at = :now,
      state = CASE WHEN opens THEN 'open' ELSE i.state END,
      openings = i.openings + CASE WHEN opens THEN 1 ELSE 0 END,
      opened_at = CASE WHEN opens THEN coalesce(i.opened_at, :now) ELSE i.opened_at END,
      retry_at = CASE WHEN opens THEN CAST(:now AS timestamptz) + make_interval(secs =>
        greatest(:asked, least(:longest, :seconds * power(2, least(i.openings, 30))))) ELSE i.retry_at END,
      probe = CASE WHEN opens THEN NULL ELSE i.probe END
    FROM (
      SELECT name, CASE state WHEN 'closed' THEN failures + 1 >= :limit ELSE probe IS NOT DISTINCT FROM :probe END AS opens
      FROM integrations WHERE name = :name FOR UPDATE) before
    WHERE i.name = before.name RETURNING opens, i.retry_at
    """
)

_CLOSE = text(
    """
    UPDATE integrations SET state = 'closed', failures = :failures, opened_at = NULL, retry_at = NULL, probe = NULL,
      openings = CASE WHEN :failures = 0 THEN 0 ELSE openings END
    WHERE name = :name AND (:by_probe OR state = 'closed')
    """
)


@dataclass(frozen=True, slots=True)
class Look:
    """What one step finds. `is_admitted`: its turn has come, and its call is counted already."""

    is_admitted: bool
    state: str
    failures: int
    retry_at: datetime | None
    probe: UUID | None
    is_queued: bool


def look(session: Session, name: str, *, execution_id: int, number: int) -> Look:
    """The integration, as this step finds it."""
    row = session.execute(_LOOK, {"name": name, "execution": execution_id, "number": number}).one()
    return Look(bool(row[0]), *row[1:])


def take_probe(session: Session, name: str, probe: UUID) -> bool:
    """Become the one that asks a system which was left alone long enough. False: not yet, or somebody else does."""
    settings, at = port(session, Settings), now(session)
    until = at + timedelta(seconds=max(settings.breaker_seconds, settings.lease_seconds))
    taken = session.execute(_TAKE_PROBE, {"name": name, "probe": probe, "until": until, "now": at})
    return taken.one_or_none() is not None


def count_failure(session: Session, name: str, *, error: str, probe: UUID | None, asked: float) -> datetime | None:
    """The system did not answer; returns until when it is left alone if this opens the breaker.

    `probe`: the key of the probe whose failure it is; of other failures only those of a closed breaker open it. `asked`: seconds for which the
    system asked to be left alone.
    """
    settings = port(session, Settings)
    session.execute(_KNOW, {"name": name})
    row = session.execute(
        _COUNT,
        {
            "name": name,
            "error": error,
            "probe": probe,
            "now": now(session),
            "limit": settings.breaker_failures,
            "seconds": settings.breaker_seconds,
            "longest": settings.breaker_longest_seconds,
            "asked": min(asked, settings.breaker_longest_seconds),
        },
    ).one()
    until: datetime = row.retry_at
    return until if row.opens else None


def close(session: Session, name: str, *, by_probe: bool = False, on_trial: bool = False) -> None:
    """The system works: its failures are forgotten. An open breaker is closed by its probe only.

    `on_trial`: it answered, if only to refuse: others may ask it, and the next failure opens the breaker again, for longer.
    """
    failures = port(session, Settings).breaker_failures - 1 if on_trial else 0
    session.execute(_CLOSE, {"name": name, "failures": failures, "by_probe": by_probe})


def reset(session: Session, name: str) -> None:
    """Closed by a person, whatever it was."""
    session.execute(_CLOSE, {"name": name, "failures": 0, "by_probe": True})
