"""What recurs: each job runs and says what it did, and takes work of any size in batches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app import jobs
from app.core.clock import now
from app.core.ids import new_id
from app.core.world import World
from app.domains.billing import service as billing
from app.domains.billing.models import Subscription
from app.domains.sales.models import Order
from app.domains.sales.service import drafts
from tests.domains.sales.conftest import open_shop

Subscriptions = Callable[..., list[UUID]]


@pytest.fixture
def subscriptions(world: World, owner: UUID) -> Subscriptions:
    """A function that makes so many subscriptions whose month ends in so many days."""

    def make(number: int, *, ends_in_days: int) -> list[UUID]:
        with world.database.transaction(owner) as session:
            made = [
                billing.open_account(
                    session,
                    tenant_id=new_id(),
                    slug="example-isp",
                    name="Example ISP Inc.",
                    email="billing@example.com",
                    currency="USD",
                    amount=Decimal("348.00"),
                    billing_cycle="monthly",
                    order_id=42,
                    service_codes=["billing-invoicing"],
                ).subscription.id
                for _ in range(number)
            ]
            end = now(session) + timedelta(days=ends_in_days)
            session.execute(
                update(Subscription)
                .where(Subscription.id.in_(made))
                .values(current_period_start=end - timedelta(days=30), current_period_end=end)
            )
            return made

    return make


def _states(world: World, owner: UUID, ids: list[UUID]) -> list[str]:
    with world.database.transaction(owner) as session:
        return sorted(session.scalars(select(Subscription.status).where(Subscription.id.in_(ids))))


@pytest.mark.parametrize("name", sorted(jobs.JOBS))
def test_each_job_runs_twice_and_says_what_it_did(world: World, name: str) -> None:
    for _ in range(2):
        assert jobs.JOBS[name].run(world).endswith(".")


@pytest.mark.parametrize(
    ("name", "ends_in_days", "state"),
    [("announce_expiring_subscriptions", 5, "expiring"), ("expire_subscriptions", -1, "expired")],
)
def test_what_is_more_than_a_batch_is_done_in_one_run(
    world: World,
    owner: UUID,
    subscriptions: Subscriptions,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    ends_in_days: int,
    state: str,
) -> None:
    made = subscriptions(5, ends_in_days=ends_in_days)
    monkeypatch.setattr(jobs, "BATCH", 2)
    jobs.JOBS[name].run(world)
    assert _states(world, owner, made) == [state] * 5


def test_a_run_ends_though_there_is_more_and_the_next_goes_on(
    world: World, owner: UUID, subscriptions: Subscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire = jobs.JOBS["expire_subscriptions"].run
    expire(world)
    made = subscriptions(5, ends_in_days=-1)
    monkeypatch.setattr(jobs, "BATCH", 2)
    monkeypatch.setattr(jobs, "MOST_BATCHES", 2)
    assert expire(world) == "4 subscriptions expired."
    assert _states(world, owner, made) == ["active"] + ["expired"] * 4
    assert expire(world) == "1 subscriptions expired."


def test_old_drafts_expire_however_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(world)
    ids = [shop.draft().id for _ in range(3)]
    with shop.session() as session:
        long_ago = now(session) - timedelta(days=world.settings.draft_order_days + 1)
        session.execute(update(Order).where(Order.id.in_(ids)).values(created_at=long_ago))
    monkeypatch.setattr(drafts, "DRAFTS_PER_RUN", 2)
    jobs.JOBS["expire_draft_orders"].run(world)
    assert [shop.order(each).status for each in ids] == ["cancelled"] * 3


def test_deployments_are_asked_in_batches_and_not_all_in_one_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask(_: World, *, limit: int) -> int:
        asked.append(limit)
        return limit if len(asked) % 7 else limit - 1

    monkeypatch.setattr(jobs.deployments, "check_health", ask)
    check = jobs.JOBS["check_deployments"].run
    assert check(world) == "250 deployments asked for their health."
    assert check(world) == "99 deployments asked for their health."
    assert asked == [jobs.HEALTH_BATCH] * 7
