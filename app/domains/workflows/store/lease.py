"""Keeping a lease while an operation of the lease form is at work, and the time limit of an attempt."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core.db import Database
from app.domains.workflows.store.claim import extend_lease
from app.domains.workflows.store.delivery import Delivery
from app.domains.workflows.store.records import StepRun

log = logging.getLogger(__name__)

ALARM_GRACE_SECONDS = 1.0
QUERY_CANCELED = "57014"
_STATEMENT_TIMEOUT = text("SELECT set_config('statement_timeout', :milliseconds, true)")
_NO_STATEMENT_TIMEOUT = text("SET LOCAL statement_timeout TO DEFAULT")


@contextmanager
def kept(database: Database, step: StepRun, delivery: Delivery, *, lease_seconds: float) -> Iterator[None]:
    """Extend the step's lease three times in its length, from a thread and a connection of its own."""
    done = threading.Event()
    token = step.held.token
    assert token is not None

    def beat() -> None:
        while not done.wait(lease_seconds / 3):
            try:
                with database.transaction(delivery.owner_id) as session:
                    if not extend_lease(
                        session, delivery.execution_id, delivery.number, token, lease_seconds=lease_seconds
                    ):
                        return
            except Exception:
                log.warning("could not extend a lease; trying again", exc_info=True)

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=5)


@contextmanager
def bounded(seconds: float | None, session: Session | None) -> Iterator[None]:
    """The time limit of an attempt. `session`: its one transaction, whose statements the server then stops itself.

    There an alarm in the middle of a query would leave the server at work with the step's row locked, so the alarm rings a
    second later, for what is not a query. The error is transient in both cases.
    """
    if not seconds or session is None:
        with time_limit(seconds):
            yield
        return
    session.execute(_STATEMENT_TIMEOUT, {"milliseconds": str(max(1, round(seconds * 1000)))})
    try:
        with time_limit(seconds, grace=ALARM_GRACE_SECONDS):
            yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == QUERY_CANCELED:
            raise TimeoutError(f"timed out after {seconds:g} seconds") from None
        raise
    session.execute(_NO_STATEMENT_TIMEOUT)


@contextmanager
def time_limit(seconds: float | None, *, grace: float = 0.0) -> Iterator[None]:
    """Raise TimeoutError (transient) in this, the main, thread when an attempt takes longer, by `grace` at the least."""
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        message = f"timed out after {seconds:g} seconds"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + grace)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
