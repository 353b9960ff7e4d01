"""Day after day: the clock is moved, customers act, beat does all that it does, and what was started is worked off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from app.core.clock import move_to
from app.core.world import World
from app.domains.workflows import service as workflows
from app.jobs import JOBS
from soak.engine import Broker
from soak.seller import Seller

HOUR = time(3, tzinfo=UTC)
"""When the day's work is done: past midnight where the seller is, in summer and in winter."""

ROUNDS = 50
"""So often something may follow from what was done; then it goes round in circles."""


def days(first: date, last: date) -> Iterator[date]:
    """Each day of that time."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def pass_days(seller: Seller, chosen: Iterable[date], work: Callable[[], None], *, say: Callable[[date], None]) -> None:
    """Live through these days; `work` does what is due, until nothing is left to do."""
    for day in chosen:
        with seller.world.across.transaction() as session:
            move_to(session, datetime.combine(day, HOUR))
        work()
        if seller.act(day):
            work()
        say(day)


def work_here(world: World, broker: Broker) -> None:
    """All jobs of beat, and all that they and the customers have set going, in this process."""
    for _ in range(ROUNDS):
        for job in JOBS.values():
            job.run(world)
        done = broker.work_off(world)
        while workflows.handle_events(world):
            done += 1
        done += workflows.tick(world) + broker.work_off(world)
        if not done:
            return
    message = f"something is still to be done after {ROUNDS} rounds"
    raise RuntimeError(message)
