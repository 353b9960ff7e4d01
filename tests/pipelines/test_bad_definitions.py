"""Definitions that cannot run: each is refused with its one fault, and its place."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.definition import Limits
from pipelines.errors import DefinitionError
from pipelines.loader import load, validate
from tests.pipelines.catalogue import OPERATIONS
from tests.pipelines.documents import approval, call, condition, flow, sub_workflow, transform, wait

CLOSED = {"type": "object", "properties": {"quote_id": {"type": "string"}}, "additionalProperties": False}
NEEDS_ID = {"quote_id": {"type": "string", "required": True}}

NAME = "has to be a name of a-z, 0-9 and _, beginning with a letter, of at most 100 characters"
VERSION = "has to be a semantic version such as 1.2.0, as text"
COMPENSATE = "has to be none, service.method, or an object with operation and params"
LIST = "has to be a list, or exactly one ${...}"
SECONDS = "has to be a number, or exactly one ${...}"
UNTIL = "has to be a timestamp such as 2030-01-31T12:00:00Z, or a ${...}"
WAIT_FOR = "has to be the name of an event or signal, such as quote.accepted"
PERMISSION = "has to be a permission such as quote.approve or quote:approve"
EVENT = "has to be the type of an event such as quote.accepted"
CRON = "has to be a cron expression of five fields, such as 0 6 * * 1"
ZONE = "has to be a time zone such as Europe/Berlin"
NO_EVENT = "exists only in match, and in a definition with an event trigger"


def triggered(trigger: Any, *more_triggers: Any, **more: Any) -> dict[str, Any]:
    return flow(transform(), triggers=[trigger, *more_triggers], **more)


def retried(**retry: Any) -> dict[str, Any]:
    return flow(transform(retry=retry))


def limited(**concurrency: Any) -> dict[str, Any]:
    return flow(transform(), concurrency=concurrency)


def doubled(name: str, parameter: str) -> dict[str, Any]:
    """A call once per element whose elements get the parameter."""
    return call(name, for_each="${xs}", params={"quote_id": parameter})


BAD: list[tuple[str, Any, str, str]] = [
    # the document
    ("no document", None, "", "has to be an object"),
    ("a list", [], "", "has to be an object"),
    ("no name", {"steps": [transform()]}, "", "name is missing"),
    ("no steps", {"name": "flow"}, "", "steps is missing"),
    ("a title for a name", flow(transform(), name="Quote to cash"), "/name", NAME),
    ("a number for a name", flow(transform(), name=7), "/name", NAME),
    ("a short version", flow(transform(), version="1.2"), "/version", VERSION),
    ("a version that is a number", flow(transform(), version=1.2), "/version", VERSION),
    ("a version with a leading zero", flow(transform(), version="01.0.0"), "/version", VERSION),
    ("an unknown key", flow(transform(), colour="red"), "/colour", "unknown key colour"),
    ("a key that has to be escaped", flow(transform(), **{"a/b~c": 1}), "/a~1b~0c", "unknown key a/b~c"),
    ("a description that is no text", flow(transform(), description=1), "/description", "has to be text"),
    ("yes", flow(transform(), rollback_on_failure="yes"), "/rollback_on_failure", "has to be true or false"),
    ("inline is no word", flow(transform(), inline="yes"), "/inline", "has to be true or false"),
    ("no time at all", flow(transform(), max_duration_seconds=0), "/max_duration_seconds", "has to be greater than 0"),
    ("an hour as text", flow(transform(), deadline_seconds="1h"), "/deadline_seconds", "has to be a number"),
    (
        "longer than ten years",
        flow(transform(), deadline_seconds=1e9),
        "/deadline_seconds",
        "has to be at most 3.16224e+08",
    ),
    ("one tag", flow(transform(), tags="red"), "/tags", "has to be a list of names"),
    ("an empty list of steps", flow(), "/steps", "has to be a list with at least one step"),
    ("steps by name", flow(transform(), steps={}), "/steps", "has to be a list with at least one step"),
    (
        "too many steps",
        flow(*[transform(f"s{i}") for i in range(1001)]),
        "/steps",
        "has 1001 steps; at most 1000 are allowed",
    ),
    # input
    ("a list of inputs", flow(transform(), input=[]), "/input", "has to be an object"),
    ("an input as a word", flow(transform(), input={"x": "string"}), "/input/x", "has to be an object"),
    (
        "required is no word",
        flow(transform(), input={"x": {"required": "yes"}}),
        "/input/x/required",
        "has to be true or false",
    ),
    (
        "a reserved input",
        flow(transform(), input={"steps": {"type": "string"}}),
        "/input/steps",
        "steps is a reserved name",
    ),
    (
        "a reserved property",
        flow(transform(), input={"type": "object", "properties": {"item": {}}}),
        "/input/properties/item",
        "item is a reserved name",
    ),
    (
        "an unknown type of input",
        flow(transform(), input={"x": {"type": "text"}}),
        "/input",
        "not a JSON Schema: 'text' is not valid under any of the given schemas",
    ),
    (
        "a schema elsewhere",
        flow(transform(), input={"x": {"$ref": "http://elsewhere.test/schema"}}),
        "/input",
        "a schema may refer only to itself (#/...), not to http://elsewhere.test/schema",
    ),
    (
        "a default of another type",
        flow(transform(), input={"x": {"type": "integer", "default": "one"}}),
        "/input/x/default",
        "'one' is not of type 'integer'",
    ),
    # steps
    ("a step that is a word", flow("a"), "/steps/0", "has to be an object"),
    ("a step without a type", flow({"name": "a"}), "/steps/0", "type is missing"),
    ("a step without a name", flow({"type": "transform", "output": 1}), "/steps/0", "name is missing"),
    ("an unknown type", flow({"name": "a", "type": "teleport"}), "/steps/0/type", "Unknown step type: teleport"),
    ("a type that is a number", flow({"name": "a", "type": 7}), "/steps/0/type", "has to be text, and not empty"),
    ("a step's name with spaces", flow(transform("Not a name")), "/steps/0/name", NAME),
    ("one name twice", flow(transform(), transform()), "/steps/1/name", "there is a step a already"),
    ("a key of another type", flow(transform(service="x")), "/steps/0/service", "unknown key service"),
    ("critical is no number", flow(transform(critical=1)), "/steps/0/critical", "has to be true or false"),
    (
        "a timeout in the past",
        flow(transform(timeout_seconds=-1)),
        "/steps/0/timeout_seconds",
        "has to be greater than 0",
    ),
    ("a description in a list", flow(transform(description=["x"])), "/steps/0/description", "has to be text"),
    ("a transform of nothing", flow({"name": "a", "type": "transform"}), "/steps/0", "output is missing"),
    ("a condition without one", flow({"name": "a", "type": "condition"}), "/steps/0", "condition is missing"),
    (
        "an unknown on_false",
        flow(condition(on_false="panic")),
        "/steps/0/on_false",
        "has to be one of fail, skip_dependents, end",
    ),
    (
        "a condition that waits and is also false",
        flow(condition(timeout_seconds=60, on_false="end")),
        "/steps/0/on_false",
        "goes only with a condition that does not wait (timeout_seconds)",
    ),
    (
        "a condition that repeats",
        flow(condition(for_each=[1])),
        "/steps/0/for_each",
        "unknown key for_each",
    ),
    # order
    ("depends_on as a word", flow(transform(depends_on="b")), "/steps/0/depends_on", "has to be a list of names"),
    ("an unknown dependency", flow(transform(depends_on=["b"])), "/steps/0/depends_on/0", "there is no step b"),
    ("itself", flow(transform(depends_on=["a"])), "/steps/0/depends_on/0", "a step cannot depend on itself"),
    (
        "a dependency named twice",
        flow(transform(), transform("b", depends_on=["a", "a"])),
        "/steps/1/depends_on/1",
        "a is named twice",
    ),
    (
        "a cycle",
        flow(transform(depends_on=["c"]), transform("b"), transform("c")),
        "/steps/0/depends_on",
        "the steps depend on each other: a -> c -> b -> a",
    ),
    # retry
    ("retry as a number", flow(transform(retry=3)), "/steps/0/retry", "has to be an object"),
    ("an unknown retry key", retried(attempts=3), "/steps/0/retry/attempts", "unknown key attempts"),
    ("no attempts", retried(maximum_attempts=0), "/steps/0/retry/maximum_attempts", "has to be at least 1"),
    ("half an attempt", retried(maximum_attempts=2.5), "/steps/0/retry/maximum_attempts", "has to be a whole number"),
    (
        "waits that shrink",
        retried(backoff_coefficient=0.5),
        "/steps/0/retry/backoff_coefficient",
        "has to be at least 1",
    ),
    (
        "a maximum below the first wait",
        retried(initial_interval=9, maximum_interval=3),
        "/steps/0/retry/maximum_interval",
        "has to be at least initial_interval",
    ),
    ("full jitter", retried(jitter="full"), "/steps/0/retry/jitter", "has to be true or false"),
    (
        "one error by name",
        retried(retryable_errors="TimeoutError"),
        "/steps/0/retry/retryable_errors",
        "has to be a list of names",
    ),
    # calls
    (
        "an unknown service",
        flow(call(service="moon_service")),
        "/steps/0/service",
        "Service not found: moon_service",
    ),
    ("an unknown method", flow(call(method="fly")), "/steps/0/method", "sales_service has no method fly"),
    (
        "no service",
        flow({"name": "a", "type": "service_call", "method": "x"}),
        "/steps/0",
        "service is missing",
    ),
    ("a list of parameters", flow(call(params=[])), "/steps/0/params", "has to be an object"),
    (
        "a parameter is missing",
        flow(call(params={})),
        "/steps/0/params",
        "sales_service.create_order needs the parameter quote_id",
    ),
    (
        "an unknown parameter",
        flow(call(params={"quote_id": "q", "colour": 1})),
        "/steps/0/params/colour",
        "sales_service.create_order takes no parameter colour",
    ),
    (
        "a parameter of another type",
        flow(call(params={"quote_id": 7})),
        "/steps/0/params/quote_id",
        "7 is not of type 'string'",
    ),
    (
        "an optional parameter of another type",
        flow(call(params={"quote_id": "q", "priority": "high"})),
        "/steps/0/params/priority",
        "'high' is not of type 'integer'",
    ),
    ("compensate as a number", flow(call(compensate=7)), "/steps/0/compensate", COMPENSATE),
    (
        "an unknown undo",
        flow(call(compensate="moon_service.x")),
        "/steps/0/compensate",
        "Service not found: moon_service",
    ),
    (
        "an undo without an operation",
        flow(call(compensate={"params": {}})),
        "/steps/0/compensate",
        "operation is missing",
    ),
    (
        "an undo without its parameter",
        flow(call(compensate={"operation": "sales_service.delete_order", "params": {}})),
        "/steps/0/compensate/params",
        "sales_service.delete_order needs the parameter order_id",
    ),
    # for_each
    ("for each of a number", flow(call(for_each=3)), "/steps/0/for_each", LIST),
    ("for each of a text", flow(call(for_each="xs")), "/steps/0/for_each", LIST),
    ("for each of two references", flow(call(for_each="${xs}${ys}")), "/steps/0/for_each", LIST),
    ("for each of what cannot be read", flow(call(for_each="${x y}")), "/steps/0/for_each", "${x y} is not a path"),
    (
        "an element that cannot be read",
        flow(call(for_each=[1, "${"])),
        "/steps/0/for_each/1",
        "${ without its }",
    ),
    (
        "too many elements",
        flow(call(for_each=[0] * 10_001)),
        "/steps/0/for_each",
        "has 10001 elements; at most 10000 are allowed",
    ),
    (
        "elements of a step that comes later",
        flow(call(for_each="${steps.b.output}"), transform("b", output=[])),
        "/steps/0/for_each",
        "steps.b.output: b does not precede this step",
    ),
    (
        "elements of elements",
        flow(call(for_each="${item.parts}")),
        "/steps/0/for_each",
        "item.parts: exists only in params and compensate",
    ),
    (
        "a `when` per element",
        flow(call(for_each="${xs}", when="item.is_new")),
        "/steps/0/when",
        "item.is_new: exists only in params and compensate",
    ),
    (
        "the index without elements",
        flow(call(params={"quote_id": "${index}"})),
        "/steps/0/params/quote_id",
        "index: exists only in a step with for_each",
    ),
    (
        "the item of the step before",
        flow(doubled("a", "${item}"), transform("b", output="${item}")),
        "/steps/1/output",
        "item: exists only in a step with for_each",
    ),
    ("parallel without elements", flow(call(max_parallel=2)), "/steps/0/max_parallel", "goes only with for_each"),
    (
        "none in parallel",
        flow(call(for_each=[1], max_parallel=0)),
        "/steps/0/max_parallel",
        "has to be at least 1",
    ),
    # waits
    ("a wait for nothing", flow(wait()), "/steps/0", "needs one of seconds, until or event"),
    (
        "a wait for two things",
        flow(wait(seconds=1, event="quote.accepted")),
        "/steps/0",
        "takes only one of seconds, until or event, not seconds and event",
    ),
    ("a wait of no seconds", flow(wait(seconds=0)), "/steps/0/seconds", "has to be greater than 0"),
    (
        "a wait of eleven years",
        flow(wait(seconds=11 * 366 * 86400)),
        "/steps/0/seconds",
        "has to be at most 3.16224e+08",
    ),
    ("seconds as text", flow(wait(seconds="60")), "/steps/0/seconds", SECONDS),
    ("seconds of more than a reference", flow(wait(seconds="${x}0")), "/steps/0/seconds", SECONDS),
    ("seconds that cannot be read", flow(wait(seconds="${")), "/steps/0/seconds", "${ without its }"),
    ("until tomorrow", flow(wait(until="tomorrow")), "/steps/0/until", UNTIL),
    ("until a number", flow(wait(until=1893456000)), "/steps/0/until", UNTIL),
    ("until what cannot be read", flow(wait(until="${a b}T12:00Z")), "/steps/0/until", "${a b} is not a path"),
    (
        "until what comes later",
        flow(wait(until="${steps.b.output}"), transform("b")),
        "/steps/0/until",
        "steps.b.output: b does not precede this step",
    ),
    ("an event in capitals", flow(wait(event="Quote.Accepted")), "/steps/0/event", WAIT_FOR),
    ("match without an event", flow(wait(seconds=1, match="true")), "/steps/0/match", "goes only with event"),
    (
        "a match that is no expression",
        flow(wait(event="quote.accepted", match="event.id ==")),
        "/steps/0/match",
        "event.id ==: not a CEL expression (1:12: Syntax error: mismatched input '<EOF>')",
    ),
    (
        "a match with a step that does not precede",
        flow(wait(event="quote.accepted", match="event.subject == steps.b.output.id"), transform("b")),
        "/steps/0/match",
        "steps.b.output.id: b does not precede this step",
    ),
    (
        "on_timeout without a timeout",
        flow(wait(seconds=1, on_timeout="continue")),
        "/steps/0/on_timeout",
        "goes only with timeout_seconds",
    ),
    (
        "a wait that approves",
        flow(wait(seconds=1, timeout_seconds=1, on_timeout="approve")),
        "/steps/0/on_timeout",
        "has to be one of fail, continue",
    ),
    # approvals
    ("an approval by anybody", flow({"name": "a", "type": "approval"}), "/steps/0", "permission is missing"),
    ("an approval by a person", flow(approval(permission="Ada")), "/steps/0/permission", PERMISSION),
    (
        "an approval that goes on",
        flow(approval(timeout_seconds=9, on_timeout="continue")),
        "/steps/0/on_timeout",
        "has to be one of fail, approve, reject",
    ),
    (
        "an approval that never times out",
        flow(approval(on_timeout="reject")),
        "/steps/0/on_timeout",
        "goes only with timeout_seconds",
    ),
    ("a prompt that is no text", flow(approval(prompt=["Send?"])), "/steps/0/prompt", "has to be text"),
    ("a prompt that cannot be read", flow(approval(prompt="Send ${?")), "/steps/0/prompt", "${ without its }"),
    (
        "a prompt about what comes later",
        flow(approval(prompt="Send ${steps.b.output}?"), transform("b")),
        "/steps/0/prompt",
        "steps.b.output: b does not precede this step",
    ),
    # sub-workflows
    (
        "no workflow",
        flow({"name": "a", "type": "sub_workflow"}),
        "/steps/0",
        "workflow is missing",
    ),
    ("a workflow that is no name", flow(sub_workflow(workflow="Child 1")), "/steps/0/workflow", NAME),
    (
        "a workflow in itself",
        flow(sub_workflow(workflow="flow")),
        "/steps/0/workflow",
        "a workflow cannot be a step of itself",
    ),
    ("a context in a list", flow(sub_workflow(context=["x"])), "/steps/0/context", "has to be an object"),
    (
        "a child's context with a reserved name",
        flow(sub_workflow(context={"tenant": "x"})),
        "/steps/0/context/tenant",
        "tenant is a reserved name",
    ),
    (
        "a child's context of what comes later",
        flow(sub_workflow(context={"x": ["${steps.b.output}"]}), transform("b")),
        "/steps/0/context/x/0",
        "steps.b.output: b does not precede this step",
    ),
    # references and expressions
    ("an open reference", flow(call(params={"quote_id": "${"})), "/steps/0/params/quote_id", "${ without its }"),
    (
        "a reference with a space",
        flow(transform(output={"x": ["${a b}"]})),
        "/steps/0/output/x/0",
        "${a b} is not a path",
    ),
    (
        "a reference to no step",
        flow(transform(), transform("b", output={"x": ["${steps.c.output}"]})),
        "/steps/1/output/x/0",
        "steps.c.output: there is no step c",
    ),
    (
        "a reference to a step beside",
        flow(transform(), transform("b", depends_on=[], output="${steps.a.output.x}")),
        "/steps/1/output",
        "steps.a.output.x: a does not precede this step",
    ),
    (
        "a reference to itself",
        flow(transform(output="${steps.a.output}")),
        "/steps/0/output",
        "steps.a.output: a step cannot refer to its own output",
    ),
    (
        "a reference to a step's state",
        flow(transform(), transform("b", output="${steps.a.state}")),
        "/steps/1/output",
        "steps.a.state: of a step there is only its output: steps.a.output",
    ),
    (
        "an item where there is none",
        flow(transform(output="${item.id}")),
        "/steps/0/output",
        "item.id: exists only in a step with for_each",
    ),
    (
        "an event where there is none",
        flow(transform(output="${event.data.id}")),
        "/steps/0/output",
        f"event.data.id: {NO_EVENT}",
    ),
    (
        "an event after a wait for one",
        flow(wait(event="quote.accepted"), condition("b", condition="event.data.ok")),
        "/steps/1/condition",
        f"event.data.ok: {NO_EVENT}",
    ),
    (
        "a name that the input does not declare",
        flow(transform(output="${quota_id}"), input=CLOSED),
        "/steps/0/output",
        "quota_id: unknown path: the input does not declare it",
    ),
    (
        "a key of the context that the input does not declare",
        flow(transform(output="${context.quota_id}"), input=CLOSED),
        "/steps/0/output",
        "context.quota_id: unknown path: the input does not declare it",
    ),
    ("`when` as a value", flow(transform(when=True)), "/steps/0/when", "has to be an expression"),
    (
        "half an expression",
        flow(transform(when="x ==")),
        "/steps/0/when",
        "x ==: not a CEL expression (1:5: Syntax error: mismatched input '<EOF>')",
    ),
    (
        "an unknown function",
        flow(transform(when="upper(x) == 'A'")),
        "/steps/0/when",
        "upper(x) == 'A': unknown function upper",
    ),
    (
        "a condition on a step beside",
        flow(transform(), condition("b", depends_on=[], condition="steps.a.output.x == 1")),
        "/steps/1/condition",
        "steps.a.output.x: a does not precede this step",
    ),
    # triggers
    ("one trigger", flow(transform(), triggers={}), "/triggers", "has to be a list"),
    ("a trigger as a word", triggered("quote.accepted"), "/triggers/0", "has to be an object"),
    ("a trigger of nothing", triggered({"context": {}}), "/triggers/0", "needs one of event or schedule"),
    (
        "a trigger of two things",
        triggered({"event": "quote.accepted", "schedule": "* * * * *"}),
        "/triggers/0",
        "takes only one of event or schedule, not event and schedule",
    ),
    ("an unknown trigger key", triggered({"event": "a.b", "cron": 1}), "/triggers/0/cron", "unknown key cron"),
    ("an event without a room", triggered({"event": "accepted"}), "/triggers/0/event", EVENT),
    ("an event of a room alone", triggered({"event": "crm.lead"}), "/triggers/0/event", EVENT),
    ("an event of four parts", triggered({"event": "a.b.c.d"}), "/triggers/0/event", EVENT),
    (
        "`when` with a schedule",
        triggered({"schedule": "0 6 * * 1", "when": "true"}),
        "/triggers/0/when",
        "goes only with event",
    ),
    (
        "a time zone with an event",
        triggered({"event": "quote.accepted", "timezone": "UTC"}),
        "/triggers/0/timezone",
        "goes only with schedule",
    ),
    (
        "`when` about the context",
        triggered({"event": "quote.accepted", "when": "context.is_on"}),
        "/triggers/0/when",
        "context.is_on: only the event is there to refer to, as event.data...",
    ),
    (
        "`when` with a bare name",
        triggered({"event": "quote.accepted", "when": "total > 0"}),
        "/triggers/0/when",
        "total: only the event is there to refer to, as event.data...",
    ),
    (
        "`when` that is no expression",
        triggered({"event": "quote.accepted", "when": "event.data."}),
        "/triggers/0/when",
        "event.data.: not a CEL expression (1:12: Syntax error: no viable alternative at input '.')",
    ),
    (
        "a trigger's context of a step",
        triggered({"event": "quote.accepted", "context": {"x": "${steps.a.output}"}}),
        "/triggers/0/context/x",
        "steps.a.output: only the event is there to refer to, as event.data...",
    ),
    (
        "a trigger's context that cannot be read",
        triggered({"event": "quote.accepted", "context": {"x": "${event."}}),
        "/triggers/0/context/x",
        "${ without its }",
    ),
    (
        "a schedule that refers",
        triggered({"schedule": "0 6 * * 1", "context": {"x": "${event.time}"}}),
        "/triggers/0/context/x",
        "event.time: a schedule has nothing to refer to",
    ),
    ("a schedule of six fields", triggered({"schedule": "0 0 6 * * 1"}), "/triggers/0/schedule", CRON),
    ("a schedule by name", triggered({"schedule": "@daily"}), "/triggers/0/schedule", CRON),
    (
        "an hour that there is not",
        triggered({"schedule": "0 25 * * *"}),
        "/triggers/0/schedule",
        "not a cron expression: bad hour",
    ),
    (
        "a day that never comes",
        triggered({"schedule": "0 0 31 2 *"}),
        "/triggers/0/schedule",
        "not a cron expression: bad day-of-month",
    ),
    (
        "a time zone that there is not",
        triggered({"schedule": "0 6 * * 1", "timezone": "Mars/Olympus"}),
        "/triggers/0/timezone",
        ZONE,
    ),
    (
        "a time zone that is a folder",
        triggered({"schedule": "0 6 * * 1", "timezone": "America"}),
        "/triggers/0/timezone",
        ZONE,
    ),
    (
        "a time zone that is a path",
        triggered({"schedule": "0 6 * * 1", "timezone": "../../etc/passwd"}),
        "/triggers/0/timezone",
        ZONE,
    ),
    (
        "an event does not give a required input",
        triggered({"event": "quote.accepted"}, {"event": "quote.sent", "context": {"quote_id": "x"}}, input=NEEDS_ID),
        "/triggers/0/context",
        "the input quote_id is required, and not given",
    ),
    (
        "a schedule does not give a required input",
        triggered({"schedule": "0 6 * * 1"}, input=NEEDS_ID),
        "/triggers/0/context",
        "the input quote_id is required, and not given",
    ),
    (
        "an event gives an input of another type",
        triggered({"event": "quote.accepted", "context": {"quote_id": 7}}, input=NEEDS_ID),
        "/triggers/0/context/quote_id",
        "7 is not of type 'string'",
    ),
    (
        "a schedule gives an input of another type",
        triggered({"schedule": "0 6 * * 1", "context": {"quote_id": 7}}, input=NEEDS_ID),
        "/triggers/0/context/quote_id",
        "7 is not of type 'string'",
    ),
    (
        "a schedule gives one of two that belong together",
        triggered(
            {"schedule": "0 6 * * 1", "context": {"from": 1}},
            input={"type": "object", "dependentRequired": {"from": ["to"]}},
        ),
        "/triggers/0/context",
        "'to' is a dependency of 'from'",
    ),
    (
        "an event gives what the input does not declare",
        triggered({"event": "quote.accepted", "context": {"colour": "${event.data.colour}"}}, input=CLOSED),
        "/triggers/0/context/colour",
        "the input does not declare it",
    ),
    (
        "a trigger's context with a reserved name",
        triggered({"event": "quote.accepted", "context": {"event": "${event}"}}),
        "/triggers/0/context/event",
        "event is a reserved name",
    ),
    # concurrency, suppresses
    ("a number at a time", flow(transform(), concurrency=1), "/concurrency", "has to be an object"),
    ("no key", limited(limit=2), "/concurrency", "key is missing"),
    ("an empty key", limited(key=" "), "/concurrency/key", "has to be text, and not empty"),
    ("none at a time", limited(key="all", limit=0), "/concurrency/limit", "has to be at least 1"),
    (
        "count_parked is no word",
        limited(key="all", count_parked=1),
        "/concurrency/count_parked",
        "has to be true or false",
    ),
    ("a key that cannot be read", limited(key="${a b}"), "/concurrency/key", "${a b} is not a path"),
    (
        "a key of an output",
        limited(key="${steps.a.output.id}"),
        "/concurrency/key",
        "steps.a.output.id: only the context and the tenant are known before a workflow starts",
    ),
    (
        "a key of the event",
        limited(key="${event.subject}"),
        "/concurrency/key",
        "event.subject: only the context and the tenant are known before a workflow starts",
    ),
    (
        "a key of what the input does not declare",
        flow(transform(), concurrency={"key": "${context.customer}"}, input=CLOSED),
        "/concurrency/key",
        "context.customer: unknown path: the input does not declare it",
    ),
    ("one that is suppressed", flow(transform(), suppresses="other"), "/suppresses", "has to be a list"),
    ("a suppressed title", flow(transform(), suppresses=["Other flow"]), "/suppresses/0", NAME),
    ("suppressed twice", flow(transform(), suppresses=["b", "b"]), "/suppresses/1", "b is named twice"),
]


@pytest.mark.parametrize(
    ("document", "pointer", "message"), [row[1:] for row in BAD], ids=[row[0].replace(" ", "-") for row in BAD]
)
def test_is_refused_with_its_one_fault_and_its_place(document: Any, pointer: str, message: str):
    report = validate(document, OPERATIONS)
    assert [(fault.pointer, fault.message) for fault in report.faults] == [(pointer, message)]
    assert report.workflow is None


def test_no_row_stands_twice():
    assert len({row[0] for row in BAD}) == len(BAD)


def test_all_faults_are_told_at_once():
    broken = flow(
        call(service="moon_service"),
        transform("b", depends_on=["c"], when="1 +"),
        wait("d", seconds=0, match="true"),
        approval("e", permission=1, on_timeout="never"),
        sub_workflow("f", workflow="flow", context={"item": "${"}),
        call("g", for_each="all", max_parallel="many"),
        version="x",
        colour=1,
        triggers=[{"event": "accepted", "timezone": "Mars"}, {"schedule": "often"}, 3],
        concurrency={"key": "${steps}", "limit": -1},
        suppresses=[1],
    )
    with pytest.raises(DefinitionError) as caught:
        load(broken, OPERATIONS)
    assert {fault.pointer for fault in caught.value.faults} == {
        *("/version", "/colour", "/suppresses/0", "/concurrency/key", "/concurrency/limit"),
        *("/triggers/0/event", "/triggers/0/timezone", "/triggers/1/schedule", "/triggers/2"),
        *("/steps/0/service", "/steps/1/depends_on/0", "/steps/1/when", "/steps/2/seconds", "/steps/2/match"),
        *("/steps/3/permission", "/steps/3/on_timeout", "/steps/4/workflow", "/steps/4/context/item"),
        *("/steps/5/for_each", "/steps/5/max_parallel"),
    }


def test_the_limits_can_be_set():
    document = flow(transform("a"), transform("b"), call("c", for_each=[1, 2, 3]))
    few_steps = validate(document, OPERATIONS, limits=Limits(steps=2))
    assert [str(fault) for fault in few_steps.faults] == ["/steps: has 3 steps; at most 2 are allowed"]
    few_elements = validate(document, OPERATIONS, limits=Limits(elements=2))
    assert [str(fault) for fault in few_elements.faults] == ["/steps/2/for_each: has 3 elements; at most 2 are allowed"]
