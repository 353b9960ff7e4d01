"""More than a year of 200 subscriptions on real workers, the clock moved on from day to day: the books are right to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.clock import now
from app.core.queue import Sender
from app.core.world import World
from app.embedded import redis
from app.embedded.mail import MailServer
from app.factory import build_world
from app.jobs import JOBS
from app.seeds import seed
from soak import books
from soak.contracts import FIRST_DAY, LAST_DAY, MONTH_ENDS, population
from soak.expected import expected, revenue
from soak.seller import Seller
from soak.year import days, pass_days
from tests.servers import eventually, prepared, worker_processes

CONTRACTS = 200
EVERY = 7
"""Beat's work is done once a week, and on the days on which somebody does something: late is not wrong."""

BEAT = (
    "end_trials",
    "renew_subscriptions",
    "announce_overdue_invoices",
    "collect_payments",
    "announce_expiring_subscriptions",
    "expire_quotes",
    "expire_subscriptions",
)
"""What of beat's work is about subscriptions."""

QUEUE = "turnup"

LEFT_TO_DO = text(
    """
    SELECT (SELECT count(*) FROM payables WHERE next_attempt_at <= :now AND status IN ('open', 'dunning'))
      + (SELECT count(*) FROM subscriptions WHERE status = 'trialing' AND trial_ends_at <= :now)
      + (SELECT count(*) FROM subscriptions WHERE status IN ('active', 'past_due') AND current_period_end <= :now
           AND billing_cycle = 'monthly' AND NOT is_set_to_end) AS jobs,
      (SELECT count(*) FROM outbox WHERE handled_at IS NULL)
      + (SELECT count(*) FROM workflow_executions WHERE state IN ('pending', 'running') OR rollback IN ('pending', 'running'))
      + (SELECT count(*) FROM workflow_steps WHERE state = 'waiting' AND wake_at <= :now) AS steps
    """
)


@dataclass(frozen=True)
class Workers:
    """Real workers with beat beside them, and the jobs in both places at once."""

    world: World

    def work(self) -> None:
        sender = self.world.ports.get(Sender)  # type: ignore[type-abstract]
        JOBS["add_history_partitions"].run(self.world)
        for name in BEAT:
            sender.send_task("engine.job", name)
        self._run_jobs()
        eventually(self._is_quiet, within=300, what="the end of the day's work")

    def _run_jobs(self) -> None:
        for name in BEAT:
            JOBS[name].run(self.world)

    def _is_quiet(self) -> bool:
        with self.world.across.transaction() as session:
            left = session.execute(LEFT_TO_DO, {"now": now(session)}).one()
        if left.jobs:
            # owed since the last look, or left to a later run because somebody else was at it
            self._run_jobs()
        return not (left.jobs or left.steps or self.world.redis.llen(QUEUE))


@pytest.fixture
def workers_of_a_year(worker_id: str, mail_server: MailServer, tmp_path: Path) -> Iterator[Workers]:
    """Servers of its own: a clock that is moved is everybody's."""
    tmp_path.chmod(0o755)
    broker = redis.start(tmp_path / "redis", durable=False)
    try:
        settings = replace(prepared(f"turnup_year_{worker_id}", 0), redis_url=broker.url, smtp_url=mail_server.url)
        world = build_world(settings)
        try:
            seed(world)
            with worker_processes(settings):
                yield Workers(world)
        finally:
            world.close()
    finally:
        broker.stop()


def test_a_year_of_subscriptions_comes_to_what_it_should(workers_of_a_year: Workers) -> None:
    world = workers_of_a_year.world
    first_days = (date(2028, 1, 1), date(2028, 1, 15), *MONTH_ENDS)
    contracts = population(CONTRACTS, seed=2028, first_days=first_days, one_by_the_year_in=2)
    seller = Seller(world, contracts)
    seller.open()
    chosen = {*list(days(FIRST_DAY, LAST_DAY))[::EVERY], *seller.days(), LAST_DAY}
    pass_days(seller, sorted(chosen), workers_of_a_year.work, say=lambda _: None)
    grace = world.settings.renewal_grace_days
    wanted = {each.number: expected(each, until=LAST_DAY, grace_days=grace) for each in contracts}
    assert list(books.differences(seller, wanted)) == []
    assert books.taken(seller) == revenue(wanted, contracts) == books.taken_at_gateway(world.settings.var_dir)
