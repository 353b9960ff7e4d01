"""An event that is waited for until a moment; and whose affair an event is that somebody has waited for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import move_to, now, utc_now
from app.core.settings import Settings
from app.domains.workflows import service
from tests.domains.workflows import test_waiting
from tests.domains.workflows.lab import Lab
from tests.domains.workflows.test_waiting import begun, hand_on, output, pass_time, raise_event, wait
from tests.scenarios.conftest import step
from tests.servers import prepared

lab = test_waiting.lab


@pytest.fixture(scope="session")
def waiting_settings(worker_id: str) -> Settings:
    """A database of its own: the other tests of waits run beside these, in one process."""
    return replace(prepared(f"turnup_until_{worker_id}", 15), resend_after=5.0, test_clock=True, check_events=False)


def in_hours(hours: float) -> str:
    return (utc_now() + timedelta(hours=hours)).isoformat()


def test_an_event_before_the_moment_ends_the_wait(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="thing.done", until=in_hours(2), on_timeout="continue")])
    raise_event(lab, "thing.done", {"a": 1})
    hand_on(lab)
    assert output(lab, execution_id, "w")["timed_out"] is False
    assert lab.look(execution_id).state == "completed"


@pytest.mark.parametrize(("on_timeout", "state"), [("continue", "completed"), ("fail", "failed")])
def test_the_moment_ends_it_without_an_event(lab: Lab, on_timeout: str, state: str) -> None:
    execution_id = begun(lab, [wait(event="thing.done", until=in_hours(2), on_timeout=on_timeout)])
    pass_time(lab, hours=1.9)
    assert lab.look(execution_id).state == "waiting"
    pass_time(lab, hours=0.2)
    execution = lab.look(execution_id)
    assert execution.state == state
    if execution.error is not None:
        assert execution.error["message"] == "waited until its time was over in vain for thing.done"


def test_of_a_moment_and_a_time_the_first_counts(lab: Lab) -> None:
    steps = [wait(event="thing.done", until=in_hours(2), timeout_seconds=60, on_timeout="continue")]
    execution_id = begun(lab, steps)
    pass_time(lab, minutes=2)
    assert lab.look(execution_id).state == "completed"


def test_a_moment_that_has_passed_still_looks_for_what_came_before(lab: Lab) -> None:
    execution_id = lab.start([wait(event="thing.done", until=in_hours(-1), on_timeout="continue")])
    raise_event(lab, "thing.done", {"a": 1})
    lab.drain()
    assert output(lab, execution_id, "w")["timed_out"] is False


def test_what_came_in_time_counts_though_nobody_was_told_of_it_yet(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="thing.done", until=in_hours(2), on_timeout="continue")])
    raise_event(lab, "thing.done", {"a": 1})
    pass_time(lab, hours=3)
    assert output(lab, execution_id, "w")["timed_out"] is False


# --- whose affair an event is -----------------------------------------------------------------------------------------


def listening(lab: Lab, event: str) -> str:
    """A workflow that an event starts; its name."""
    name = f"listening_{utc_now().timestamp():.6f}".replace(".", "_")
    document: dict[str, Any] = {
        "name": name,
        "version": "1.0.0",
        "triggers": [{"event": event}],
        "steps": [{"name": "one", "type": "transform", "output": {}}],
    }
    with lab.world.database.transaction(lab.owner) as session:
        service.create_workflow(session, document=document)
    return name


def started(lab: Lab, name: str) -> int:
    with lab.world.database.transaction(lab.owner) as session:
        return len(list(session.scalars(service.list_executions(workflow=name))))


def test_an_event_that_was_waited_for_starts_nothing_that_is_suppressed(lab: Lab) -> None:
    suppressed, other = listening(lab, "thing.done"), listening(lab, "thing.done")
    begun(lab, [wait(event="thing.done", match="event.data.a == 1")], suppresses=[suppressed])
    raise_event(lab, "thing.done", {"a": 1})
    hand_on(lab)
    assert (started(lab, suppressed), started(lab, other)) == (0, 1)
    # one that fits nobody's wait is everybody's
    raise_event(lab, "thing.done", {"a": 2})
    hand_on(lab)
    assert (started(lab, suppressed), started(lab, other)) == (1, 2)


@pytest.mark.parametrize("looks_first", [True, False])
def test_so_does_one_about_what_a_condition_waits_for_whoever_is_faster(lab: Lab, looks_first: bool) -> None:
    suppressed = listening(lab, "bid.won")
    steps = [
        step("bid", "make_bid", service_name="waits"),
        {"name": "won", "type": "condition", "condition": "bid.status == 'won'", "timeout_seconds": 3600},
    ]
    execution_id = begun(lab, steps, suppresses=[suppressed])
    test_waiting.BIDS[str(execution_id)] = "won"
    raise_event(lab, "bid.won", {}, subject=f"bid/{execution_id}")
    if looks_first:
        with lab.world.across.transaction() as session:
            move_to(session, now(session) + timedelta(minutes=2))
        service.tick(lab.world)
        lab.drain()
        assert lab.look(execution_id).state == "completed"
    hand_on(lab)
    assert lab.look(execution_id).state == "completed"
    assert started(lab, suppressed) == 0
