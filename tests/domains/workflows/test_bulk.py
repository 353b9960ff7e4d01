"""One verb over a search, in passes that this process makes itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.core.audit import ACTOR
from app.core.clock import move_to, now, utc_now
from app.core.errors import Invalid
from app.core.settings import Settings
from app.domains.workflows import service
from app.domains.workflows.errors import WrongState
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

BULK = Catalogue()
BROKEN: set[int] = set()
"""Numbers of the executions, as their context says, whose step fails."""

STUCK: set[int] = set()
"""And whose step cannot be undone."""


@BULK.operation("bulk.maybe", undone_by="bulk.undo")
def maybe(call: Call, *, n: int) -> dict[str, Any]:
    call.effect("thing", str(n), f"thing {n}", undo={"n": n})
    if n in BROKEN:
        message = f"number {n} is broken"
        raise StepFailed(message, permanent=True)
    return {"n": n}


@BULK.operation("bulk.undo")
def undo(call: Call, *, n: int) -> dict[str, Any]:
    if n in STUCK:
        message = f"number {n} is stuck"
        raise StepFailed(message, permanent=True)
    return {}


@pytest.fixture(scope="session")
def bulk_settings(worker_id: str) -> Settings:
    """A database whose clock may be moved, and which no loop looks at."""
    return replace(prepared(f"turnup_bulk_{worker_id}", 15), resend_after=5.0, test_clock=True)


@pytest.fixture
def lab(bulk_settings: Settings) -> Iterator[Lab]:
    BROKEN.clear()
    STUCK.clear()
    with opened(bulk_settings, BULK) as lab:
        with lab.world.across.transaction() as session:
            move_to(session, utc_now())
        yield lab


def failed(lab: Lab, count: int) -> list[int]:
    """Executions of one workflow that have failed at their second step, number 1 first."""
    document = {
        "name": "many",
        "version": "1.0.0",
        "rollback_on_failure": False,
        "input": {"n": {"type": "integer"}},
        "steps": [
            {"name": "a", "type": "transform", "output": {}},
            step("b", "maybe", service_name="bulk", params={"n": "${n}"}),
        ],
    }
    BROKEN.update(range(1, count + 1))
    with lab.world.database.transaction(lab.owner) as session:
        service.create_workflow(session, document=document)
        ids = [
            service.start(session, workflow="many", context={"n": n}, trigger_type="manual")
            for n in range(1, count + 1)
        ]
    lab.drain()
    assert {lab.look(each).state for each in ids} == {"failed"}
    return ids


def start(lab: Lab, verb: str = "retry", **more: Any) -> int:
    with lab.world.database.transaction(lab.owner) as session:
        session.info[ACTOR] = "somebody"
        arguments = {"filters": {"status": "failed", "workflow": "many"}, "rate": 100.0, "reason": "mended"} | more
        return service.create_bulk(
            session, verb=verb, created_by="somebody", permissions=["workflow:*"], **arguments
        ).id


def report(lab: Lab, bulk_id: int) -> service.Report:
    with lab.world.database.transaction(lab.owner) as session:
        return service.bulk_report(session, bulk_id=bulk_id)


def look(lab: Lab, bulk_id: int) -> service.BulkOperation:
    with lab.world.database.transaction(lab.owner) as session:
        return service.get_bulk(session, bulk_id=bulk_id)


def later(lab: Lab, seconds: float) -> None:
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(seconds=seconds))


def passes(lab: Lab, count: int) -> list[int]:
    """So many passes, a second apart, with the work that follows from each; how many executions each asked."""
    asked = []
    for _ in range(count):
        asked.append(service.advance_bulk(lab.world))
        lab.drain()
        later(lab, 1)
    return asked


def test_it_counts_who_got_past_what_had_failed(lab: Lab) -> None:
    ids = failed(lab, 6)
    BROKEN.difference_update({1, 2, 3, 4})
    bulk_id = start(lab)
    assert (look(lab, bulk_id).total, report(lab, bulk_id).pending) == (6, 6)
    passes(lab, 3)
    told = report(lab, bulk_id)
    assert (told.got_past, told.failed_again, told.refused, told.pending) == (4, 2, 0, 0)
    assert [(p.execution_id, p.message) for p in told.problems] == [
        (ids[4], "number 5 is broken"),
        (ids[5], "number 6 is broken"),
    ]
    assert look(lab, bulk_id).state == "completed"
    with lab.world.database.transaction(lab.owner) as session:
        rows = session.execute(
            text("SELECT actor, action, reason FROM audit_log WHERE object = :o"), {"o": f"execution/{ids[0]}"}
        )
        assert rows.all() == [("somebody", "execution.retry", f"mended (bulk operation {bulk_id})")]


def test_the_rest_follows_only_when_the_canary_got_through(lab: Lab) -> None:
    failed(lab, 8)
    BROKEN.clear()
    bulk_id = start(lab, canary=2)
    assert service.advance_bulk(lab.world) == 2
    assert service.advance_bulk(lab.world) == 0
    assert (report(lab, bulk_id).under_way, report(lab, bulk_id).pending) == (2, 6)
    lab.drain()
    later(lab, 1)
    assert passes(lab, 2) == [6, 0]
    assert (look(lab, bulk_id).state, report(lab, bulk_id).got_past) == ("completed", 8)


def test_a_canary_that_fails_again_stops_it_before_the_rest(lab: Lab) -> None:
    ids = failed(lab, 8)
    BROKEN.discard(1)
    bulk_id = start(lab, canary=2)
    passes(lab, 3)
    found, told = look(lab, bulk_id), report(lab, bulk_id)
    assert (found.state, found.stopped_because) == ("stopped", "1 of the first 2 failed again")
    assert (told.got_past, told.failed_again, told.pending) == (1, 1, 6)
    assert {lab.look(each).state for each in ids[2:]} == {"failed"}
    BROKEN.clear()
    with lab.world.database.transaction(lab.owner) as session:
        service.resume_bulk(session, bulk_id=bulk_id)
    passes(lab, 3)
    assert (look(lab, bulk_id).state, report(lab, bulk_id).got_past) == ("completed", 7)


def test_it_stops_by_itself_when_too_many_fail_again(lab: Lab) -> None:
    failed(lab, 20)
    BROKEN.difference_update({1, 2, 3, 4})
    bulk_id = start(lab, rate=6.0, stop_at=20.0)
    asked = passes(lab, 4)
    found = look(lab, bulk_id)
    assert (asked, found.state) == ([6, 0, 0, 0], "stopped")
    assert found.stopped_because == "33 % failed again (2 of 6); the limit is 20 %"


def test_it_keeps_to_its_rate(lab: Lab) -> None:
    failed(lab, 9)
    BROKEN.clear()
    start(lab, rate=2.0)
    assert passes(lab, 5) == [2, 2, 2, 2, 1]


def test_a_stop_by_hand_asks_no_more(lab: Lab) -> None:
    failed(lab, 6)
    bulk_id = start(lab, rate=2.0)
    passes(lab, 1)
    with lab.world.database.transaction(lab.owner) as session:
        service.stop_bulk(session, bulk_id=bulk_id, reason="enough")
    assert passes(lab, 2) == [0, 0]
    with lab.world.database.transaction(lab.owner) as session, pytest.raises(WrongState, match="stopped, not running"):
        service.stop_bulk(session, bulk_id=bulk_id)


def test_what_a_pass_took_before_it_died_is_asked_by_a_later_one(lab: Lab) -> None:
    failed(lab, 2)
    BROKEN.clear()
    bulk_id = start(lab)
    lab.sql("UPDATE bulk_items SET state = 'taken', taken_at = now() WHERE bulk_id = :b", b=bulk_id)
    assert service.advance_bulk(lab.world) == 0
    lab.sql("UPDATE bulk_items SET taken_at = now() - interval '1 minute' WHERE bulk_id = :b", b=bulk_id)
    assert passes(lab, 2) == [2, 0]
    assert report(lab, bulk_id).got_past == 2


def test_an_execution_whose_state_refuses_it_is_told_and_counts_for_nothing(lab: Lab) -> None:
    ids = failed(lab, 3)
    BROKEN.clear()
    bulk_id = start(lab)
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=ids[1])
    lab.drain()
    passes(lab, 2)
    told = report(lab, bulk_id)
    assert (told.got_past, told.refused, look(lab, bulk_id).state) == (2, 1, "completed")
    assert told.problems[0].message == f"Execution {ids[1]} is cancelled."


def test_replays_and_skips_are_watched_as_well(lab: Lab) -> None:
    failed(lab, 3)
    BROKEN.difference_update({1, 2})
    replays = start(lab, "replay")
    passes(lab, 2)
    told = report(lab, replays)
    assert (told.got_past, told.failed_again) == (2, 1)
    skips = start(lab, "skip")
    passes(lab, 2)
    # the three, and the replay that failed
    assert report(lab, skips).got_past == 4


def test_a_search_of_nothing_in_particular_and_parameters_that_a_verb_does_not_take_are_refused(lab: Lab) -> None:
    with pytest.raises(Invalid, match="Say which executions"):
        start(lab, filters={})
    with pytest.raises(Invalid, match="not those of retry"):
        start(lab, params={"colour": "red"})
    with pytest.raises(Invalid, match="not those of signal"):
        start(lab, "signal")


@pytest.mark.parametrize(
    ("verb", "params"),
    [
        ("retry", {"steps": 5}),
        ("retry", {"steps": "b"}),
        ("retry", {"steps": []}),
        ("skip", {"steps": [5]}),
        ("rerun", {"step": {}}),
        ("rerun", {"context": "n"}),
        ("replay", {"same_version": "maybe"}),
        ("signal", {"name": 5}),
        ("signal", {"name": "it.happens", "data": []}),
        ("approve", {"step": ""}),
    ],
)
def test_parameters_of_a_wrong_type_are_refused_before_anybody_is_asked(
    lab: Lab, verb: str, params: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        start(lab, verb, params=params)
    assert [fault.pointer for fault in refused.value.faults] == [f"/params/{[*params][-1]}"]


def test_what_the_program_itself_cannot_do_is_refused_and_the_operation_ends(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise TypeError

    ids = failed(lab, 2)
    bulk_id = start(lab)
    monkeypatch.setattr(service.verbs, "retry_steps", broken)
    passes(lab, 2)
    told = report(lab, bulk_id)
    assert (told.refused, told.problems[0].message) == (len(ids), "an error of the program: TypeError")
    assert look(lab, bulk_id).state == "completed"


def test_an_empty_name_finds_nothing_and_not_everything(lab: Lab) -> None:
    failed(lab, 1)
    for name in ("workflow", "correlation", "failed_step"):
        with lab.world.database.transaction(lab.owner) as session:
            assert service.preview_bulk(session, filters={name: ""}).count == 0


def test_a_rollback_after_which_a_rerun_goes_on_has_got_past(lab: Lab) -> None:
    [first, _] = failed(lab, 2)
    BROKEN.clear()
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=first)
    lab.drain()
    assert lab.look(first).state == "completed"
    STUCK.add(1)
    with lab.world.database.transaction(lab.owner) as session:
        service.rerun(session, execution_id=first, step_name="b")
    lab.drain()
    assert lab.look(first).rollback == "incomplete"
    STUCK.clear()
    bulk_id = start(lab, "rollback")
    passes(lab, 3)
    told = report(lab, bulk_id)
    assert (told.got_past, told.refused, look(lab, bulk_id).state) == (1, 1, "completed")
    assert lab.look(first).state == "completed"


def test_executions_are_found_by_what_failed(lab: Lab) -> None:
    ids = failed(lab, 3)

    def found(**filters: Any) -> list[int]:
        with lab.world.database.transaction(lab.owner) as session:
            return sorted(each.id for each in session.scalars(service.list_executions(**filters)))

    assert found(error="BER 2 is") == [ids[1]]
    assert found(error="100%") == []
    assert found(failed_step="b", trigger="manual") == ids
    assert found(failed_step="a") == found(trigger="event") == []


def test_passes_at_once_ask_each_execution_once(lab: Lab) -> None:
    ids = failed(lab, 12)
    BROKEN.clear()
    bulk_id = start(lab)
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: service.advance_bulk(lab.world), range(8)))
    assert (sum(asked), report(lab, bulk_id).under_way) == (12, 12)
    with lab.world.database.transaction(lab.owner) as session:
        audited = session.execute(text("SELECT count(*) FROM audit_log WHERE action = 'execution.retry'")).scalar_one()
    assert audited == len(ids)
