"""Keeping a lease while an operation of the lease form is at work, and the time limit of an attempt."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from app.core.db import Database
from app.domains.workflows.store.claim import extend_lease
from app.domains.workflows.store.delivery import Delivery
from app.domains.workflows.store.records import StepRun

log = logging.getLogger(__name__)


@contextmanager
def kept(database: Database, step: StepRun, delivery: Delivery, *, lease_seconds: float) -> Iterator[None]:
    """Extend the step's lease three times in its length, from a thread and a connection of its own."""
    done = threading.Event()
    token = step.token
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
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeoutError (transient) in this, the main, thread when an attempt takes longer."""
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        message = f"timed out after {seconds:g} seconds"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
