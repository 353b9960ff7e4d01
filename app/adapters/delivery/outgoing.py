"""How a stored message is handed over: claimed in one short transaction, sent outside any, recorded in another.

A table of messages mixes in `Outgoing`. A sender that dies between handing over and recording leaves a message that is sent
again when its lease has ended; carriers are given the row's id, by which the other side can tell.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Integer, Text, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from app.adapters.delivery.errors import DeliveryError
from app.core.clock import now
from app.core.db import Owned
from app.core.world import World

log = logging.getLogger(__name__)

STATUSES = ("queued", "sending", "delivered", "failed", "withdrawn")
STATUS_CHECK = f"status IN ({', '.join(repr(status) for status in STATUSES)})"

LEASE = timedelta(seconds=120)
"""Longer than all timeouts of handing over one message together."""

WAITS_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800)
"""The wait after each attempt that failed for now; after the last one the message has failed."""


class Outgoing(Owned):
    """The columns of a stored message. `token` and `lease_until` belong to whoever is sending it."""

    id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text, server_default="queued")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    next_attempt_at: Mapped[datetime]
    token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


M = TypeVar("M", bound=Outgoing)


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after that many attempts; None: give up."""
    return timedelta(seconds=WAITS_SECONDS[attempts - 1]) if attempts <= len(WAITS_SECONDS) else None


def undelivered(session: Session, model: type[M], *, limit: int) -> list[tuple[UUID, UUID]]:
    """(owner, id) of messages that nobody is sending and that are due, the longest due first."""
    rows = session.execute(
        select(model.owner_id, model.id).where(_free(session, model)).order_by(model.next_attempt_at).limit(limit)
    )
    return [(owner_id, row_id) for owner_id, row_id in rows]


def hand_over(
    world: World,
    model: type[M],
    *,
    owner_id: UUID,
    row_id: UUID,
    send: Callable[[M], None],
    recorded: Callable[[Session, M], None],
) -> bool:
    """Send one stored message, if it is due and nobody else is sending it; returns whether it was this call that tried.

    `send` hands the row over, outside any transaction, and raises a DeliveryError when it is not taken. `recorded` runs in
    the transaction that ends it (delivered or failed for good).
    """
    token = uuid4()
    with world.database.transaction(owner_id) as session:
        row = _claimed(session, model, row_id, token)
    if row is None:
        return False
    fault: DeliveryError | None = None
    try:
        send(row)
    except DeliveryError as error:
        fault = error
        log.warning("%s %s was not taken: %s", model.__name__.lower(), row_id, error)
    with world.database.transaction(owner_id) as session:
        if ended := _record(session, model, row_id, token, fault):
            recorded(session, ended)
    return True


def _free(session: Session, model: type[M]) -> ColumnElement[bool]:
    return or_(
        and_(model.status == "queued", model.next_attempt_at <= now(session)),
        and_(model.status == "sending", model.lease_until < func.now()),
    )


def _claimed(session: Session, model: type[M], row_id: UUID, token: UUID) -> M | None:
    row: M | None = session.scalar(
        update(model)
        .where(model.id == row_id, _free(session, model))
        .values(
            status="sending",
            attempts=model.attempts + 1,
            token=token,
            lease_until=func.now() + LEASE,
        )
        .returning(model),
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    return row


def _record(session: Session, model: type[M], row_id: UUID, token: UUID, fault: DeliveryError | None) -> M | None:
    """Write down how it went; returns the row when that was its end, delivered or failed for good."""
    row = session.scalar(select(model).where(model.id == row_id, model.token == token).with_for_update())
    if row is None:  # the lease ended and another sender took over
        return None
    row.token = row.lease_until = None
    row.error = None if fault is None else str(fault)
    if fault is None:
        row.status, row.sent_at = "delivered", now(session)
        return row
    wait = None if fault.permanent else wait_after(row.attempts)
    if wait is None:
        row.status = "failed"
        return row
    row.status, row.next_attempt_at = "queued", now(session) + wait
    return None
