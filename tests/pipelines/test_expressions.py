from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.definition import Compensate, Step, StepType
from pipelines.errors import ExpressionError
from pipelines.expressions import Scope, cel_paths, evaluate, holds, reads, resolve, resolve_params, roots, step_paths
from pipelines.graph import Graph

SCOPE = Scope(
    context={"quote_id": "q1", "xs": [1, 2, 3], "name": "Ada", "nothing": None, "flag": True, "price": 1.5},
    outputs={
        "first": {"quote": {"status": "sent", "total": 12.0}, "shared": "first"},
        "second": {
            "quote": {"status": "accepted", "total": 12.0, "note": None, "lines": [{"a": {"b": 1}}, {"a": None}]}
        },
        "check": True,
    },
    declared=frozenset({"quote_id", "optional"}),
    execution={"id": 7},
    tenant={"id": "t1", "slug": "acme"},
    event={"type": "quote.accepted", "data": {"total_amount": 3}},
)
SKIPPED = replace(SCOPE, outputs={"first": None})


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${quote_id}", "q1"),
        ("${xs}", [1, 2, 3]),
        ("${xs[1]}", 2),
        ("${xs.1}", 2),
        ("${flag}", True),
        ("${ name }", "Ada"),
        ("${context.name}", "Ada"),
        ("${context['name']}", "Ada"),
        ("${quote.status}", "accepted"),
        ("${steps.first.output.quote.status}", "sent"),
        ("${steps.check.output}", True),
        ("${shared}", "first"),
        ("${quote.lines[0].a.b}", 1),
        ("${execution.id}", 7),
        ("${tenant.slug}", "acme"),
        ("${event.data.total_amount}", 3),
        ("${optional}", None),
        ("${context.optional}", None),
        ("${optional.deeper.still}", None),
        ("${quote.note.author}", None),
        ("Order ${execution.id} of ${name}", "Order 7 of Ada"),
        ("${name}${name}", "AdaAda"),
        ("${flag}, ${nothing}, ${xs}, ${price}", "true, , [1, 2, 3], 1.5"),
        ("$${name}", "${name}"),
        ("$${name} is ${name}", "${name} is Ada"),
        ("$5 {x}", "$5 {x}"),
        ({"a": ["${name}", 1, {"b": "${xs}"}]}, {"a": ["Ada", 1, {"b": [1, 2, 3]}]}),
        (12, 12),
        (None, None),
    ],
)
def test_a_template_becomes(template: Any, value: Any):
    assert resolve(template, SCOPE) == value


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("${nowhere}", "unknown path nowhere"),
        ("${quote.nope.deeper}", "unknown path quote.nope.deeper"),
        ("${context.nope}", "unknown path context.nope"),
        ("${steps.nope.output}", "unknown path steps.nope.output"),
        ("${steps.first.state}", "unknown path steps.first.state"),
        ("${xs[3]}", r"unknown path xs\[3\]"),
        ("${name.first}", "unknown path name.first"),
        ("${item}", "unknown path item"),
        ("${index}", "unknown path index"),
        ("${", "without its }"),
        ("${name", "without its }"),
        ("${a b}", r"\$\{a b\} is not a path"),
        ("${}", r"\$\{\} is not a path"),
        ("${1 + 1}", "is not a path"),
    ],
)
def test_a_reference_that_cannot_be_resolved_is_named(template: str, complaint: str):
    with pytest.raises(ExpressionError, match=complaint):
        resolve(template, SCOPE)


def test_the_later_output_wins_and_outputs_come_before_the_context():
    scope = Scope(context={"x": 0, "y": 0}, outputs={"a": {"x": 1}, "b": {"x": 2}})
    assert resolve("${x}${y}", scope) == "20"


def test_a_bare_name_that_a_skipped_step_might_have_given_is_null():
    assert resolve("${quote.status}", SKIPPED) is None
    assert resolve("${steps.first.output.quote.status}", SKIPPED) is None


def test_parameters_name_step_and_parameter():
    with pytest.raises(ExpressionError, match="step bill, parameter amount: unknown path nowhere"):
        resolve_params({"amount": "${nowhere}"}, SCOPE, step_name="bill")


def test_null_leaves_an_optional_parameter_out():
    params = {"a": "${optional}", "b": "${optional}", "c": "${name}"}
    assert resolve_params(params, SCOPE, step_name="s", optional=frozenset({"a", "c"})) == {"b": None, "c": "Ada"}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("quote.status == 'accepted'", True),
        ("event.data.total_amount > 0", True),
        ("quote.total == 12", True),
        ("quote.total > 11 && execution.id < 7.5", True),
        ("2.0 in xs", True),
        ("size(xs) == 3 && xs.size() == 3", True),
        ("'a' in {'a': 1}", True),
        ("has(quote.status)", True),
        ("has(quote.nope)", False),
        ("has(quote.note.author)", False),
        ("has(context.optional)", False),
        ("has(steps.first) && !has(steps.nope)", True),
        ("has(quote.nope) && quote.nope > 1", False),
        ("true || quote.nope", True),
        ("quote.note.author == null", True),
        ("optional.x.y == null", True),
        ("context.optional == null", True),
        ("name.startsWith('A') && name.endsWith('a') && name.contains('d') && name.matches('^A')", True),
        ("quote.lines.all(l, l.a.b == null || l.a.b == 1)", True),
        ("quote.lines.exists(l, has(l.a.b) && l.a.b == 1)", True),
        ("quote.lines.filter(l, has(l.a.b)).size()", 1),
        ("xs.map(name, name * 2)", [2, 4, 6]),
        ("quote['lines'][0].a['b']", 1),
        ("xs[execution.id - 6]", 2),
        ("flag ? name : 'no'", "Ada"),
        ("int('3') + 1 // a comment", 4),
        ("timestamp('2030-01-01T00:00:00Z') > timestamp('2029-01-01T00:00:00Z')", True),
        ("\"it's\" == 'it\\'s'", True),
        ("-xs[0] < 0 && !(flag == false)", True),
    ],
)
def test_an_expression_is(source: str, value: Any):
    assert evaluate(source, SCOPE) == value


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("nowhere == 1", "unknown path nowhere"),
        ("quote.nope == 1", "unknown path quote.nope"),
        ("has(nowhere.x)", "unknown path nowhere.x"),
        ("has(name)", "has.. takes a path with a field|not a CEL expression"),
        ("quote.status ==", "not a CEL expression"),
        ("", "not a CEL expression"),
        ("name = 'x'", "not a CEL expression"),
        ("upper(name)", "unknown function upper"),
        ("name.upper()", "unknown function upper"),
        ("__import__('os')", "unknown function __import__"),
        ("name + 1", "no such operation"),
        ("name < 1", "no such operation"),
        ("xs[9]", r"unknown path xs\[9\]"),
        ("xs[execution.id]", "out of bounds"),
        ("1 / 0", "division by zero"),
        ("9223372036854775807 + 1", "overflow"),
        ("'x' * 10", "no such operation"),
        ("true || " * 400 + "true", "longer than"),
        ("(" * 600 + "1" + ")" * 600, "not a CEL expression"),
    ],
)
def test_an_expression_that_fails_says_why(source: str, complaint: str):
    with pytest.raises(ExpressionError, match=complaint):
        evaluate(source, SCOPE)


def test_an_error_does_not_repeat_the_data():
    with pytest.raises(ExpressionError) as caught:
        evaluate("secret + 1", Scope(context={"secret": "hunter2"}))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "xs.all(a, xs.all(b, xs.all(c, a + b + c >= 0)))",
        "xs.map(a, xs).map(a, a + a).map(a, a + a)",
        "xs.all(a, s.matches('(a+)+$'))",
        "xs.exists(a, a == 1) && xs.map(a, xs.map(b, xs)).size() > 0",
    ],
)
def test_what_would_cost_too_much_is_not_begun(source: str):
    with pytest.raises(ExpressionError, match="cost too much"):
        evaluate(source, Scope(context={"xs": list(range(5000)), "s": "a" * 100_000}))


def test_the_cost_is_counted_per_operand():
    scope = Scope(context={"xs": list(range(500))})
    assert evaluate(" && ".join(["xs.all(a, a >= 0)"] * 5), scope) is True


def test_very_deep_data_does_no_harm():
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    assert evaluate("deep.a.a == null", Scope(context={"deep": deep})) is False


def test_a_condition_is_true_or_false_and_null_is_false():
    assert holds("flag", SCOPE)
    assert not holds("optional", SCOPE)
    with pytest.raises(ExpressionError, match="neither true nor false"):
        holds("name", SCOPE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_a_lone_reference_keeps_its_value(value: Any):
    assert resolve("${x}", Scope(context={"x": value})) == value


pieces = st.sampled_from(
    [*"abx.()[]{}'\"!&|?:,1<=>+-*/% ", "&&", "||", "has(", ".all(x,", ".map(x,", "null", "true", "1.5"]
)


@given(st.text(max_size=40) | st.lists(pieces, max_size=20).map("".join))
def test_any_source_is_evaluated_or_refused(source: str):
    with suppress(ExpressionError):
        evaluate(source, SCOPE)


@given(st.text(alphabet="${}ab.[]'0 ", max_size=20))
def test_any_template_is_resolved_or_refused(template: str):
    with suppress(ExpressionError):
        resolve(template, Scope(context={"a": {"b": 1}}))


def step(name: str, *depends_on: str, **more: Any) -> Step:
    return Step(name, StepType.TRANSFORM, depends_on=depends_on, **more)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, set()),
        ({"params": {"a": "text"}}, set()),
        ({"params": {"a": "${context.x} ${tenant.id}"}}, set()),
        ({"params": {"a": ["${steps.b.output.x}"]}}, {"b"}),
        ({"when": "steps.a.output.x == 1"}, {"a"}),
        ({"condition": "x == 1"}, {"a", "b"}),
        ({"output": {"deep": ["${quote.id}"]}}, {"a", "b"}),
        ({"output": "${steps}"}, {"a", "b"}),
        ({"output": "${steps.other.output}"}, set()),
        ({"for_each": "${steps.a.output.xs}", "params": {"p": "${item.x} ${index}"}}, {"a"}),
        ({"for_each": [1, "${steps.b.output.x}"]}, {"b"}),
        ({"match": "event.id == steps.a.output.id"}, {"a"}),
        ({"until": "${order.due_at}"}, {"a", "b"}),
        ({"seconds": "${steps.b.output.seconds}"}, {"b"}),
        ({"context": {"x": ["${steps.a.output.x}"]}}, {"a"}),
        ({"prompt": "Send ${steps.b.output.total}?"}, {"b"}),
        ({"compensate": Compensate("a.b", {"x": "${steps.a.output.id} ${steps.c.output.id}"})}, {"a"}),
    ],
)
def test_a_step_reads(fields: dict[str, Any], names: set[str]):
    reading = step("c", "b", **fields)
    graph = Graph.of([step("a"), step("b", "a"), step("other"), reading])
    assert reads(reading, graph) == names


def test_paths_and_roots_of_a_step():
    paths = step_paths(step("a", params={"p": "${quote.id}"}, when="xs.all(x, x.y > limit)"))
    assert paths == {("quote", "id"), ("xs",), ("limit",)}
    assert roots(paths) == {"quote", "xs", "limit"}
    assert cel_paths("has(a.b) && a.b == 1") == {("a", "b")}
