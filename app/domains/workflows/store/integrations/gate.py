"""What an attempt asks of its integrations before it begins, and tells them when it has ended.

Nothing here is written while a system works: an attempt then pays one read, and a count in Redis where there is a limit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core.db import Database, after_commit
from app.core.ports import port
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.fail import describe, said, words
from app.domains.workflows.store.integrations import breaker
from app.domains.workflows.store.integrations.hold import hold
from app.domains.workflows.store.integrations.rates import Rates
from app.domains.workflows.store.records import Observers, Passage, StepRun
from pipelines.definition import RetryPolicy
from pipelines.operations import Operation
from pipelines.retry import is_permanent, next_delay

log = logging.getLogger(__name__)

ERROR_LIMIT = 500


def is_held_back(
    database: Database, session: Session, step: StepRun, delivery: Delivery, operations: Iterable[Operation | None]
) -> bool:
    """Whether the claimed step may not call what its operations need; its row then says so, and there is nothing more to do.

    Otherwise `step.passages` says through which gates it went.
    """
    for name in dict.fromkeys(each.integration for each in operations if each is not None and each.integration):
        found = breaker.look(session, name, execution_id=delivery.execution_id, number=delivery.number)
        why = _enter(database, session, step, name, found)
        if why is not None:
            # what a redelivered message counted beforehand is not made
            hold(session, step, delivery, name, attempts=step.attempt - 1, why=why, is_queued=found.is_queued)
            return True
    return False


def _enter(database: Database, session: Session, step: StepRun, name: str, found: breaker.Look) -> str | None:
    """Pass the gate, or say why not."""
    if found.state != breaker.CLOSED:
        probe = UUID(step.idempotency_key)
        if not (found.state == "half_open" and found.probe == probe):
            # committed at once, for everybody to see, while the step's own transaction may take long
            with database.transaction(step.execution.owner_id) as apart:
                if not breaker.take_probe(apart, name, probe):
                    return f"{name} is left alone until {found.retry_at:%Y-%m-%d %H:%M:%S} UTC: it failed too often"
        step.passages += (Passage(name, probe, found.failures),)
        return None
    if not found.is_admitted:
        if found.is_queued:
            return f"others wait for {name} already"
        rates = port(session, Rates)
        if not rates.take(name):
            return f"{name} may be called {rates.of_name(name)} at the most"
    step.passages += (Passage(name, None, found.failures),)
    return None


def has_answered(database: Database, session: Session, step: StepRun) -> None:
    """The attempt succeeded: after its commit the failures of its integrations are forgotten, if there are any."""
    for passage in step.passages:
        if passage.probe or passage.failures:
            after_commit(session, lambda passage=passage: _forget(database, step, passage))  # type: ignore[misc]


def _forget(database: Database, step: StepRun, passage: Passage, *, on_trial: bool = False) -> None:
    try:
        with database.transaction(step.execution.owner_id) as session:
            breaker.close(session, passage.integration, by_probe=passage.probe is not None, on_trial=on_trial)
    except DBAPIError:
        log.warning("the success of %s is not noted", passage.integration, exc_info=True)


def has_failed(database: Database, step: StepRun, error: Exception, policy: RetryPolicy) -> bool:
    """The attempt failed: count it if it says that the system does. True: it was a probe, and its step is to wait on.

    An error of our own database tells nothing of the system, and a permanent one says that it answered. (A step undone by
    several integrations counts for each of them: which one failed is not known.)
    """
    if not step.passages or isinstance(error, DBAPIError):
        return False
    if is_permanent(error):
        for passage in step.passages:
            if passage.probe:
                _forget(database, step, passage, on_trial=True)
        return False
    for passage in step.passages:
        _count(database, step, passage, error)
    # a policy of one attempt, or one that does not retry this error, means it of a probe, too
    if policy.maximum_attempts == 1 or not any(passage.probe for passage in step.passages):
        return False
    return next_delay(replace(policy, maximum_attempts=2), attempt=1, error=error) is not None


def _count(database: Database, step: StepRun, passage: Passage, error: Exception) -> None:
    asked = getattr(error, "retry_after", None)
    try:
        with database.transaction(step.execution.owner_id) as session:
            until = breaker.count_failure(
                session,
                passage.integration,
                error=f"{type(error).__name__}: {words(error)}"[:ERROR_LIMIT],
                probe=passage.probe,
                asked=float(asked) if isinstance(asked, int | float) else 0.0,
            )
    except DBAPIError:
        log.warning("a failure of %s is not counted", passage.integration, exc_info=True)
        return
    if until is not None:
        log.error("%s is left alone until %s: %s", passage.integration, until.isoformat(), words(error))


def hold_probe(session: Session, step: StepRun, delivery: Delivery, error: Exception, policy: RetryPolicy) -> Outcome:
    """Hold back the step whose probe failed. Raises LeaseLost.

    A probe is an attempt, so that the next one knows of it; but however often a step is chosen, it never costs the last one.
    """
    traceback = describe(step, error)
    name = next(passage.integration for passage in step.passages if passage.probe)
    attempts = step.attempt if step.attempt < policy.maximum_attempts else step.attempt - 1
    hold(session, step, delivery, name, attempts=attempts, why=said(step), traceback=traceback)
    if not delivery.undo and (observer := port(session, Observers).of(step.execution)):
        observer.step_retrying(session, step.execution, step)
    return Outcome(error=said(step), undo=delivery.undo)
