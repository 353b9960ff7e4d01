"""Circuit breakers and rates of outside systems, one delivery at a time, on a database that no worker looks at."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import ConfigurationError, Settings
from app.core.world import World
from app.domains.tenants import service as tenants
from app.domains.workflows import service
from app.domains.workflows.errors import IntegrationNotFound
from app.factory import build_world, create_app
from app.http.principal import Principal
from app.http.tokens import Tokens
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Effect
from tests.domains.workflows.lab import Lab, Recorder
from tests.scenarios.conftest import step
from tests.servers import prepared

FAILURES = 3
SECONDS = 10.0
QUICK = RetryPolicy(maximum_attempts=4, initial_interval=1.0, maximum_interval=2.0, jitter=False)

Act = Callable[[Call], Any]


class Down(Exception):
    """The outside system does not answer."""


@dataclass
class System:
    """An outside system of the test's own, and the operations that need it. `answer`: what becomes of a call."""

    name: str
    answer: Act = field(default=lambda call: None)
    calls: list[tuple[int, str, int]] = field(default_factory=list)

    def goes_down(self) -> None:
        def fail(call: Call) -> None:
            raise Down

        self.answer = fail

    def works(self) -> None:
        self.answer = lambda call: None

    def refuses(self) -> None:
        def refuse(call: Call) -> None:
            raise StepFailed("declined", permanent=True)

        self.answer = refuse

    def operations(self) -> Catalogue:
        catalogue = Catalogue()

        def ask(call: Call) -> dict[str, Any]:
            self.calls.append((call.execution_id, call.step_name, call.attempt))
            self.answer(call)
            call.effect("thing", call.step_name, call.step_name, undo={"name": call.step_name})
            return {"asked": call.step_name}

        @catalogue.operation("outside.plain", undone_by="outside.undo", retry=QUICK, integration=self.name)
        def plain(call: Call) -> dict[str, Any]:
            return ask(call)

        @catalogue.operation(
            "outside.leased",
            undone_by="outside.undo",
            retry=QUICK,
            integration=self.name,
            lease=True,
            intends=lambda call, params: [Effect("thing", call.step_name, "intended", undo={"name": call.step_name})],
        )
        def leased(call: Call) -> dict[str, Any]:
            return ask(call)

        @catalogue.operation(
            "outside.once", retry=RetryPolicy(maximum_attempts=1), integration=self.name, effects=False
        )
        def once(call: Call) -> dict[str, Any]:
            return ask(call)

        @catalogue.operation("outside.undo", retry=QUICK, integration=self.name)
        def undo(call: Call, *, name: str) -> dict[str, Any]:
            self.calls.append((call.execution_id, f"undo {name}", call.attempt))
            self.answer(call)
            return {}

        @catalogue.operation("inside.note")
        def note(call: Call, *, fail: bool = False) -> dict[str, Any]:
            if fail:
                raise StepFailed("on purpose", permanent=True)
            return {}

        return catalogue


def outside(name: str = "s", method: str = "plain", **more: Any) -> dict[str, Any]:
    return step(name, method, service_name="outside", **more)


@dataclass
class Outside(Lab):
    """The engine in this process, and one outside system."""

    system: System = field(default_factory=lambda: System("unnamed"))

    def row(self) -> Any:
        with self.world.across.transaction() as session:
            query = text("SELECT * FROM integrations WHERE name = :name")
            return session.execute(query, {"name": self.system.name}).one_or_none()

    def held(self) -> int:
        with self.world.across.transaction() as session:
            query = text("SELECT count(*) FROM workflow_steps WHERE throttled_by = :name AND not_before IS NOT NULL")
            return int(session.execute(query, {"name": self.system.name}).scalar_one())

    def admit(self) -> int:
        with self.world.across.transaction() as session:
            return service.admit_held_steps(session)

    def later(self, seconds: float) -> None:
        """Business time goes on."""
        with psycopg.connect(self.world.settings.migration_database_url) as connection:
            connection.execute("UPDATE clock_offset SET seconds = seconds + %s", [seconds])

    def opened(self) -> None:
        """The breaker is open, by calls that failed for good."""
        self.system.goes_down()
        for _ in range(FAILURES):
            self.start([outside("s", "once")])
            self.drain()
        self.system.calls.clear()
        assert self.row().state == "open"

    def go(self) -> None:
        """Work until nothing is in the broker, and the retries that follow."""
        self.drain()
        self.later(3)

    def one(self, execution_id: int) -> service.WorkflowStep:
        return self.steps(execution_id)["s"]

    def of_another_tenant(self) -> Outside:
        return Outside(self.world, tenant(self.world), self.broker, self.system)


def tenant(world: World) -> UUID:
    with world.database.transaction(OPERATOR_ID) as session:
        slug = f"t{new_id().hex[-12:]}"
        return tenants.create_tenant(session, name=slug, slug=slug).id


@pytest.fixture(scope="session")
def base(worker_id: str) -> Settings:
    """A database of its own: breakers are the whole installation's."""
    found = prepared(f"turnup_outside_{worker_id}", 14)
    return replace(
        found, resend_after=5.0, breaker_failures=FAILURES, breaker_seconds=SECONDS, breaker_longest_seconds=25.0
    )


@pytest.fixture
def system() -> System:
    return System(f"system-{secrets.token_hex(6)}")


@pytest.fixture
def opened_worlds(base: Settings, system: System) -> Iterator[Callable[..., Outside]]:
    """A function that makes a world of its own over the same database, with a limit for the system."""
    with psycopg.connect(base.migration_database_url) as connection:
        # what other tests left behind is not this one's to admit
        connection.execute("UPDATE workflow_steps SET throttled_by = NULL WHERE throttled_by IS NOT NULL")
    with ExitStack() as stack:

        def make(limit: str | None = None, **settings: Any) -> Outside:
            limits = (f"{system.name}={limit}",) if limit else ()
            broker = Recorder()
            world = build_world(replace(base, integration_limits=limits, **settings), sender=broker)
            stack.callback(world.close)
            world.operations.include(system.operations())
            return Outside(world, tenant(world), broker, system)

        yield make


@pytest.fixture
def lab(opened_worlds: Callable[..., Outside]) -> Outside:
    return opened_worlds()


# --- the breaker ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_a_system_that_works_costs_no_write(lab: Outside, method: str) -> None:
    execution_id = lab.start([outside("s", method)])
    lab.drain()
    assert (lab.look(execution_id).state, lab.row()) == ("completed", None)


def test_failures_in_a_row_open_it_for_all_tenants(lab: Outside) -> None:
    lab.system.goes_down()
    others = [lab, lab.of_another_tenant(), lab.of_another_tenant()]
    for n, each in enumerate(others, start=1):
        assert lab.row() is None or lab.row().state == "closed"
        each.start([outside("s", "once")])
        each.drain()
        assert lab.row().failures == n
    row = lab.row()
    assert (row.state, row.openings, row.last_error) == ("open", 1, "Down: ")
    assert row.retry_at - row.opened_at == timedelta(seconds=SECONDS)


@pytest.mark.parametrize("method", ["plain", "leased"])
@pytest.mark.parametrize("redelivered", [False, True])
def test_while_it_is_open_steps_are_held_back_without_an_attempt(
    lab: Outside, method: str, *, redelivered: bool
) -> None:
    lab.opened()
    execution_id = lab.start([outside("s", method)])
    lab.broker.sent.clear()
    outcome = lab.deliver(execution_id, 0, redelivered=redelivered)
    row = lab.one(execution_id)
    assert (outcome.error, outcome.retry_in, outcome.ready) == (None, None, {})
    assert (row.state, row.attempts, row.throttled_by, row.sent_at) == ("pending", 0, lab.system.name, None)
    assert lab.system.calls == []
    told = lab.history(execution_id)[-1]
    assert (told.to_state, told.error and lab.system.name in told.error) == ("held back", True)
    # the sweeper leaves it alone, and a message of before finds nothing to do
    lab.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=execution_id)
    lab.sweep()
    lab.deliver(execution_id, 0)
    assert execution_id not in {sent[1] for sent in lab.broker.sent}
    assert (lab.admit(), lab.system.calls) == (0, [])


def test_a_success_forgets_the_failures_before_it(lab: Outside) -> None:
    for _ in range(2):
        lab.system.goes_down()
        for _ in range(FAILURES - 1):
            lab.start([outside("s", "once")])
            lab.drain()
        lab.system.works()
        lab.start([outside()])
        lab.drain()
        assert (lab.row().state, lab.row().failures) == ("closed", 0)


def test_what_is_refused_for_good_does_not_count(lab: Outside) -> None:
    lab.system.refuses()
    for _ in range(FAILURES + 1):
        lab.start([outside()])
        lab.drain()
    assert lab.row() is None


def test_errors_of_our_own_database_do_not_count(lab: Outside) -> None:
    lab.system.answer = lambda call: call.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    execution_id = lab.start([outside("s", "once")])
    lab.drain()
    assert (lab.one(execution_id).state, lab.row()) == ("failed", None)


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_after_a_while_one_probe_asks_and_its_success_lets_all_go(lab: Outside, method: str) -> None:
    lab.opened()
    waiting = [lab.start([outside("s", method)]) for _ in range(4)]
    lab.drain()
    lab.system.works()
    assert lab.admit() == 0
    lab.later(SECONDS)
    assert (lab.admit(), lab.row().state) == (1, "half_open")
    assert (lab.admit(), len(lab.broker.sent)) == (0, 1)
    lab.drain()
    assert (lab.row().state, lab.row().failures, len(lab.system.calls)) == ("closed", 0, 1)
    assert lab.admit() == 3
    lab.drain()
    assert {lab.look(each).state for each in waiting} == {"completed"}
    assert {lab.one(each).attempts for each in waiting} == {1}
    assert (lab.held(), lab.admit(), lab.row().is_queued) == (0, 0, False)


def test_a_probe_that_fails_never_costs_the_last_attempt_and_opens_it_for_longer(lab: Outside) -> None:
    lab.opened()
    execution_id = lab.start([outside("s", "leased")])
    lab.drain()
    # 25 seconds are the longest there is; of four attempts the last is left
    for seconds, attempts in ((SECONDS, 1), (2 * SECONDS, 2), (25.0, 3), (25.0, 3), (25.0, 3)):
        row = lab.row()
        assert row.retry_at - row.last_failed_at == timedelta(seconds=seconds)
        lab.later(seconds)
        assert lab.admit() == 1
        lab.drain()
        assert (lab.row().state, lab.one(execution_id).state, lab.one(execution_id).attempts) == (
            "open",
            "pending",
            attempts,
        )
    assert [attempt for *_, attempt in lab.system.calls] == [1, 2, 3, 4, 4]
    assert lab.one(execution_id).error_type == "Down"
    lab.system.works()
    lab.later(25)
    lab.admit()
    lab.drain()
    assert (lab.look(execution_id).state, lab.row().state, lab.row().openings) == ("completed", "closed", 0)


def test_a_probe_whose_policy_allows_one_attempt_has_made_it(lab: Outside) -> None:
    lab.opened()
    execution_id = lab.start([outside("s", "once")])
    lab.drain()
    lab.later(SECONDS)
    lab.admit()
    lab.drain()
    assert (lab.one(execution_id).state, lab.row().state, lab.row().openings) == ("failed", "open", 2)


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_of_two_workers_at_once_one_is_the_probe(lab: Outside, method: str) -> None:
    lab.opened()
    lab.later(SECONDS)
    asking, other_is_done = threading.Event(), threading.Event()

    def answer(call: Call) -> None:
        asking.set()
        assert other_is_done.wait(20)

    lab.system.answer = answer
    first, second = (lab.start([outside("s", method)]) for _ in range(2))
    lab.broker.sent.clear()
    worker = threading.Thread(target=lab.deliver, args=(first, 0))
    worker.start()
    try:
        assert asking.wait(20)
        lab.deliver(second, 0)
        assert (lab.row().state, lab.one(second).throttled_by, lab.one(second).attempts) == (
            "half_open",
            lab.system.name,
            0,
        )
    finally:
        other_is_done.set()
        worker.join()
    assert len(lab.system.calls) == 1
    assert (lab.look(first).state, lab.row().state, lab.admit()) == ("completed", "closed", 1)


def test_a_probe_that_does_not_come_back_is_followed_by_another(lab: Outside) -> None:
    lab.opened()
    waiting = [lab.start([outside()]) for _ in range(2)]
    lab.drain()
    lab.later(SECONDS)
    assert lab.admit() == 1
    lab.broker.sent.clear()  # its message is lost
    assert lab.admit() == 0
    lab.later(60)
    lab.system.works()
    assert lab.admit() == 1
    lab.drain()
    lab.admit()
    for each in waiting:
        lab.to_the_end(each)
    assert {lab.look(each).state for each in waiting} == {"completed"}


def test_a_probe_that_is_refused_closes_it_on_trial(lab: Outside) -> None:
    lab.opened()
    execution_id = lab.start([outside()])
    lab.drain()
    lab.later(SECONDS)
    lab.system.refuses()
    lab.admit()
    lab.drain()
    assert (lab.look(execution_id).state, lab.row().state) == ("failed", "closed")
    lab.system.goes_down()
    lab.start([outside("s", "once")])
    lab.drain()
    row = lab.row()
    assert (row.state, row.retry_at - row.opened_at) == ("open", timedelta(seconds=2 * SECONDS))


def test_an_undo_waits_for_a_dead_system_without_an_attempt(lab: Outside) -> None:
    execution_id = lab.start([outside("s", "leased"), step("bad", service_name="inside", params={"fail": True})])
    lab.deliver(*lab.broker.sent.pop(0)[1:3])
    bad = lab.broker.sent.pop(0)
    lab.opened()
    lab.deliver(*bad[1:3])
    service.settle(lab.world.database, owner_id=lab.owner, execution_id=execution_id)
    lab.drain()
    row = lab.one(execution_id)
    assert (row.state, row.undo_attempts, row.throttled_by) == ("compensating", 0, lab.system.name)
    lab.later(SECONDS)
    assert lab.admit() == 1
    lab.drain()
    row = lab.one(execution_id)
    assert (row.state, row.undo_attempts, len(lab.system.calls)) == ("compensating", 1, 1)
    lab.system.works()
    lab.later(2 * SECONDS)
    assert lab.admit() == 1
    lab.drain()
    assert (lab.one(execution_id).state, lab.look(execution_id).rollback) == ("compensated", "done")


def test_a_person_closes_it(lab: Outside) -> None:
    lab.opened()
    execution_id = lab.start([outside()])
    lab.drain()
    lab.system.works()
    with lab.world.database.transaction(lab.owner) as session, pytest.raises(IntegrationNotFound):
        service.reset_integration(session, name=lab.system.name)
    with lab.world.database.transaction(OPERATOR_ID) as session:
        before = {each.name: each for each in service.list_integrations(session)}[lab.system.name]
        after = service.reset_integration(session, name=lab.system.name, reason="mended")
    assert (before.state, before.last_error, after.state, after.failures) == ("open", "Down: ", "closed", 0)
    assert lab.admit() == 1
    lab.drain()
    assert lab.look(execution_id).state == "completed"


def test_a_tenant_sees_that_it_is_open_but_no_words_of_another_s_error(lab: Outside) -> None:
    lab.opened()
    lab.start([outside()])
    lab.drain()
    seen = []
    for owner in (lab.owner, tenant(lab.world)):
        with lab.world.database.transaction(owner) as session:
            found = {each.name: each for each in service.list_integrations(session)}[lab.system.name]
            seen.append((found.state, found.last_error, found.held))
    assert seen == [("open", None, 1), ("open", None, 0)]


def test_by_http_it_is_seen_by_all_and_closed_by_the_operator(lab: Outside) -> None:
    lab.opened()
    http = create_app(lab.world.settings, lab.world).test_client()

    def headers(owner: UUID, *permissions: str) -> dict[str, str]:
        principal = Principal(new_id(), owner, "anybody@example.com", permissions=frozenset(permissions))
        return {"Authorization": f"Bearer {Tokens(lab.world.settings).issue(principal)}"}

    def seen(owner: UUID) -> dict[str, Any]:
        listed = http.get("/api/v1/integrations", headers=headers(owner, "workflow:view")).get_json()
        return next(each for each in listed if each["name"] == lab.system.name)

    execution_id = lab.start([outside()])
    lab.drain()
    assert (seen(lab.owner)["state"], seen(lab.owner)["held"], seen(lab.owner)["last_error"]) == ("open", 1, None)
    assert (seen(OPERATOR_ID)["last_error"], seen(OPERATOR_ID)["operations"][0]) == ("Down: ", "outside.leased")
    shown = http.get(
        f"/api/v1/workflows/executions/{execution_id}", headers=headers(lab.owner, "workflow:view")
    ).get_json()
    assert (shown["steps"][0]["status"], shown["steps"][0]["held_by"]) == ("pending", lab.system.name)
    path = f"/api/v1/integrations/{lab.system.name}/reset"
    assert http.post(path, json={}, headers=headers(OPERATOR_ID, "workflow:view")).status_code == 403
    assert http.post(path, json={}, headers=headers(lab.owner, "*")).status_code == 404
    done = http.post(path, json={"reason": "mended"}, headers=headers(OPERATOR_ID, "integration.reset"))
    assert (done.status_code, done.get_json()["state"], lab.row().state) == (200, "closed", "closed")


# --- the rate ---------------------------------------------------------------------------------------------------------


def test_a_limit_holds_for_all_workers_together(opened_worlds: Callable[..., Outside]) -> None:
    here, there = opened_worlds("5/hour"), opened_worlds("5/hour")
    started = [(each, each.start([outside()])) for _ in range(5) for each in (here, there)]
    for each, _ in started:
        each.drain()
    assert len(here.system.calls) == 5
    assert Counter(each.look(execution_id).state for each, execution_id in started) == {"completed": 5, "running": 5}
    assert (here.held(), here.admit(), there.admit()) == (5, 0, 0)
    assert {each.one(execution_id).attempts for each, execution_id in started} == {0, 1}


def test_without_redis_nothing_is_limited_and_nothing_is_lost(opened_worlds: Callable[..., Outside]) -> None:
    lab = opened_worlds("1/hour", redis_url="redis://127.0.0.1:1/0")
    started = [lab.start([outside()]) for _ in range(3)]
    lab.drain()
    assert {lab.look(each).state for each in started} == {"completed"}
    lab.opened()
    execution_id = lab.start([outside()])
    lab.drain()
    lab.system.works()
    lab.later(SECONDS)
    lab.admit()
    lab.drain()
    assert lab.look(execution_id).state == "completed"


@pytest.mark.parametrize("limit", ["payments", "payments=", "payments=often", "Payments=1/second", "=1/second"])
def test_a_limit_that_cannot_be_read_is_refused_at_the_start(base: Settings, limit: str) -> None:
    with pytest.raises(ConfigurationError, match="TURNUP_INTEGRATION_LIMITS"):
        build_world(replace(base, integration_limits=(limit,)))


def test_nobody_overtakes_those_who_wait(opened_worlds: Callable[..., Outside]) -> None:
    lab = opened_worlds("1/second")
    first, second = (lab.start([outside()]) for _ in range(2))
    lab.drain()
    assert lab.held() == 1
    free = opened_worlds()  # a world without the limit
    third = free.start([outside()])
    free.drain()
    assert free.one(third).throttled_by == lab.system.name
    assert [each[0] for each in lab.system.calls] == [first]
    free.broker.sent.clear()
    assert free.admit() == 2
    assert {each[1] for each in free.broker.sent} == {second, third}


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_another_attempt_asks_for_its_own_turn(opened_worlds: Callable[..., Outside], method: str) -> None:
    lab = opened_worlds("1/hour")
    _, execution_id = (lab.start([outside("s", method)]) for _ in range(2))
    lab.drain()
    free = opened_worlds()
    free.admit()
    lab.broker.sent = free.broker.sent
    lab.system.goes_down()
    lab.drain()
    row = lab.one(execution_id)
    assert (row.attempts, row.throttled_by) == (1, None)
    lab.due(execution_id)
    lab.sweep()
    lab.drain()
    row = lab.one(execution_id)
    assert (row.attempts, row.throttled_by, len(lab.system.calls)) == (1, lab.system.name, 2)


def test_while_the_broker_is_away_nobody_is_let_go(opened_worlds: Callable[..., Outside]) -> None:
    lab = opened_worlds("1/hour")
    started = [lab.start([outside()]) for _ in range(3)]
    lab.drain()
    free = opened_worlds()
    free.broker.away = True
    assert (free.admit(), free.held()) == (0, 2)
    free.broker.away = False
    assert free.admit() == 2
    lab.broker.sent, free.broker.sent = free.broker.sent, []
    lab.drain()
    # they had their turn, so they ask for none
    assert {lab.look(each).state for each in started} == {"completed"}


def test_what_was_cancelled_meanwhile_is_forgotten(opened_worlds: Callable[..., Outside]) -> None:
    lab = opened_worlds("1/hour")
    _, second = (lab.start([outside()]) for _ in range(2))
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=second)
    # before and after it is settled
    for _ in range(2):
        free = opened_worlds()
        assert (free.admit(), free.broker.sent, free.held()) == (0, [], 0)
        lab.drain()
    assert (lab.look(second).state, lab.one(second).throttled_by) == ("cancelled", None)


def test_pass_after_pass_it_is_the_next_tenant_s_turn(opened_worlds: Callable[..., Outside]) -> None:
    lab = opened_worlds("1/hour")
    lab.start([outside()])
    lab.drain()
    others = [lab.of_another_tenant() for _ in range(3)]
    for each in others:
        for _ in range(2):
            execution_id = each.start([outside()])
            each.broker.sent.clear()
            each.deliver(execution_id, 0)
    served = []
    for limit in ("1/minute", "1/day", "1/month", "1/year", "1 per 2 hours", "1 per 3 hours"):  # of its own each
        one = opened_worlds(limit)
        assert one.admit() == 1
        served.append(one.broker.sent[0][0])
    assert set(served[:3]) == {each.owner for each in others}
    assert served[3:] == served[:3]


_COPY = """
    DO $$
    DECLARE executions text; steps text;
    BEGIN
      SELECT string_agg(quote_ident(column_name), ',') INTO executions FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name = 'workflow_executions' AND is_generated = 'NEVER' AND column_name <> 'id';
      SELECT string_agg(quote_ident(column_name), ',') INTO steps FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name = 'workflow_steps' AND is_generated = 'NEVER' AND column_name <> 'execution_id';
      EXECUTE format('WITH e AS (INSERT INTO workflow_executions (%1$s) SELECT %1$s FROM workflow_executions, generate_series(1, {more}) '
        'WHERE id = {id} RETURNING id) INSERT INTO workflow_steps (execution_id, %2$s) '
        'SELECT e.id, %3$s FROM e, workflow_steps s WHERE s.execution_id = {id}', executions, steps,
        (SELECT string_agg('s.' || c, ',') FROM unnest(string_to_array(steps, ',')) c));
    END $$
"""


def test_ten_thousand_of_one_tenant_delay_no_other(opened_worlds: Callable[..., Outside]) -> None:
    lab = opened_worlds("1/hour")
    lab.start([outside()])
    many = lab.start([outside()])
    lab.drain()
    with lab.world.across.transaction() as session:
        session.execute(text(_COPY.format(id=many, more=9_999)))
    others = [lab.of_another_tenant() for _ in range(3)]
    single = [each.start([outside()]) for each in others]
    for each, execution_id in zip(others, single, strict=True):
        each.broker.sent.clear()
        each.deliver(execution_id, 0)
    assert lab.held() == 10_003
    slow = opened_worlds("8/minute")
    assert slow.admit() == 8
    sent = [(owner, execution_id) for owner, execution_id, *_ in slow.broker.sent]
    # the first of each tenant before the second of any; of one tenant the oldest first
    assert {owner for owner, _ in sent[:4]} == {lab.owner, *(each.owner for each in others)}
    assert [execution_id for owner, execution_id in sent if owner == lab.owner] == [many, *range(many + 1, many + 5)]
