"""The nightly scan: what beat does with a million subscriptions in one night, and what it costs when there is nothing to do.

The subscriptions end evenly over a year (those by the year) and a month (those by the month). Of a thousand, 590 are by the
year and half of these renew by themselves; 300 are by the month and renew by themselves, and 110 are by the month and do not.
Four of a thousand have ended in the night. Of whom to tell, all were told but those of this night.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from rich.table import Table

from app.core.world import World
from app.domains.billing import service as billing
from app.domains.customers import service as customers
from app.jobs import BATCH, JOBS
from benchmarks.filling import copy_rows, settle
from benchmarks.stack import Stack

TIMES = 10
RENEWED = 1000
"""So many months have ended when renewals are measured, a tenth of a night's: each is an invoice with its number, line, payable
and event."""

SCANS = ("announce_expiring_subscriptions", "expire_subscriptions", "renew_subscriptions", "end_trials")

BARS = {
    "announced_per_second": (500.0, True),
    "expired_per_second": (500.0, True),
    "renewed_per_second": (20.0, True),
    "slowest_idle_scan_ms": (1000.0, False),
}

_BY_THE_MONTH = "n % 100 >= 59"
_BY_ITSELF = "CASE WHEN n % 100 < 59 THEN n % 2 = 0 ELSE n % 100 < 89 END"
_TERM = f"CASE WHEN {_BY_THE_MONTH} THEN interval '30 days' ELSE interval '365 days' END"
_NOTICE = f"CASE WHEN {_BY_THE_MONTH} THEN interval '6 days 12 hours' ELSE interval '29 days' END"
"""A day less than the real one: what ends later is told of in the night that is measured."""


def measure(stack: Stack, *, subscriptions: int, say: Callable[[str], object]) -> dict[str, Any]:
    """Fill the table, run each job until it has nothing left, then time the runs that find nothing."""
    _fill(stack, subscriptions)
    say(f"{subscriptions} subscriptions in the table")
    found: dict[str, Any] = {"subscriptions": subscriptions}
    for name, work in (("announced", _announce), ("expired", _expire)):
        done, seconds = _timed(stack.world, work)
        found |= {name: done, f"{name}_per_second": done / seconds}
        say(f"{name}: {done} in {seconds:.1f} s")
    _let_months_end(stack)
    begun = time.perf_counter()
    run = billing.renew_automatically(stack.world)
    seconds = time.perf_counter() - begun
    if run.failed or not run.done:
        message = f"{run.done} months renewed, {run.failed} could not be"
        raise RuntimeError(message)
    found |= {"renewed": run.done, "renewed_per_second": run.done / seconds}
    say(f"renewed: {run.done} in {seconds:.1f} s")
    settle(stack.connection, "subscriptions")
    idle = {name: _idle(stack.world, name) for name in SCANS}
    return found | {"idle_scans_ms": idle, "slowest_idle_scan_ms": max(idle.values())}


def table(found: dict[str, Any]) -> Table:
    """The figures with their bars."""
    made = Table(f"{found['subscriptions']:,} subscriptions", "measured", "bar", "")
    for name, (limit, at_least) in BARS.items():
        holds = found[name] >= limit if at_least else found[name] <= limit
        made.add_row(
            name.replace("_", " "),
            f"{found[name]:.1f}",
            f"{'>=' if at_least else '<='} {limit:g}",
            "[green]pass[/green]" if holds else "[red]FAIL[/red]",
        )
    for name, value in found["idle_scans_ms"].items():
        made.add_row(f"{name}, nothing to do, ms", f"{value:.1f}", "", "")
    return made


def _fill(stack: Stack, number: int) -> None:
    """Copy a subscription that the product itself made."""
    with stack.world.database.transaction(stack.owner) as session:
        billing.seed(session)
        new = customers.NewCustomer(email="bench@example.com", name="Bench Mark", currency="USD")
        customer = customers.create_customer(session, new=new)
        made = billing.create_subscription(session, customer_id=customer.id, plan="standard", key="bench")
        billing.start_subscription(session, subscription_id=made.id)
    end = f"CASE WHEN n % 250 = 249 THEN now() - interval '1 hour' ELSE now() + n * ({_TERM}) / {number} END"
    told = f"({end} <= now() + ({_NOTICE}))"
    copy_rows(
        stack.connection,
        "subscriptions",
        where=f"t.id = '{made.id}'",
        number=number,
        instead={
            "id": "gen_random_uuid()",
            "created_for": "NULL",
            "billing_cycle": f"CASE WHEN {_BY_THE_MONTH} THEN 'monthly' ELSE 'annual' END",
            "renews_automatically": f"n % 250 < 249 AND {_BY_ITSELF}",
            "status": f"CASE WHEN {told} AND NOT ({_BY_ITSELF}) THEN 'expiring' ELSE 'active' END",
            "notice_sent_for": f"CASE WHEN {told} THEN {end} END",
            "anchor_day": f"extract(day FROM {end} AT TIME ZONE 'UTC')",
            "current_period_start": f"{end} - ({_TERM})",
            "current_period_end": end,
            "created_at": f"now() - n * interval '730 days' / {number}",
        },
    )
    settle(stack.connection, "subscriptions")


def _let_months_end(stack: Stack) -> None:
    stack.connection.execute(
        f"""
        UPDATE subscriptions SET current_period_start = date_trunc('day', now(), 'UTC') - interval '30 days',
          current_period_end = date_trunc('day', now(), 'UTC'), anchor_day = extract(day FROM now() AT TIME ZONE 'UTC')
        WHERE id IN (SELECT id FROM subscriptions WHERE renews_automatically AND billing_cycle = 'monthly'
                     AND status = 'active' LIMIT {RENEWED})
        """.encode()
    )


def _timed(world: World, work: Callable[[World], int]) -> tuple[int, float]:
    begun = time.perf_counter()
    total = 0
    while done := work(world):
        total += done
    return total, time.perf_counter() - begun


def _announce(world: World) -> int:
    with world.across.transaction() as session:
        return billing.announce_expiring(session, days=world.settings.renewal_notice_days, limit=BATCH)


def _expire(world: World) -> int:
    with world.across.transaction() as session:
        return billing.expire_subscriptions(session, grace_days=world.settings.renewal_grace_days, limit=BATCH)


def _idle(world: World, job: str) -> float:
    """Milliseconds of a run that finds nothing to do, the median of some."""

    def once() -> float:
        begun = time.perf_counter()
        JOBS[job].run(world)
        return (time.perf_counter() - begun) * 1000

    return statistics.median(once() for _ in range(TIMES))
