"""Definitions that are accepted, each run to its end in memory: what they leave unsaid has its meaning."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.loader import load, normalise, validate, workflow_from_document
from pipelines.testing import NOON, run
from tests.pipelines.catalogue import OPERATIONS
from tests.pipelines.documents import approval, call, condition, flow, sub_workflow, transform, wait

AT = NOON.isoformat()
EVENT = {"type": "quote.accepted", "data": {"quote_id": "q7", "total": 12}}
CHILD = flow(transform("inner", output={"got": "${context.x}"}), name="child")


def order(quote_id: str, priority: int = 1) -> dict[str, Any]:
    return {"order_id": quote_id, "order": {"id": quote_id, "priority": priority, "tags": None}}


def triggered(*triggers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return flow(transform(output=1), triggers=list(triggers), **more)


GOOD: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # name, document, what the run is given, result
    ("no version", {"name": "flow", "steps": [transform(output=1)]}, {}, {"a": 1}),
    ("a pre-release", flow(transform(output=1), version="1.0.0-rc.1+build.5"), {}, {"a": 1}),
    ("a name of a hundred", flow(transform(output=1), name="a" * 100), {}, {"a": 1}),
    ("everything about time", flow(transform(output=1), max_duration_seconds=0.5, deadline_seconds=60), {}, {"a": 1}),
    ("a call", flow(call()), {}, {"a": order("q")}),
    ("a call with a reference", flow(call(params={"quote_id": "${id}"})), {"context": {"id": "x"}}, {"a": order("x")}),
    (
        "null leaves an optional parameter out",
        flow(call(params={"quote_id": "q", "priority": "${level}"}), input={"level": {"type": "integer"}}),
        {},
        {"a": order("q")},
    ),
    (
        "a parameter with text around",
        flow(call(params={"quote_id": "Q-${n}-$${n}"})),
        {"context": {"n": 5}},
        {"a": order("Q-5-${n}")},
    ),
    (
        "the output of the step before by a bare name",
        flow(call(), transform("b", output="${order.priority}")),
        {},
        {"a": order("q"), "b": 1},
    ),
    (
        "a graph",
        flow(transform("a", output=1), transform("b", output=2, depends_on=[]), transform("c", depends_on=["a", "b"])),
        {},
        {"a": 1, "b": 2, "c": {}},
    ),
    (
        "listed before what it depends on",
        flow(transform("a", depends_on=["b"], output="${steps.b.output}"), transform("b", depends_on=[], output=3)),
        {},
        {"a": 3, "b": 3},
    ),
    ("skipped", flow(transform("a", when="context.x > 1"), transform("b", output=2)), {"context": {"x": 1}}, {"b": 2}),
    ("a condition", flow(condition(condition="1 < 2.5")), {}, {"a": True}),
    (
        "an end",
        flow(condition(condition="context.x", on_false="end"), call("b")),
        {"context": {"x": False}},
        {"a": False},
    ),
    (
        "not critical",
        flow(condition(condition="context.x", critical=False), transform("b", output="${steps.a.output}")),
        {"context": {"x": False}},
        {"b": None},
    ),
    (
        "a full schema",
        flow(
            transform(output="${context.n}"),
            input={"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"minimum": 1}}},
        ),
        {"context": {"n": 2}},
        {"a": 2},
    ),
    (
        "a default",
        flow(transform(output="${region}"), input={"region": {"type": "string", "default": "eu", "required": True}}),
        {},
        {"a": "eu"},
    ),
    # elements
    (
        "once per element",
        flow(call(for_each="${ids}", params={"quote_id": "${item}", "priority": "${index}"}, max_parallel=1)),
        {"context": {"ids": ["x", "y"]}},
        {"a": [order("x", 0), order("y", 1)]},
    ),
    (
        "elements with references of their own",
        flow(call(for_each=["x", "${id}"], params={"quote_id": "${item}"})),
        {"context": {"id": "y"}},
        {"a": [order("x"), order("y")]},
    ),
    (
        "elements of the step before",
        flow(
            transform(output={"ids": ["x"]}),
            call("b", for_each="${steps.a.output.ids}", params={"quote_id": "${item}${index}"}),
        ),
        {},
        {"a": {"ids": ["x"]}, "b": [order("x0")]},
    ),
    ("no elements", flow(call(for_each=[])), {}, {"a": []}),
    (
        "elements with an undo of their own",
        flow(
            call(
                for_each=["x"],
                params={"quote_id": "${item}"},
                compensate={"operation": "sales_service.delete_order", "params": {"order_id": "${item}/${index}"}},
                when="context.on",
            )
        ),
        {"context": {"on": True}},
        {"a": [order("x")]},
    ),
    # waits
    ("a while", flow(wait(seconds=0.5)), {}, {"a": {"timed_out": False, "until": "2030-01-01T12:00:00.500000+00:00"}}),
    ("ten years", flow(wait(seconds=315360000)), {}, {"a": {"timed_out": False, "until": "2039-12-30T12:00:00+00:00"}}),
    (
        "seconds of the context",
        flow(wait(seconds="${pause}")),
        {"context": {"pause": 0}},
        {"a": {"timed_out": False, "until": AT}},
    ),
    (
        "until a moment",
        flow(wait(until="2031-01-31T12:00:00Z")),
        {},
        {"a": {"timed_out": False, "until": "2031-01-31T12:00:00+00:00"}},
    ),
    (
        "until a day",
        flow(wait(until="2031-01-31")),
        {},
        {"a": {"timed_out": False, "until": "2031-01-31T00:00:00+00:00"}},
    ),
    (
        "until a time of the context's day",
        flow(wait(until="${day}T08:00:00Z")),
        {"context": {"day": "2031-01-31"}},
        {"a": {"timed_out": False, "until": "2031-01-31T08:00:00+00:00"}},
    ),
    (
        "an event that does not come",
        flow(wait(event="crm.quote.accepted", match="event.data.id == id", timeout_seconds=60, on_timeout="continue")),
        {"context": {"id": 1}},
        {"a": {"timed_out": True, "event": None}},
    ),
    (
        "what an event said",
        flow(wait(event="signed"), transform("b", output="${steps.a.output.event.data.by}")),
        {"events": {"signed": [{"data": {"by": "Ada"}, "id": "1", "time": AT}]}},
        {
            "a": {
                "timed_out": False,
                "event": {
                    "specversion": "1.0",
                    "id": "1",
                    "source": "test",
                    "type": "signed",
                    "subject": None,
                    "time": AT,
                    "tenantid": "00000000-0000-7000-8000-000000000001",
                    "data": {"by": "Ada"},
                },
            },
            "b": "Ada",
        },
    ),
    (
        "a condition that waits",
        flow(call(), condition("b", condition="order.priority == 1", timeout_seconds=3600)),
        {},
        {"a": order("q"), "b": True},
    ),
    # approvals
    (
        "an approval with a colon",
        flow(approval(permission="quote:approve", prompt="Accept ${total}?")),
        {"approvals": {"a": True}, "context": {"total": 5}},
        {"a": {"approved": True, "by": "test", "comment": None, "at": AT}},
    ),
    (
        "silence is consent",
        flow(approval(timeout_seconds=60, on_timeout="approve")),
        {},
        {"a": {"approved": True, "by": None, "comment": "nobody answered in time", "at": AT}},
    ),
    # sub-workflows
    (
        "a sub-workflow",
        flow(sub_workflow(context={"x": "${y}"}), transform("b", output="${result.inner.got}")),
        {"context": {"y": 3}},
        {"a": {"execution_id": 2, "status": "completed", "result": {"inner": {"got": 3}}}, "b": 3},
    ),
    # what starts it
    (
        "an event's data",
        flow(
            transform(output=["${quote_id}", "${event.data.total}"], when="event.data.total > 10"),
            input={"quote_id": {"type": "string", "required": True}},
            triggers=[
                {
                    "event": "quote.accepted",
                    "when": "event.data.total > 0",
                    "context": {"quote_id": "${event.data.quote_id}"},
                }
            ],
        ),
        {"context": {"quote_id": "q7"}, "event": EVENT},
        {"a": ["q7", 12]},
    ),
    (
        "started by hand though an event could have",
        flow(transform(output="${event.data.total}"), triggers=[{"event": "quote.accepted"}]),
        {},
        {"a": None},
    ),
    ("an event of three parts", triggered({"event": "billing.payment.received"}), {}, {"a": 1}),
    ("every five minutes", triggered({"schedule": "*/5 * * * *"}), {}, {"a": 1}),
    ("in words", triggered({"schedule": "0 6 1-7 JAN,JUL MON-FRI", "timezone": "America/New_York"}), {}, {"a": 1}),
    ("the last day", triggered({"schedule": "30 23 L * *", "timezone": "UTC"}), {}, {"a": 1}),
    ("a leap day", triggered({"schedule": "0 0 29 2 *"}), {}, {"a": 1}),
    (
        "a schedule that gives what is needed",
        triggered(
            {"schedule": "0 6 * * 1", "context": {"region": "eu"}},
            input={"region": {"type": "string", "required": True}},
        ),
        {"context": {"region": "eu"}},
        {"a": 1},
    ),
    (
        "one at a time",
        flow(
            transform(output=1),
            concurrency={"key": "${customer}-${tenant.id}", "limit": 1},
            input={"customer": {}},
            suppresses=["other", "flow"],
            inline=True,
        ),
        {"context": {"customer": "c"}},
        {"a": 1},
    ),
    ("all under one key", flow(transform(output=1), concurrency={"key": "all", "count_parked": True}), {}, {"a": 1}),
]


@pytest.mark.parametrize(
    ("document", "given", "result"), [row[1:] for row in GOOD], ids=[row[0].replace(" ", "-") for row in GOOD]
)
def test_is_accepted_without_a_word_and_runs(document: dict[str, Any], given: dict[str, Any], result: dict[str, Any]):
    report = validate(document, OPERATIONS)
    assert (report.faults, report.warnings) == ((), ())
    workflow = load(document, OPERATIONS)
    children = {"child": load(CHILD, OPERATIONS)}
    outcome = run(workflow, OPERATIONS, given.get("context"), workflows=children, **_rest(given))
    assert (outcome.state, outcome.error) == ("completed", None)
    assert outcome.result == result
    assert workflow_from_document(normalise(normalise(document))) == workflow


def _rest(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != "context"}
