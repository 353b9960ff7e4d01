"""Whose turn it is: the pass that lets held steps go, as fast as the system may be called, one tenant after the other.

The tenants who wait are a ring, and the integration's row remembers who had the last turn; so a tenant waits for one step
of each of the others, however many they have. Any number of processes may run passes: an integration's row is locked by
one at a time.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port, ports
from app.core.queue import Sender
from app.core.settings import Settings
from app.domains.workflows.store.integrations import breaker
from app.domains.workflows.store.integrations.hold import HELD_BACK
from app.domains.workflows.store.integrations.rates import Rates
from app.domains.workflows.store.start import send_ready

BATCH = 200
"""Steps of one integration let go in one pass at the most."""

LOOKED_AT = 1000
"""Rows looked at for that, about: few tenants may have many turns each in one pass, many have one."""

CANDIDATES = 50
"""Held steps of a tenant of which one is drawn to be a probe: always the same one could be what the system chokes on."""

# The names on the steps themselves, each found by one descent of the index: a row is not to be believed to be the whole truth.
_WAITED_FOR = text(
    """
    WITH RECURSIVE held AS (
      (SELECT throttled_by AS name FROM workflow_steps WHERE throttled_by IS NOT NULL AND not_before IS NOT NULL
       ORDER BY throttled_by LIMIT 1)
      UNION ALL
      SELECT (SELECT throttled_by FROM workflow_steps WHERE throttled_by > held.name AND not_before IS NOT NULL
              ORDER BY throttled_by LIMIT 1)
      FROM held WHERE held.name IS NOT NULL)
    SELECT name, state, retry_at, is_queued, coalesce(turn, CAST(:nobody AS uuid)) AS turn FROM integrations
    WHERE is_queued OR name IN (SELECT name FROM held) ORDER BY name FOR UPDATE SKIP LOCKED
    """
)

# `ring`: the tenants after the one who had the last turn, then those before, each found by one descent of the index.
_NEXT = text(
    """
    WITH RECURSIVE later AS (
      (SELECT owner_id FROM workflow_steps
       WHERE throttled_by = :name AND not_before IS NOT NULL AND owner_id > :turn ORDER BY owner_id LIMIT 1)
      UNION ALL
      SELECT (SELECT w.owner_id FROM workflow_steps w
              WHERE w.throttled_by = :name AND w.not_before IS NOT NULL AND w.owner_id > later.owner_id
              ORDER BY w.owner_id LIMIT 1)
      FROM later WHERE later.owner_id IS NOT NULL),
    earlier AS (
      (SELECT owner_id FROM workflow_steps
       WHERE throttled_by = :name AND not_before IS NOT NULL AND owner_id <= :turn ORDER BY owner_id LIMIT 1)
      UNION ALL
      SELECT (SELECT w.owner_id FROM workflow_steps w
              WHERE w.throttled_by = :name AND w.not_before IS NOT NULL AND w.owner_id > earlier.owner_id AND w.owner_id <= :turn
              ORDER BY w.owner_id LIMIT 1)
      FROM earlier WHERE earlier.owner_id IS NOT NULL),
    ring AS (
      (SELECT owner_id, 0 AS lap FROM later WHERE owner_id IS NOT NULL LIMIT :tenants)
      UNION ALL
      (SELECT owner_id, 1 FROM earlier WHERE owner_id IS NOT NULL LIMIT :tenants)
      LIMIT :tenants)
    SELECT ring.owner_id, s.*
    FROM ring, LATERAL (
      SELECT w.execution_id, w.sequence_number, w.route, w.idempotency_key, w.state = 'compensating' AS undo,
        e.state = 'running' AND w.unmet = 0 AND w.token IS NULL
        AND (w.state = 'pending' AND e.stopping IS NULL OR w.state = 'compensating' AND e.rollback = 'running') AS is_ready
      FROM workflow_steps w JOIN workflow_executions e ON e.id = w.execution_id
      WHERE w.throttled_by = :name AND w.owner_id = ring.owner_id AND w.not_before IS NOT NULL
      ORDER BY w.execution_id, w.sequence_number
      LIMIT greatest(:each, least(:most, :looked_at / greatest(1, (SELECT count(*) FROM ring)))) FOR UPDATE OF w SKIP LOCKED) s
    ORDER BY ring.lap, ring.owner_id, s.execution_id, s.sequence_number
    """
)

_LET_GO = text(
    """
    WITH given AS (
      SELECT * FROM unnest(CAST(:executions AS bigint[]), CAST(:numbers AS int[])) AS g (execution_id, sequence_number)),
    sent AS (
      UPDATE workflow_steps s SET sent_at = now(), not_before = NULL, tries = 0 FROM given g
      WHERE s.execution_id = g.execution_id AND s.sequence_number = g.sequence_number
      RETURNING s.owner_id, s.execution_id, s.step_name, s.state),
    watched AS (
      UPDATE workflow_executions SET check_at = least(check_at, now() + make_interval(secs => :resend_after))
      WHERE id IN (
        SELECT id FROM workflow_executions WHERE id = ANY(CAST(:executions AS bigint[])) FOR NO KEY UPDATE SKIP LOCKED))
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
    SELECT owner_id, execution_id, :now, step_name, :held_back, state FROM sent
    """
)

# It is no longer to be sent, or not now: whatever brings it on asks again.
_FORGET = text(
    """
    UPDATE workflow_steps s SET throttled_by = NULL, not_before = NULL
    FROM unnest(CAST(:executions AS bigint[]), CAST(:numbers AS int[])) AS g (execution_id, sequence_number)
    WHERE s.execution_id = g.execution_id AND s.sequence_number = g.sequence_number
    """
)

_NOTE = text(
    """
    UPDATE integrations SET turn = :turn,
      is_queued = EXISTS (SELECT FROM workflow_steps WHERE throttled_by = :name AND not_before IS NOT NULL)
    WHERE name = :name
    """
)

_NOBODY = UUID(int=0)


def admit(session: Session) -> int:
    """One pass over all integrations, across owners: let held steps go that may call now; returns how many.

    Nothing is let go while the broker is away. Steps of a system with an open breaker wait; when it has been left alone
    long enough, one of them is its probe.
    """
    waited_for = session.execute(_WAITED_FOR, {"nobody": _NOBODY}).all()
    sender = ports(session).find(Sender)  # type: ignore[type-abstract]
    return sum(_admit(session, integration, sender) for integration in waited_for)


def _admit(session: Session, integration: Any, sender: Sender | None) -> int:
    name, is_closed = integration.name, integration.state == breaker.CLOSED
    rates = port(session, Rates)
    # asked before any row is locked: most passes find that nobody may go
    most = rates.left(name, BATCH) if is_closed else int(integration.retry_at <= now(session))
    if not most:
        return 0
    found = session.execute(
        _NEXT,
        {
            "name": name,
            "turn": integration.turn,
            "tenants": most,
            "most": most,
            "looked_at": LOOKED_AT,
            "each": 1 if is_closed else CANDIDATES,
        },
    ).all()
    _forget(session, [row for row in found if not row.is_ready])
    ready = [row for row in found if row.is_ready]
    if ready and (sender is None or not sender.is_reachable()):
        return 0
    if is_closed:
        chosen = _in_turn(ready)[:most]
        if chosen and not rates.take(name, len(chosen)):
            chosen = []
    else:
        chosen = [random.choice(ready)] if ready else []  # noqa: S311 - no secret
        if chosen and not breaker.take_probe(session, name, chosen[0].idempotency_key):
            chosen = []
    _let_go(session, chosen)
    if chosen or not ready:
        session.execute(_NOTE, {"name": name, "turn": chosen[-1].owner_id if chosen else integration.turn})
    return len(chosen)


def _in_turn(rows: list[Any]) -> list[Any]:
    """The first of each tenant in the ring's order, then the second of each, and so on."""
    by_tenant: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        by_tenant[row.owner_id].append(row)
    rounds = max(map(len, by_tenant.values()), default=0)
    return [waiting[n] for n in range(rounds) for waiting in by_tenant.values() if n < len(waiting)]


def _let_go(session: Session, rows: list[Any]) -> None:
    if not rows:
        return
    more = {"now": now(session), "held_back": HELD_BACK, "resend_after": port(session, Settings).resend_after}
    session.execute(_LET_GO, {**_keys(rows), **more})
    routes: dict[tuple[UUID, int, bool], list[Any]] = defaultdict(list)
    for row in rows:
        routes[row.owner_id, row.execution_id, row.undo].append(row.route)
    for (owner_id, execution_id, undo), ways in routes.items():
        send_ready(session, owner_id, execution_id, ways, undo=undo)


def _forget(session: Session, rows: list[Any]) -> None:
    if rows:
        session.execute(_FORGET, _keys(rows))


def _keys(rows: list[Any]) -> dict[str, list[int]]:
    return {
        "executions": [row.execution_id for row in rows],
        "numbers": [row.sequence_number for row in rows],
    }
