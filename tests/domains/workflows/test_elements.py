"""A step that runs once per element: one delivery at a time, on a database that no worker sweeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, select, text

from app.core.settings import Settings
from app.domains.workflows import service
from pipelines.errors import StepFailed
from pipelines.operations import Call
from tests.domains.workflows import test_runtime
from tests.domains.workflows.lab import Lab
from tests.domains.workflows.test_runtime import HOOKS, attack
from tests.servers import prepared

lab = test_runtime.lab


@pytest.fixture(scope="session")
def lab_settings(worker_id: str) -> Settings:
    """A database of its own, which no sweeper looks at."""
    return replace(prepared(f"turnup_elements_{worker_id}", 15), resend_after=5.0)


def each(name: str = "s", items: Any = "${items}", **more: Any) -> dict[str, Any]:
    return attack(name, for_each=items, params={"value": "${item}"}, **more)


def start(lab: Lab, *steps: dict[str, Any], items: Any, **more: Any) -> int:
    return lab.start(list(steps), context={"items": items}, input={"items": {}}, **more)


_ELEMENTS = (
    select(service.WorkflowStep)
    .where(
        service.WorkflowStep.execution_id == bindparam("execution"),
        service.WorkflowStep.step_name.like(bindparam("name")),
    )
    .order_by(service.WorkflowStep.sequence_number)
)


def elements(lab: Lab, execution_id: int, step_name: str = "s") -> list[service.WorkflowStep]:
    with lab.world.database.transaction(lab.owner) as session:
        return list(session.scalars(_ELEMENTS, {"execution": execution_id, "name": f"{step_name}[%"}))


def element_states(lab: Lab, execution_id: int) -> list[str]:
    return [element.state for element in elements(lab, execution_id)]


def doing(name: str, count: int, act: Any) -> None:
    for index in range(count):
        HOOKS[f"{name}[{index}]"] = act


def fails(call: Call) -> Any:
    raise StepFailed("no", permanent=True)


def test_outputs_come_in_order_and_go_on(lab: Lab) -> None:
    doing("s", 3, lambda call: {"was": call.step_name})
    execution_id = start(
        lab, each(), {"name": "after", "type": "transform", "output": "${steps.s.output}"}, items=["a", "b", "c"]
    )
    execution = lab.to_the_end(execution_id)
    outputs = [{"was": f"s[{index}]"} for index in range(3)]
    assert (execution.state, execution.result) == ("completed", {"s": outputs, "after": outputs})
    assert [(e.item, e.item_index, e.input_data) for e in elements(lab, execution_id)] == [
        (item, index, {"value": item}) for index, item in enumerate(["a", "b", "c"])
    ]


def test_every_element_has_a_key_of_its_own_that_stays(lab: Lab) -> None:
    keys: list[str] = []

    def once_more(call: Call) -> Any:
        keys.append(call.idempotency_key)
        if call.attempt == 1:
            raise ConnectionError("once more")
        return {}

    doing("s", 2, once_more)
    execution_id = start(lab, each(), items=[1, 2])
    assert lab.to_the_end(execution_id).state == "completed"
    assert (len(keys), len(set(keys))) == (4, 2)
    assert [element.attempts for element in elements(lab, execution_id)] == [2, 2]
    assert lab.steps(execution_id)["s"].attempts == 1


@pytest.mark.parametrize(
    ("items", "said"),
    [({"a": 1}, "an object"), ("text", "text"), (3, "a number"), (None, "null"), ([0] * 10_001, "the limit is 10000")],
)
def test_what_is_no_list_or_too_long_fails_for_good(lab: Lab, items: Any, said: str) -> None:
    execution = lab.to_the_end(start(lab, each(), items=items))
    assert execution.state == "failed"
    assert said in execution.error["message"]


def test_an_empty_list_is_completed_with_an_empty_list(lab: Lab) -> None:
    execution = lab.to_the_end(start(lab, each(), items=[]))
    assert (execution.state, execution.result) == ("completed", {"s": []})


def test_when_is_asked_once_for_the_whole_step(lab: Lab) -> None:
    skipped = lab.to_the_end(start(lab, each(when="size(items) > 5"), attack("after"), items=[1, 2]))
    assert lab.states(skipped.id) == {"s": "skipped", "after": "completed"}
    execution = lab.to_the_end(start(lab, each(when="size(items) > 1"), items=[1, 2]))
    assert execution.state == "completed"


def test_no_more_than_allowed_run_at_a_time_and_each_end_lets_the_next_one_in(lab: Lab) -> None:
    execution_id = start(lab, each(max_parallel=2), items=list(range(5)))
    lab.deliver(execution_id, 0)

    def sent() -> list[int]:
        first = elements(lab, execution_id)[0].sequence_number
        return sorted(number - first for _, _, number, _ in lab.broker.sent if number < 0)

    first = elements(lab, execution_id)[0].sequence_number
    assert sent() == [0, 1]
    lab.broker.sent.clear()
    lab.deliver(execution_id, first + 1)
    assert sent() == [2]
    lab.deliver(execution_id, first + 2)
    assert sent() == [2, 3]
    lab.deliver(execution_id, first + 1)  # again: nothing
    assert sent() == [2, 3]
    assert lab.to_the_end(execution_id).state == "completed"


def test_one_at_a_time_beside_a_parked_step(lab: Lab) -> None:
    """The execution is not parked between the end of one element and the next one that it lets in."""
    parked = {"name": "parked", "type": "wait", "seconds": 3600, "depends_on": []}
    execution_id = start(lab, parked, each(max_parallel=1, depends_on=[]), items=[1, 2, 3])
    lab.drain()
    assert (lab.look(execution_id).state, lab.states(execution_id)["s"]) == ("waiting", "completed")


def test_an_element_that_fails_for_good_stops_new_ones_and_fails_the_step(lab: Lab) -> None:
    HOOKS["s[1]"] = fails
    execution_id = start(lab, attack("before"), each(max_parallel=2), attack("after"), items=[0, 1, 2, 3, 4])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert (execution.error["step"], execution.error["message"]) == ("s", "element 1: no")
    assert lab.states(execution_id) == {"before": "compensated", "s": "compensated", "after": "cancelled"}
    assert element_states(lab, execution_id) == ["compensated", "failed", "cancelled", "cancelled", "cancelled"]


def test_running_elements_are_let_finish(lab: Lab) -> None:
    execution_id = start(lab, each(method="leased"), items=[0, 1, 2], rollback_on_failure=False)
    lab.deliver(execution_id, 0)
    first = elements(lab, execution_id)[0].sequence_number
    lab.broker.sent.clear()

    def beside(call: Call) -> Any:
        HOOKS["s[1]"] = fails
        lab.deliver(execution_id, first + 1)
        assert element_states(lab, execution_id) == ["running", "failed", "cancelled"]
        assert lab.steps(execution_id)["s"].state == "pending"
        return {}

    HOOKS["s[0]"] = beside
    lab.deliver(execution_id, first)
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.error["message"]) == ("failed", "element 1: no")
    assert element_states(lab, execution_id) == ["completed", "failed", "cancelled"]


def test_a_step_that_is_not_critical_is_null_and_its_elements_keep_their_effects_until_a_rollback(lab: Lab) -> None:
    undone: list[str] = []
    HOOKS["s[2]"] = fails
    HOOKS["bad"] = fails
    for index in range(3):
        HOOKS[f"undo_s[{index}]"] = lambda call: undone.append(call.step_name)
    after = {"name": "after", "type": "transform", "output": {"was": "${steps.s.output}"}}
    execution_id = start(lab, each(critical=False), after, items=[0, 1, 2])
    assert lab.to_the_end(execution_id).result == {"after": {"was": None}}
    assert (lab.states(execution_id)["s"], undone) == ("failed", [])
    rolled_back = lab.to_the_end(start(lab, each(critical=False), after, attack("bad"), items=[0, 1, 2]))
    assert (rolled_back.rollback, sorted(undone)) == ("done", ["s[0]", "s[1]"])


def test_a_rollback_undoes_elements_between_what_came_after_and_what_came_before(lab: Lab) -> None:
    undone: list[str] = []
    for name in ("before", "also", "after", *(f"s[{index}]" for index in range(4))):
        HOOKS[f"undo_{name}"] = lambda call: undone.append(call.step_name)
    HOOKS["bad"] = fails
    execution_id = start(
        lab,
        attack("before", depends_on=[]),
        attack("also", depends_on=[]),
        each(max_parallel=3, depends_on=["before", "also"]),
        attack("after"),
        attack("bad"),
        items=[0, 1, 2, 3],
    )
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert undone[0] == "after"
    assert sorted(undone[1:5]) == ["s[0]", "s[1]", "s[2]", "s[3]"]
    assert sorted(undone[5:]) == ["also", "before"]
    assert lab.states(execution_id)["s"] == "compensated"


def test_a_compensation_that_gives_up_leaves_the_others_undone(lab: Lab) -> None:
    undone: list[str] = []
    for index in range(3):
        HOOKS[f"undo_s[{index}]"] = fails if index == 0 else (lambda call: undone.append(call.step_name))
    HOOKS["bad"] = fails
    execution_id = start(lab, attack("before"), each(max_parallel=1), attack("bad"), items=[0, 1, 2])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "incomplete")
    assert undone == ["s[1]", "s[2]"]
    HOOKS["undo_s[0]"] = lambda call: undone.append(call.step_name)
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_rollback(session, execution_id=execution_id)
    assert lab.to_the_end(execution_id).rollback == "done"
    assert undone == ["s[1]", "s[2]", "s[0]"]
    assert lab.states(execution_id)["before"] == "compensated"


def test_a_cancel_in_the_middle_undoes_the_elements_that_are_done(lab: Lab) -> None:
    undone: list[str] = []
    for index in range(3):
        HOOKS[f"undo_s[{index}]"] = lambda call: undone.append(call.step_name)
    execution_id = start(lab, each(max_parallel=1), items=[0, 1, 2])
    lab.deliver(execution_id, 0)
    lab.deliver(execution_id, elements(lab, execution_id)[0].sequence_number)
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=execution_id)
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback, undone) == ("cancelled", "done", ["s[0]"])
    assert element_states(lab, execution_id) == ["compensated", "cancelled", "cancelled"]


def test_a_retry_runs_only_the_elements_that_did_not_complete(lab: Lab) -> None:
    made: list[str] = []
    doing("s", 4, lambda call: made.append(call.step_name) or {"by": call.step_name})
    HOOKS["s[1]"] = fails
    execution_id = start(lab, each(max_parallel=2), items=[0, 1, 2, 3], rollback_on_failure=False)
    assert lab.to_the_end(execution_id).state == "failed"
    HOOKS["s[1]"] = HOOKS["s[0]"]
    before = list(made)
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id, step_names=["s"])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.result) == ("completed", {"s": [{"by": f"s[{index}]"} for index in range(4)]})
    assert before == ["s[0]"]
    assert sorted(made) == ["s[0]", "s[1]", "s[2]", "s[3]"]


def test_outputs_that_are_too_large_together_fail_the_step(lab: Lab) -> None:
    doing("s", 3, lambda call: {"big": "x" * 500_000})
    execution = lab.to_the_end(start(lab, each(), items=[0, 1, 2]))
    assert execution.state == "failed"
    assert "the outputs of its elements are" in execution.error["message"]


def test_a_lost_message_of_an_element_is_sent_again(lab: Lab) -> None:
    execution_id = start(lab, each(max_parallel=2), items=list(range(4)))
    lab.deliver(execution_id, 0)
    lab.broker.sent.clear()
    assert lab.to_the_end(execution_id).state == "completed"


def test_every_state_of_the_step_follows_from_the_one_before(lab: Lab) -> None:
    HOOKS["bad"] = fails
    execution_id = start(lab, each(max_parallel=2), attack("bad"), items=[0, 1, 2])
    lab.to_the_end(execution_id)
    now: dict[str | None, str] = {}
    for event in lab.history(execution_id):
        shown = "pending" if now.get(event.step_name) == "retrying" else now.get(event.step_name, "pending")
        if event.step_name is not None:
            assert event.from_state == shown, (event.step_name, event.from_state, event.to_state)
            now[event.step_name] = event.to_state
    assert now["s"] == "compensated"
    assert {now[f"s[{index}]"] for index in range(3)} == {"compensated"}


def test_an_element_does_not_start_after_one_that_failed_beside_the_one_that_let_it_in(lab: Lab) -> None:
    """The step's row orders the two: whoever comes second sees what the first did."""
    execution_id = start(lab, each(max_parallel=2), items=[0, 1, 2, 3])
    lab.deliver(execution_id, 0)
    first = elements(lab, execution_id)[0].sequence_number
    HOOKS["s[1]"] = fails
    lab.deliver(execution_id, first)
    lab.deliver(execution_id, first + 1)
    assert element_states(lab, execution_id) == ["completed", "failed", "cancelled", "cancelled"]


def test_the_row_of_the_step_stays_within_its_page(lab: Lab) -> None:
    """Every element's end writes the step's row: no index may have to follow it."""
    execution_id = start(lab, each(), items=list(range(40)))
    lab.to_the_end(execution_id)
    with lab.world.database.transaction(lab.owner) as session:
        indexed = session.execute(
            text(
                "SELECT array_agg(DISTINCT a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
                " AND a.attnum = ANY(i.indkey) WHERE i.indrelid = 'workflow_steps'::regclass"
            )
        ).scalar_one()
    assert not {"unmet", "state", "sent_at", "tries", "not_before"} & set(indexed)


def test_an_element_between_attempts_makes_no_more_once_another_failed(lab: Lab) -> None:
    made: list[int] = []

    def unlucky(call: Call) -> Any:
        made.append(call.attempt)
        lab.deliver(execution_id, first + 1)
        raise ConnectionError("once more")

    HOOKS["s[0]"] = unlucky
    HOOKS["s[1]"] = fails
    execution_id = start(lab, each(), items=[0, 1], rollback_on_failure=False)
    lab.deliver(execution_id, 0)
    first = elements(lab, execution_id)[0].sequence_number
    lab.deliver(execution_id, first)
    assert (made, element_states(lab, execution_id)) == ([1], ["failed", "failed"])
    assert lab.to_the_end(execution_id).error["message"] == "element 1: no"


def test_a_compensation_of_the_steps_own_sees_the_element(lab: Lab) -> None:
    undone: list[Any] = []
    for name in ("a", "b"):
        HOOKS[f"undo_{name}"] = lambda call: undone.append(call.step_name)
    HOOKS["bad"] = fails
    doing("s", 2, lambda call: {"known": call.step_name})
    own = {"operation": "attack.undo", "params": {"name": "${item}"}}
    execution_id = start(lab, each(compensate=own, max_parallel=1), attack("bad"), items=["a", "b"])
    assert lab.to_the_end(execution_id).rollback == "done"
    assert sorted(undone) == ["s[0]", "s[1]"]
    with lab.world.database.transaction(lab.owner) as session:
        effects = service.effects(session, execution_id=execution_id)
    assert [effect.undo_params for effect in effects if effect.step_name != "bad"] == [{"name": "a"}, {"name": "b"}]


def test_a_rerun_makes_the_elements_anew_from_what_the_list_is_then(lab: Lab) -> None:
    lists: list[list[int]] = [[1, 2, 3], [7]]
    HOOKS["list"] = lambda call: {"found": lists.pop(0)}
    doing("s", 3, lambda call: {"by": call.step_name})
    execution_id = lab.start([attack("list"), each(items="${found}", max_parallel=2)])
    assert len(lab.to_the_end(execution_id).result["s"]) == 3
    with lab.world.database.transaction(lab.owner) as session:
        service.rerun(session, execution_id=execution_id, step_name="list")
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.result["s"]) == ("completed", [{"by": "s[0]"}])
    assert [element.item for element in elements(lab, execution_id)] == [7]


def test_an_element_sees_all_that_its_execution_was_started_with_however_much_it_is(lab: Lab) -> None:
    items = [uuid4().hex * 4 for _ in range(100)]
    seen = {
        "item": "${item}",
        "bare": "${note}",
        "named": "${context.note}",
        "whole": "${context}",
        "event": "${event.data.said}",
        "all": "${event}",
        "text": "${note}: ${event.data}",
    }
    step = attack("s", for_each="${context.items}", params={"value": seen})
    context = {"items": items, "note": "hello"}
    execution_id = lab.start(
        [step], context=context, input={"items": {}, "note": {}}, triggers=[{"event": "order.created"}]
    )
    event = {"type": "order.created", "data": {"said": items[0]}, "filling": items}
    lab.sql(
        "UPDATE workflow_executions SET event = CAST(:event AS jsonb) WHERE id = :id",
        event=json.dumps(event),
        id=execution_id,
    )
    assert lab.to_the_end(execution_id).state == "completed"
    assert [element.input_data for element in elements(lab, execution_id)] == [
        {
            "value": {
                "item": item,
                "bare": "hello",
                "named": "hello",
                "whole": context,
                "event": items[0],
                "all": event,
                "text": f'hello: {{"said": "{items[0]}"}}',
            }
        }
        for item in items
    ]


@pytest.mark.parametrize(
    ("template", "value", "read"),
    [
        ("${item}", "a", set()),
        ("${steps.other.output}", "kept", {"other"}),
        ("${steps.list.output[1]} ${steps.other.output}", "b kept", {"list", "other"}),
        ("${key}", "of made", {"list", "other", "made"}),
    ],
)
def test_an_element_reads_the_outputs_that_it_names_and_not_the_list_that_it_is_of(
    lab: Lab, template: str, value: str, read: set[str]
) -> None:
    first = [
        {"name": "list", "type": "transform", "output": ["a", "b"]},
        {"name": "other", "type": "transform", "output": "kept"},
        {"name": "made", "type": "transform", "output": {"key": "of made"}},
    ]
    step = attack(
        "s", depends_on=["list", "other", "made"], for_each="${steps.list.output}", params={"value": template}
    )
    execution_id = lab.start([*first, step])
    assert lab.to_the_end(execution_id).state == "completed"
    first_element = elements(lab, execution_id)[0]
    assert first_element.input_data == {"value": value}
    names = {number: name for name, step in lab.steps(execution_id).items() if (number := step.sequence_number) >= 0}
    assert {names[number] for number in first_element.reads} == read
