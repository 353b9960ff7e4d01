"""What recurs: run by beat, and by hand through the CLI. Each is safe to run twice, or in two places at once.

Work of unknown size goes in batches, each a transaction of its own, and a run takes so many at most: the next run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from app.adapters.bus.port import Bus
from app.core import queue
from app.core.events import publish_batch
from app.core.world import World
from app.domains.billing import service as billing
from app.domains.communications import service as communications
from app.domains.crm import service as crm
from app.domains.deployments import service as deployments
from app.domains.licensing import service as licensing
from app.domains.notifications import service as notifications
from app.domains.sales import service as sales
from app.domains.workflows import service as workflows
from app.http import idempotency, limits

MINUTE = 60.0
HOUR = 60 * MINUTE
BATCH = 500
MOST_BATCHES = 200
HEALTH_BATCH = 50
MOST_HEALTH_BATCHES = 5
"""A deployment that does not answer costs its timeout, so one run asks few; the longest unasked come first."""
PAYMENT_BATCH = 50
MOST_PAYMENT_BATCHES = 20
"""A payment takes as long as its gateway: the next run goes on with the rest."""


@dataclass(frozen=True, slots=True)
class Job:
    """`every`: seconds between two runs. `run` says in a sentence what it did."""

    name: str
    every: float
    meaning: str
    run: Callable[[World], str]


def _in_batches(world: World, batch: Callable[[Session], int], *, full: int) -> int:
    """Run `batch`, each time in a transaction of its own, until one is less than `full`; returns the sum."""

    def in_transaction() -> int:
        with world.across.transaction() as session:
            return batch(session)

    return _repeated(in_transaction, full=full, most=MOST_BATCHES)


def _repeated(batch: Callable[[], int], *, full: int, most: int) -> int:
    total = 0
    for _ in range(most):
        done = batch()
        total += done
        if done < full:
            break
    return total


def _sweep(world: World) -> str:
    with world.across.transaction() as session:
        swept = workflows.send_lost_work(session)
    return f"{swept.looked_at} executions looked at, {swept.sent_again} steps sent again, {swept.begun} begun."


def _look_at_queues(world: World) -> str:
    with world.across.transaction() as session:
        queues = workflows.look_at_queues(session)
    return f"{queues} queues of executions looked at."


def _tick(world: World) -> str:
    return f"{workflows.tick(world)} timers and schedules were due."


def _hand_on(world: World) -> str:
    handed = _repeated(lambda: workflows.handle_events(world), full=1, most=MOST_BATCHES)
    return f"{handed} events handed to waits and triggers."


def _undelivered(world: World) -> str:
    with world.across.transaction() as session:
        mails = communications.undelivered(session)
        notices = notifications.undelivered(session)
        for owner_id, message_id in mails:
            queue.send_task(session, "communications.deliver_message", str(owner_id), str(message_id))
        for owner_id, notification_id in notices:
            queue.send_task(session, "notifications.deliver_notification", str(owner_id), str(notification_id))
    return f"{len(mails)} messages and {len(notices)} notifications sent to delivery."


def _expire_secret_links(world: World) -> str:
    expired = _in_batches(world, lambda session: communications.expire_secret_links(session, limit=BATCH), full=BATCH)
    return f"{expired} secret links expired."


def _expire_drafts(world: World) -> str:
    days = world.settings.draft_order_days
    # the size of its batches is its own: until there is nothing left
    expired = _in_batches(world, lambda session: sales.expire_drafts(session, days=days), full=1)
    return f"{expired} drafts expired."


def _expire_quotes(world: World) -> str:
    expired = _in_batches(world, lambda session: crm.expire_quotes(session, limit=BATCH), full=BATCH)
    return f"{expired} quotes expired."


def _announce_expiring(world: World) -> str:
    days = world.settings.renewal_notice_days
    announced = _in_batches(
        world, lambda session: billing.announce_expiring(session, days=days, limit=BATCH), full=BATCH
    )
    return f"{announced} subscriptions announced to end."


def _expire_subscriptions(world: World) -> str:
    days = world.settings.renewal_grace_days
    expired = _in_batches(
        world, lambda session: billing.expire_subscriptions(session, grace_days=days, limit=BATCH), full=BATCH
    )
    return f"{expired} subscriptions expired."


def _renew_subscriptions(world: World) -> str:
    run = billing.renew_automatically(world, limit=BATCH, most=MOST_BATCHES)
    return f"{run.done} subscriptions renewed by themselves, {run.failed} could not be."


def _end_trials(world: World) -> str:
    run = billing.end_trials(world, limit=BATCH, most=MOST_BATCHES)
    return f"{run.done} trials ended, {run.failed} could not be."


def _expire_licenses(world: World) -> str:
    expired = _in_batches(world, lambda session: licensing.expire_licenses(session, limit=BATCH), full=BATCH)
    return f"{expired} licenses expired."


def _check_deployments(world: World) -> str:
    asked = _repeated(
        lambda: deployments.check_health(world, limit=HEALTH_BATCH), full=HEALTH_BATCH, most=MOST_HEALTH_BATCHES
    )
    return f"{asked} deployments asked for their health."


def _announce_overdue(world: World) -> str:
    return f"{billing.announce_overdue(world, limit=BATCH)} invoices announced as overdue."


def _collect_payments(world: World) -> str:
    tried = _repeated(
        lambda: billing.collect_due(world, limit=PAYMENT_BATCH), full=PAYMENT_BATCH, most=MOST_PAYMENT_BATCHES
    )
    return f"{tried} payables were due to be collected."


def _look_after_payments(world: World) -> str:
    looked_at = _repeated(
        lambda: billing.look_after_payments(world, limit=PAYMENT_BATCH), full=PAYMENT_BATCH, most=MOST_PAYMENT_BATCHES
    )
    return f"{looked_at} payments or refunds looked after."


def _start_due_deployments(world: World) -> str:
    started = _in_batches(world, lambda session: deployments.start_due_deployments(session, limit=BATCH), full=BATCH)
    return f"{started} scheduled deployments were due."


def _fold_statistics(world: World) -> str:
    with world.across.transaction() as session:
        folded = sales.fold_statistics(session)
    return f"{folded} changes folded into the totals."


def _publish(world: World) -> str:
    bus = world.ports.get(Bus)  # type: ignore[type-abstract]
    batch = partial(publish_batch, publish=bus.publish, limit=BATCH)
    return f"{_in_batches(world, batch, full=BATCH)} events published."


def _add_partitions(world: World) -> str:
    with world.across.transaction() as session:
        added = workflows.add_history_partitions(session)
    return f"{added} partitions added."


def _forget(world: World) -> str:
    with world.across.transaction() as session:
        answers = idempotency.purge(session)
        attempts = limits.purge(session)
    return f"{answers} stored answers and {attempts} login attempts forgotten."


JOBS: Mapping[str, Job] = {
    job.name: job
    for job in (
        Job("sweep_executions", MINUTE, "send work again that got lost (beat's process does so all the time)", _sweep),
        Job("publish_outbox", MINUTE, "publish events that wait (beat's process does so all the time)", _publish),
        Job("wake_due", MINUTE, "wake what waits for a time (beat's process does so all the time)", _tick),
        Job("hand_on_events", MINUTE, "tell waits and triggers (beat's process does so all the time)", _hand_on),
        Job("look_at_queues", MINUTE, "let in what queues under a concurrency key", _look_at_queues),
        Job("deliver_undelivered", MINUTE, "send messages and notifications that were not delivered", _undelivered),
        Job("expire_secret_links", MINUTE, "remove links to secrets that nobody opened in time", _expire_secret_links),
        Job("fold_statistics", MINUTE, "fold the order statistics", _fold_statistics),
        Job(
            "announce_expiring_subscriptions", HOUR, "announce subscriptions that are about to end", _announce_expiring
        ),
        Job("end_trials", HOUR, "bill what was on a trial that has ended", _end_trials),
        Job("renew_subscriptions", HOUR, "bill the next month of what renews by itself", _renew_subscriptions),
        Job("expire_subscriptions", HOUR, "expire subscriptions that have ended", _expire_subscriptions),
        Job("expire_licenses", HOUR, "expire licenses that have ended", _expire_licenses),
        Job("expire_draft_orders", HOUR, "expire drafts that nobody submitted", _expire_drafts),
        Job("announce_overdue_invoices", HOUR, "announce invoices that nobody paid in time", _announce_overdue),
        Job("collect_payments", MINUTE, "collect what is due by itself, and what failed again", _collect_payments),
        Job("look_after_payments", 5 * MINUTE, "find out what became of payments and refunds", _look_after_payments),
        Job("expire_quotes", HOUR, "expire quotes past their validity", _expire_quotes),
        Job("check_deployments", 5 * MINUTE, "ask active deployments for their health", _check_deployments),
        Job(
            "start_due_deployments",
            MINUTE,
            "begin the deployments whose scheduled time has come",
            _start_due_deployments,
        ),
        Job("add_history_partitions", 12 * HOUR, "make the coming months' partitions of the history", _add_partitions),
        Job("forget_old_keys", HOUR, "forget idempotency keys and login attempts past their time", _forget),
    )
}
