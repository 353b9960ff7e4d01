"""What beat bills: the month after the one that has ended, and the first period after a trial.

Subscriptions are looked for across owners, and each is worked on as its owner, in a savepoint of its own: one that cannot be
billed stays as it is, is told of in the log, and is tried again by the next run; it never stops the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.core.world import World
from app.domains.billing import queries
from app.domains.billing.models import Subscription
from app.domains.billing.queries import Due, DueRows
from app.domains.billing.rules.subscription_states import IN_SERVICE, Status
from app.domains.billing.service.calendar import end_after
from app.domains.billing.service.invoices import bill_period
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.stating import about, picture, subject

log = logging.getLogger(__name__)

BATCH = 500
MOST_BATCHES = 200
CHUNK = 50
"""So many of one owner are billed in a transaction: others who number an invoice of that owner wait no longer."""

MONTHLY = "monthly"

Look = Callable[..., DueRows]
Work = Callable[[Session, Subscription, datetime], bool]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has done: for how many subscriptions, and for how many it could not."""

    done: int
    failed: int


def renew_automatically(world: World, *, limit: int = BATCH, most: int = MOST_BATCHES) -> Run:
    """Let the next period follow on months that have ended and renew by themselves; each is billed.

    Emits subscription.extended for each period. After a standstill every month that has passed is billed. However often and
    in however many places it runs: a period follows once. `limit`: of a batch; `most`: batches of a run; the next goes on.
    """
    return _run(world, queries.to_renew, _renewed, limit=limit, most=most)


def end_trials(world: World, *, limit: int = BATCH, most: int = MOST_BATCHES) -> Run:
    """Let the first period follow on trials that have ended; it is billed, and subscription.trial_ended emitted.

    Those that were set to end are cancelled. However often and in however many places it runs: a trial ends once.
    """
    return _run(world, queries.trials_over, _trial_ended, limit=limit, most=most)


def _run(world: World, look: Look, work: Work, *, limit: int, most: int) -> Run:
    done = failed = 0
    after: Due | None = None
    for _ in range(most):
        with world.across.transaction() as session:
            found = queries.find_due(session, look(at=now(session), after=after, limit=limit))
        for owner_id, ids in _chunks(found):
            chunk = _as_owner(world, owner_id, ids, work)
            done, failed = done + chunk.done, failed + chunk.failed
        if len(found) < limit:
            break
        after = found[-1]
    return Run(done, failed)


def _chunks(found: Sequence[Due]) -> Iterator[tuple[UUID, list[UUID]]]:
    for owner_id, group in groupby(sorted(found, key=lambda due: due.owner_id), key=lambda due: due.owner_id):
        ids = [due.subscription_id for due in group]
        for begin in range(0, len(ids), CHUNK):
            yield owner_id, ids[begin : begin + CHUNK]


def _as_owner(world: World, owner_id: UUID, ids: Sequence[UUID], work: Work) -> Run:
    done = failed = 0
    try:
        with world.database.transaction(owner_id) as session:
            at = now(session)
            for subscription in queries.locked_of(session, ids):
                subscription_id = subscription.id
                try:
                    with session.begin_nested():
                        done += work(session, subscription, at)
                except Exception:
                    log.exception("subscription %s could not be billed", subscription_id)
                    failed += 1
    except Exception:
        log.exception("%s subscriptions of owner %s could not be billed", len(ids), owner_id)
        return Run(0, len(ids))
    return Run(done, failed)


def _renewed(session: Session, subscription: Subscription, at: datetime) -> bool:
    """Whether it was due, seen under its lock; then it has a period that has not ended."""
    if not _follows_by_itself(subscription):
        return False
    is_due = False
    while (end := subscription.current_period_end) is not None and end <= at:
        is_due = True
        before = picture(subscription)
        subscription.current_period_start = end
        subscription.current_period_end = end_after(subscription, end, months=1)
        session.flush()
        _bill(session, subscription)
        emit(session, "subscription.extended", subject(subscription), about(subscription) | {"quote_id": None})
        audit.record(
            session, "subscription.extended", subject(subscription), before=before, after=picture(subscription)
        )
    if is_due and subscription.status == Status.EXPIRING:
        move_to(session, subscription=subscription, status=Status.ACTIVE)
    return is_due


def _follows_by_itself(subscription: Subscription) -> bool:
    return (
        subscription.status in IN_SERVICE - {Status.TRIALING}
        and subscription.renews_automatically
        and subscription.billing_cycle == MONTHLY
        and not subscription.is_set_to_end
    )


def _trial_ended(session: Session, subscription: Subscription, at: datetime) -> bool:
    """Whether it was on a trial that has ended, seen under its lock; then its first period is billed."""
    ends = subscription.trial_ends_at
    if subscription.status != Status.TRIALING or ends is None or ends > at:
        return False
    if subscription.is_set_to_end:
        move_to(session, subscription=subscription, status=Status.CANCELLED, reason="Its trial has ended.")
    else:
        move_to(session, subscription=subscription, status=Status.ACTIVE)
        _bill(session, subscription)
    return True


def _bill(session: Session, subscription: Subscription) -> None:
    bill_period(
        session,
        subscription=subscription,
        period_start=subscription.current_period_start,
        period_end=subscription.current_period_end,
    )
