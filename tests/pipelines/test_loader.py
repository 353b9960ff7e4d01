from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from pipelines.definition import Compensate, Concurrency, OnFalse, OnTimeout, RetryPolicy, StepType, Trigger
from pipelines.loader import (
    check_input,
    load,
    normalise,
    step_from_document,
    validate,
    with_defaults,
    workflow_from_document,
)
from tests.pipelines.catalogue import OPERATIONS
from tests.pipelines.documents import approval, call, condition, flow, sub_workflow, transform, wait


def test_a_definition_with_everything():
    document = flow(
        call(
            "order",
            params={"quote_id": "${quote_id}", "tags": ["${context.quote_id}", "x"]},
            retry={"maximum_attempts": 5, "retryable_errors": ["TimeoutError"]},
            compensate={
                "operation": "sales_service.delete_order",
                "params": {"order_id": "${steps.order.output.order_id}"},
            },
            timeout_seconds=2.5,
            description="Make the order",
        ),
        condition("is_paid", condition="order.priority > 0", on_false="end"),
        transform("sum", depends_on=["order"], when="has(order.tags)", output={"id": "${order.id}"}, critical=False),
        transform("free", depends_on=[], output=1),
        input={"quote_id": {"type": "string", "required": True}, "note": {"type": "string", "default": "-"}},
        max_duration_seconds=60,
        rollback_on_failure=False,
        tags=["sales"],
    )
    workflow = load(document, OPERATIONS)
    order, is_paid, total, free = workflow.steps
    assert order.operation == "sales_service.create_order"
    assert order.retry == RetryPolicy(maximum_attempts=5, retryable_errors=("TimeoutError",))
    assert order.compensate == Compensate("sales_service.delete_order", {"order_id": "${steps.order.output.order_id}"})
    assert (order.timeout_seconds, order.depends_on) == (2.5, ())
    assert (is_paid.type, is_paid.on_false, is_paid.depends_on) == (StepType.CONDITION, OnFalse.END, ("order",))
    assert (total.depends_on, total.critical) == (("order",), False)
    assert free.depends_on == ()
    assert workflow.input == {
        "type": "object",
        "properties": {"quote_id": {"type": "string"}, "note": {"type": "string", "default": "-"}},
        "required": ["quote_id"],
    }
    assert (workflow.tags, workflow.rollback_on_failure, workflow.max_duration_seconds) == (("sales",), False, 60)


def test_what_waits_and_what_starts_it():
    document = flow(
        call("each", for_each="${orders}", params={"quote_id": "${item.id}-${index}"}, max_parallel=3),
        wait("nap", seconds=90),
        wait("date", until="${due_at}"),
        wait(
            "paid",
            event="billing.payment.received",
            match="event.subject == context.payer",
            timeout_seconds=60,
            on_timeout="continue",
        ),
        approval("sure", prompt="Send ${total}?", timeout_seconds=60, on_timeout="reject"),
        sub_workflow("child", context={"id": "${id}"}),
        condition("seen", condition="event.data.seen", timeout_seconds=60),
        transform("end"),
        triggers=[
            {"event": "crm.quote.accepted", "when": "event.data.total > 0", "context": {"id": "${event.data.id}"}},
            {"schedule": "0 6 * * MON", "timezone": "Europe/Berlin", "context": {"id": "all"}},
            {"schedule": "*/5 * * * *"},
        ],
        concurrency={"key": "${context.id}/${tenant.id}", "limit": 2, "count_parked": True},
        suppresses=["other"],
        inline=True,
    )
    workflow = load(document, OPERATIONS)
    each, nap, date, paid, sure, child, _, end = workflow.steps
    assert (each.for_each, each.max_parallel, each.task) == ("${orders}", 3, "engine.for_each")
    assert (each.operation, replace(each, for_each=None).task) == ("sales_service.create_order",) * 2
    assert (nap.seconds, date.until, paid.event) == (90, "${due_at}", "billing.payment.received")
    assert (paid.match, paid.timeout_seconds, paid.on_timeout) == (
        *("event.subject == context.payer", 60),
        OnTimeout.CONTINUE,
    )
    assert (sure.permission, sure.prompt, sure.on_timeout) == ("quote.approve", "Send ${total}?", OnTimeout.REJECT)
    assert (child.workflow, child.context, child.task) == ("child", {"id": "${id}"}, "engine.sub_workflow")
    assert [step.name for step in workflow.steps if step.is_parking] == ["nap", "date", "paid", "sure", "child", "seen"]
    assert end.on_timeout is OnTimeout.FAIL
    assert workflow.triggers == (
        Trigger(event="crm.quote.accepted", when="event.data.total > 0", context={"id": "${event.data.id}"}),
        Trigger(schedule="0 6 * * MON", timezone="Europe/Berlin", context={"id": "all"}),
        Trigger(schedule="*/5 * * * *"),
    )
    assert workflow.concurrency == Concurrency("${context.id}/${tenant.id}", limit=2, count_parked=True)
    assert (workflow.suppresses, workflow.inline) == (("other",), True)
    assert workflow_from_document(normalise(document)) == workflow


def test_a_plain_list_is_a_sequence():
    workflow = load(flow(transform("a"), transform("b"), transform("c")), OPERATIONS)
    assert [step.depends_on for step in workflow.steps] == [(), ("a",), ("b",)]


def test_normalising_writes_out_what_was_left_unsaid_and_twice_changes_nothing():
    document = {"name": "flow", "steps": [transform("a"), transform("b")], "input": {"x": {"required": True}}}
    normal = normalise(document)
    assert normal["version"] == "1.0.0"
    assert [step["depends_on"] for step in normal["steps"]] == [[], ["a"]]
    assert normal["input"] == {"type": "object", "properties": {"x": {}}, "required": ["x"]}
    assert normalise(normal) == normal
    assert workflow_from_document(normal) == load(document, OPERATIONS)


def test_a_step_is_rebuilt_from_its_own_document():
    step = step_from_document({**call(), "depends_on": ["x"], "compensate": "none"})
    assert (step.task, step.depends_on, step.compensate) == ("sales_service.create_order", ("x",), "none")
    assert step_from_document(call(compensate="sales_service.delete_order")).compensate == Compensate(
        "sales_service.delete_order"
    )


def test_a_reference_exempts_a_parameter_from_its_type():
    load(flow(call(params={"quote_id": "q", "priority": "${context.priority}", "tags": ["${x}"]})), OPERATIONS)


def test_an_effect_that_nothing_undoes_is_warned_of():
    charge = {"service": "billing_service", "method": "charge", "params": {"amount": 5}}
    report = validate(flow(call(**charge), call("b", **charge, compensate="none")), OPERATIONS)
    assert [str(warning) for warning in report.warnings] == [
        "/steps/0: billing_service.charge has effects that nothing undoes"
    ]
    assert report.workflow is not None


def test_an_effect_per_element_that_nothing_undoes_is_warned_of():
    charge = {"service": "billing_service", "method": "charge", "params": {"amount": "${item}"}, "for_each": [1, 2]}
    report = validate(flow(call(**charge)), OPERATIONS)
    assert [warning.pointer for warning in report.warnings] == ["/steps/0"]


def test_steps_that_are_never_reached_are_warned_of():
    report = validate(
        flow(
            transform("a", when="1 > 2"),
            condition("b", condition="false"),
            transform("c"),
            transform("d"),
            transform("e", depends_on=["a"]),
            wait("f", event="quote.sent", match="!true"),
        ),
        OPERATIONS,
    )
    assert report.workflow is not None
    assert [str(warning) for warning in report.warnings] == [
        "/steps/0/when: is always false: the step is never run",
        "/steps/5/match: is always false: no event is ever the right one",
        "/steps/2: is never reached: the condition of b is always false",
        "/steps/3: is never reached: the condition of b is always false",
    ]


@pytest.mark.parametrize(
    "gate",
    [
        {"condition": "context.go"},
        {"condition": "1 / 0 > 1"},
        {"condition": "true"},
        {"condition": "false", "when": "context.go"},
        {"condition": "false", "critical": False},
    ],
)
def test_steps_that_may_be_reached_are_not_warned_of(gate: dict[str, object]):
    assert validate(flow(condition("gate", **gate), transform("b")), OPERATIONS).warnings == ()


def test_a_key_that_no_input_declares_is_warned_of():
    report = validate(flow(transform(), concurrency={"key": "${custmer}"}, input={"customer": {}}), OPERATIONS)
    assert [warning.pointer for warning in report.warnings] == ["/concurrency/key"]


def test_a_name_that_no_input_declares_and_no_step_before_gives_is_warned_of():
    report = validate(flow(transform(output="${quota_id}"), input={"quote_id": {}}), OPERATIONS)
    assert [str(warning) for warning in report.warnings] == [
        "/steps/0/output: quota_id: quota_id is not declared in input"
    ]


def test_a_thousand_steps_are_loaded():
    steps = [transform(f"s{i}", output=f"${{steps.s{i - 1}.output}}" if i else 1) for i in range(1000)]
    workflow = load(flow(*steps), OPERATIONS)
    assert len(workflow.steps) == 1000
    assert all(after.depends_on == (before.name,) for before, after in pairwise(workflow.steps))


INPUT = normalise(
    flow(
        transform(),
        input={"id": {"type": "integer", "required": True}, "region": {"type": "string", "default": "eu"}, "note": {}},
    )
)


def test_a_context_is_checked_against_the_input():
    assert check_input(INPUT, {"id": 1, "region": "us", "more": [1]}) == []
    faults = check_input(INPUT, {"id": "x", "region": 5, "steps": 1})
    assert [(fault.pointer, fault.message) for fault in faults] == [
        ("/steps", "steps is a reserved name"),
        ("/id", "'x' is not of type 'integer'"),
        ("/region", "5 is not of type 'string'"),
    ]
    assert [fault.message for fault in check_input(INPUT, {})] == ["'id' is a required property"]


def test_null_for_an_input_that_may_be_left_out_is_as_left_out():
    assert check_input(INPUT, {"id": 1, "region": None}) == []
    assert [fault.pointer for fault in check_input(INPUT, {"id": None})] == ["/id"]
    assert with_defaults(INPUT, {"id": 1, "region": None, "more": 2}) == {
        "id": 1,
        "region": "eu",
        "note": None,
        "more": 2,
    }


def test_a_required_input_that_has_a_default_may_be_left_out():
    document = normalise(flow(transform(), input={"region": {"type": "string", "required": True, "default": "eu"}}))
    assert check_input(document, {}) == []
    assert check_input(document, {"region": None}) == []
    assert with_defaults(document, {}) == {"region": "eu"}
    load(flow(transform(), input=document["input"], triggers=[{"schedule": "0 6 * * 1"}]), OPERATIONS)
