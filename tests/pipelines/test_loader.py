from __future__ import annotations

from typing import Any

import pytest

from pipelines.definition import Compensate, OnFalse, RetryPolicy, StepType
from pipelines.errors import DefinitionError
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


def call(name: str = "a", **more: Any) -> dict[str, Any]:
    step = {"name": name, "type": "service_call", "service": "sales_service", "method": "create_order"}
    return {**step, "params": {"quote_id": "q"}, **more}


def transform(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "transform", "output": {}, **more}


def condition(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "condition", "condition": "true", **more}


def flow(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"name": "flow", "version": "1.0.0", "steps": list(steps), **more}


CLOSED = {"type": "object", "properties": {"quote_id": {"type": "string"}}, "additionalProperties": False}
NAME = "has to be a name of a-z, 0-9 and _, beginning with a letter, of at most 100 characters"
VERSION = "has to be a semantic version such as 1.2.0, as text"
COMPENSATE = "has to be none, service.method, or an object with operation and params"

BAD: list[tuple[Any, str, str]] = [
    # the document
    (None, "", "has to be an object"),
    ([], "", "has to be an object"),
    ({"steps": [transform()]}, "", "name is missing"),
    ({"name": "flow"}, "", "steps is missing"),
    (flow(transform(), name="Quote to cash"), "/name", NAME),
    (flow(transform(), name=7), "/name", NAME),
    (flow(transform(), version="1.2"), "/version", VERSION),
    (flow(transform(), version=1.2), "/version", VERSION),
    (flow(transform(), version="01.0.0"), "/version", VERSION),
    (flow(transform(), colour="red"), "/colour", "unknown key colour"),
    (flow(transform(), **{"a/b~c": 1}), "/a~1b~0c", "unknown key a/b~c"),
    (flow(transform(), description=1), "/description", "has to be text"),
    (flow(transform(), rollback_on_failure="yes"), "/rollback_on_failure", "has to be true or false"),
    (flow(transform(), max_duration_seconds=0), "/max_duration_seconds", "has to be greater than 0"),
    (flow(transform(), deadline_seconds="1h"), "/deadline_seconds", "has to be a number"),
    (flow(transform(), tags="red"), "/tags", "has to be a list of names"),
    (flow(), "/steps", "has to be a list with at least one step"),
    (flow(transform(), steps={}), "/steps", "has to be a list with at least one step"),
    (flow(*[transform(f"s{i}") for i in range(1001)]), "/steps", "has 1001 steps; at most 1000 are allowed"),
    # what comes later
    (flow(transform(), triggers=[]), "/triggers", "triggers is not supported yet"),
    (flow(transform(), concurrency={}), "/concurrency", "concurrency is not supported yet"),
    (flow(transform(), suppresses=[]), "/suppresses", "suppresses is not supported yet"),
    (flow({"name": "a", "type": "wait", "seconds": 1}), "/steps/0/type", "Step type wait is not supported yet"),
    (flow({"name": "a", "type": "approval"}), "/steps/0/type", "Step type approval is not supported yet"),
    (flow({"name": "a", "type": "sub_workflow"}), "/steps/0/type", "Step type sub_workflow is not supported yet"),
    (flow(call(for_each="${xs}")), "/steps/0/for_each", "for_each is not supported yet"),
    (
        flow(condition(timeout_seconds=60)),
        "/steps/0/timeout_seconds",
        "a condition that waits (timeout_seconds) is not supported yet",
    ),
    # input
    (flow(transform(), input=[]), "/input", "has to be an object"),
    (flow(transform(), input={"x": "string"}), "/input/x", "has to be an object"),
    (flow(transform(), input={"x": {"required": "yes"}}), "/input/x/required", "has to be true or false"),
    (flow(transform(), input={"steps": {"type": "string"}}), "/input/steps", "steps is a reserved name"),
    (
        flow(transform(), input={"type": "object", "properties": {"item": {}}}),
        "/input/properties/item",
        "item is a reserved name",
    ),
    (
        flow(transform(), input={"x": {"type": "text"}}),
        "/input",
        "not a JSON Schema: 'text' is not valid under any of the given schemas",
    ),
    (
        flow(transform(), input={"x": {"$ref": "http://elsewhere.test/schema"}}),
        "/input",
        "a schema may refer only to itself (#/...), not to http://elsewhere.test/schema",
    ),
    # steps
    (flow("a"), "/steps/0", "has to be an object"),
    (flow({"name": "a"}), "/steps/0", "type is missing"),
    (flow({"type": "transform", "output": 1}), "/steps/0", "name is missing"),
    (flow({"name": "a", "type": "teleport"}), "/steps/0/type", "Unknown step type: teleport"),
    (flow({"name": "a", "type": 7}), "/steps/0/type", "has to be text, and not empty"),
    (flow(transform("Not a name")), "/steps/0/name", NAME),
    (flow(transform(), transform()), "/steps/1/name", "there is a step a already"),
    (flow(transform(service="x")), "/steps/0/service", "unknown key service"),
    (flow(transform(critical=1)), "/steps/0/critical", "has to be true or false"),
    (flow(transform(timeout_seconds=-1)), "/steps/0/timeout_seconds", "has to be greater than 0"),
    (flow(transform(description=["x"])), "/steps/0/description", "has to be text"),
    (flow({"name": "a", "type": "transform"}), "/steps/0", "output is missing"),
    (flow({"name": "a", "type": "condition"}), "/steps/0", "condition is missing"),
    (
        flow(condition(on_false="panic")),
        "/steps/0/on_false",
        "has to be one of fail, skip_dependents, end",
    ),
    # order
    (flow(transform(depends_on="b")), "/steps/0/depends_on", "has to be a list of names"),
    (flow(transform(depends_on=["b"])), "/steps/0/depends_on/0", "there is no step b"),
    (flow(transform(depends_on=["a"])), "/steps/0/depends_on/0", "a step cannot depend on itself"),
    (flow(transform(), transform("b", depends_on=["a", "a"])), "/steps/1/depends_on/1", "a is named twice"),
    (
        flow(transform(depends_on=["c"]), transform("b"), transform("c")),
        "/steps/0/depends_on",
        "the steps depend on each other: a -> c -> b -> a",
    ),
    # retry
    (flow(transform(retry=3)), "/steps/0/retry", "has to be an object"),
    (flow(transform(retry={"attempts": 3})), "/steps/0/retry/attempts", "unknown key attempts"),
    (
        flow(transform(retry={"maximum_attempts": 0})),
        "/steps/0/retry/maximum_attempts",
        "has to be at least 1",
    ),
    (
        flow(transform(retry={"maximum_attempts": 2.5})),
        "/steps/0/retry/maximum_attempts",
        "has to be a whole number",
    ),
    (
        flow(transform(retry={"backoff_coefficient": 0.5})),
        "/steps/0/retry/backoff_coefficient",
        "has to be at least 1",
    ),
    (
        flow(transform(retry={"initial_interval": 9, "maximum_interval": 3})),
        "/steps/0/retry/maximum_interval",
        "has to be at least initial_interval",
    ),
    (flow(transform(retry={"jitter": "full"})), "/steps/0/retry/jitter", "has to be true or false"),
    (
        flow(transform(retry={"retryable_errors": "TimeoutError"})),
        "/steps/0/retry/retryable_errors",
        "has to be a list of names",
    ),
    # calls
    (flow(call(service="moon_service")), "/steps/0/service", "Service not found: moon_service"),
    (flow(call(method="fly")), "/steps/0/method", "sales_service has no method fly"),
    (flow({"name": "a", "type": "service_call", "method": "x"}), "/steps/0", "service is missing"),
    (flow(call(params=[])), "/steps/0/params", "has to be an object"),
    (flow(call(params={})), "/steps/0/params", "sales_service.create_order needs the parameter quote_id"),
    (
        flow(call(params={"quote_id": "q", "colour": 1})),
        "/steps/0/params/colour",
        "sales_service.create_order takes no parameter colour",
    ),
    (flow(call(params={"quote_id": 7})), "/steps/0/params/quote_id", "7 is not of type 'string'"),
    (
        flow(call(params={"quote_id": "q", "priority": "high"})),
        "/steps/0/params/priority",
        "'high' is not of type 'integer'",
    ),
    (flow(call(compensate=7)), "/steps/0/compensate", COMPENSATE),
    (flow(call(compensate="moon_service.x")), "/steps/0/compensate", "Service not found: moon_service"),
    (flow(call(compensate={"params": {}})), "/steps/0/compensate", "operation is missing"),
    (
        flow(call(compensate={"operation": "sales_service.delete_order", "params": {}})),
        "/steps/0/compensate/params",
        "sales_service.delete_order needs the parameter order_id",
    ),
    # references and expressions
    (flow(call(params={"quote_id": "${"})), "/steps/0/params/quote_id", "${ without its }"),
    (flow(transform(output={"x": ["${a b}"]})), "/steps/0/output/x/0", "${a b} is not a path"),
    (
        flow(transform(), transform("b", output={"x": ["${steps.c.output}"]})),
        "/steps/1/output/x/0",
        "steps.c.output: there is no step c",
    ),
    (
        flow(transform(), transform("b", depends_on=[], output="${steps.a.output.x}")),
        "/steps/1/output",
        "steps.a.output.x: a does not precede this step",
    ),
    (
        flow(transform(output="${steps.a.output}")),
        "/steps/0/output",
        "steps.a.output: a step cannot refer to its own output",
    ),
    (
        flow(transform(), transform("b", output="${steps.a.state}")),
        "/steps/1/output",
        "steps.a.state: of a step there is only its output: steps.a.output",
    ),
    (flow(transform(output="${item.id}")), "/steps/0/output", "item.id: exists only in a step with for_each"),
    (
        flow(transform(output="${quota_id}"), input=CLOSED),
        "/steps/0/output",
        "quota_id: unknown path: the input does not declare it",
    ),
    (
        flow(transform(output="${context.quota_id}"), input=CLOSED),
        "/steps/0/output",
        "context.quota_id: unknown path: the input does not declare it",
    ),
    (flow(transform(when=True)), "/steps/0/when", "has to be an expression"),
    (
        flow(transform(when="x ==")),
        "/steps/0/when",
        "x ==: not a CEL expression (1:5: Syntax error: mismatched input '<EOF>')",
    ),
    (flow(transform(when="upper(x) == 'A'")), "/steps/0/when", "upper(x) == 'A': unknown function upper"),
    (
        flow(transform(), condition("b", depends_on=[], condition="steps.a.output.x == 1")),
        "/steps/1/condition",
        "steps.a.output.x: a does not precede this step",
    ),
]


@pytest.mark.parametrize(("document", "pointer", "message"), BAD)
def test_a_bad_definition_is_refused_with_its_one_fault_and_its_place(document: Any, pointer: str, message: str):
    report = validate(document, OPERATIONS)
    assert [(fault.pointer, fault.message) for fault in report.faults] == [(pointer, message)]
    assert report.workflow is None


def test_all_faults_are_told_at_once():
    broken = flow(call(service="moon_service"), transform("b", depends_on=["c"], when="1 +"), version="x", colour=1)
    with pytest.raises(DefinitionError) as caught:
        load(broken, OPERATIONS)
    assert {fault.pointer for fault in caught.value.faults} == {
        *("/version", "/colour", "/steps/0/service", "/steps/1/depends_on/0", "/steps/1/when"),
    }


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


def test_a_name_that_no_input_declares_and_no_step_before_gives_is_warned_of():
    report = validate(flow(transform(output="${quota_id}"), input={"quote_id": {}}), OPERATIONS)
    assert [str(warning) for warning in report.warnings] == [
        "/steps/0/output: quota_id: quota_id is not declared in input"
    ]


def test_the_limit_of_steps_can_be_set():
    report = validate(flow(transform("a"), transform("b")), OPERATIONS, max_steps=1)
    assert [fault.pointer for fault in report.faults] == ["/steps"]


def test_a_thousand_steps_are_loaded():
    steps = [transform(f"s{i}", output=f"${{steps.s{i - 1}.output}}" if i else 1) for i in range(1000)]
    assert len(load(flow(*steps), OPERATIONS).steps) == 1000


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
