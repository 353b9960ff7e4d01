"""The in-memory run: the plain model of what an execution does."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import DefinitionError
from pipelines.graph import Graph
from pipelines.testing import NOON
from tests.pipelines.graphs import Dependencies, acyclic, chances
from tests.pipelines.shop import Shop, make, states


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_flow_that_works(shop: Shop):
    outcome = shop.run(
        make("a", params={"name": "${first}", "extra": "${more}"}),
        {"name": "b", "type": "transform", "output": {"got": "${thing}", "by": "${tenant.slug}"}},
        input={"first": {"type": "string", "required": True}, "more": {"type": "string"}},
        context={"first": "x"},
    )
    assert (outcome.state, outcome.rollback, outcome.error) == ("completed", "none", None)
    assert outcome.result["b"] == {"got": {"name": "x", "extra": None}, "by": "test"}
    assert outcome.started == ["a", "b"]


def test_a_context_that_does_not_fit_is_refused(shop: Shop):
    with pytest.raises(DefinitionError, match="'first' is a required property"):
        shop.run(make("a"), input={"first": {"required": True}})


def test_a_step_is_tried_again_without_waiting(shop: Shop):
    shop.failures = {"a": 2}
    outcome = shop.run(make("a"))
    assert outcome.state == "completed"
    assert outcome.steps["a"].attempts == 3


def test_a_failure_undoes_in_reverse(shop: Shop):
    shop.failures = {"d": 99}
    outcome = shop.run(make("a"), make("b"), make("c", when="false"), make("d"), make("e"))
    assert (outcome.state, outcome.rollback) == ("failed", "done")
    assert str(outcome.error) == "d failed"
    assert outcome.undone == ["b", "a"]
    assert shop.log == ["a", "b", "d", "d", "d", "unb", "una"]
    assert states(outcome) == {
        "a": "compensated",
        "b": "compensated",
        "c": "skipped",
        "d": "failed",
        "e": "cancelled",
    }


def test_a_permanent_failure_is_not_tried_again(shop: Shop):
    shop.failures = {"a": 1}
    outcome = shop.run(make("a", "look"))
    assert outcome.steps["a"].attempts == 1
    assert (outcome.state, outcome.rollback) == ("failed", "none")


def test_nothing_is_undone_where_the_definition_says_so(shop: Shop):
    shop.failures = {"b": 99}
    outcome = shop.run(make("a"), make("b"), rollback_on_failure=False)
    assert (outcome.state, outcome.undone, states(outcome)["a"]) == ("failed", [], "completed")


def test_a_step_that_is_not_critical_may_fail(shop: Shop):
    shop.failures = {"a": 99}
    outcome = shop.run(
        make("a", critical=False), {"name": "b", "type": "transform", "output": "${steps.a.output.thing.name}"}
    )
    assert outcome.state == "completed"
    assert states(outcome) == {"a": "failed", "b": "completed"}
    assert outcome.steps["b"].output is None


def test_what_a_failed_step_had_half_made_is_undone(shop: Shop):
    shop.failures = {"a": 99}
    outcome = shop.run(make("a", "build"))
    assert (outcome.rollback, outcome.undone, shop.log[-1]) == ("done", ["a"], "una")
    shop.failures = {"b": 99}
    assert shop.run(make("b", "build", critical=False)).state == "completed"
    assert shop.log[-1] == "unb"


def test_what_a_later_attempt_made_whole_is_undone_once(shop: Shop):
    shop.failures = {"a": 1, "end": 99}
    shop.run(make("a", "build"), make("end"))
    assert shop.log.count("una") == 1


def test_an_undo_that_gives_up_leaves_the_rollback_incomplete(shop: Shop):
    shop.failures = {"c": 99, "unb": 99}
    outcome = shop.run(make("a"), make("b"), make("c"))
    assert outcome.rollback == "incomplete"
    assert states(outcome) == {"a": "compensating", "b": "compensation_failed", "c": "failed"}


def test_an_undo_is_tried_again(shop: Shop):
    shop.failures = {"b": 99, "una": 2}
    assert shop.run(make("a"), make("b")).rollback == "done"


def test_what_cannot_be_undone_stays(shop: Shop):
    shop.failures = {"b": 99}
    outcome = shop.run(make("a", "send"), make("b"))
    assert [effect.kind for effect in outcome.stays] == ["mail"]


def test_a_step_may_have_its_own_undo_or_none(shop: Shop):
    shop.failures = {"c": 99}
    own = {"operation": "shop_service.unmake", "params": {"name": "${steps.a.output.thing.name}!"}}
    outcome = shop.run(make("a", compensate=own), make("b", compensate="none"), make("c"))
    assert outcome.undone == ["a"]
    assert shop.log[-1] == "una!"
    assert [effect.reference for effect in outcome.stays] == ["b"]


def condition(on_false: str) -> dict[str, Any]:
    return {"name": "check", "type": "condition", "condition": "context.go", "on_false": on_false}


def test_a_true_condition_goes_on(shop: Shop):
    outcome = shop.run(condition("fail"), make("a"), context={"go": True})
    assert outcome.result["check"] is True
    assert states(outcome)["a"] == "completed"


def test_a_false_condition_fails(shop: Shop):
    outcome = shop.run(condition("fail"), make("a"), context={"go": False})
    assert (outcome.state, states(outcome)["check"]) == ("failed", "failed")


def test_a_false_condition_skips_all_that_comes_after_it(shop: Shop):
    join = make("join", depends_on=["check", "other"])
    outcome = shop.run(
        condition("skip_dependents"), make("a"), make("other", depends_on=[]), join, context={"go": False}
    )
    assert outcome.state == "completed"
    assert states(outcome) == {"check": "completed", "other": "completed", "a": "skipped", "join": "skipped"}
    assert outcome.steps["check"].output is False


def test_a_false_condition_ends(shop: Shop):
    outcome = shop.run(condition("end"), make("other", depends_on=[]), context={"go": False})
    assert (outcome.state, states(outcome)["other"]) == ("completed", "skipped")


def test_a_condition_that_cannot_be_evaluated_fails_for_good(shop: Shop):
    outcome = shop.run(make("a", when="context.go > 'x'"), context={"go": 1})
    assert outcome.state == "failed"
    assert outcome.steps["a"].attempts == 0


def test_ports_clock_and_event_are_the_tests_own(shop: Shop):
    later = NOON + timedelta(days=1)
    outcome = shop.run(
        make("a", "look"),
        make("b", params={"name": "${event.name}"}),
        ports={str: "a port"},
        clock=lambda: later,
        event={"name": "e"},
        triggers=[{"event": "thing.asked"}],
    )
    assert outcome.result["a"] == {"seen": "a port"}
    assert outcome.result["b"]["at"] == later.isoformat()
    assert shop.log == ["a", "e"]


@given(acyclic(largest=8), st.data(), chances())
def test_any_graph_that_fails_anywhere_is_undone_in_reverse(
    depends_on: Dependencies, data: st.DataObject, rnd: random.Random
):
    shop = Shop()
    names = sorted(depends_on)
    failing = data.draw(st.sampled_from(names))
    skipped = data.draw(st.sets(st.sampled_from(names))) - {failing}
    shop.failures = {failing: 99}
    steps = [make(n, depends_on=d, when="false" if n in skipped else "true") for n, d in depends_on.items()]
    outcome = shop.run(*steps, choose=rnd.choice)
    graph = Graph.make(depends_on)
    done = [name for name in outcome.started if name not in skipped | {failing}]
    assert sorted(outcome.undone) == sorted(done)
    assert outcome.state == "failed"
    for name in done:
        later = {graph.names[n] for n in graph.descendants(graph.numbers[name])}
        assert all(outcome.undone.index(other) < outcome.undone.index(name) for other in later & set(done))
    for name in outcome.started:
        assert all(outcome.started.index(before) < outcome.started.index(name) for before in depends_on[name])
