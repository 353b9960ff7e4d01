"""The in-memory run of what takes time, answers, other workflows and many elements in the real engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.definition import Limits, Workflow
from pipelines.testing import NOON, Unanswered
from tests.pipelines.documents import approval, condition, sub_workflow, transform, wait
from tests.pipelines.shop import Shop, make, states

PAID = "payment.received"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def each(name: str, elements: Any, **more: Any) -> dict[str, Any]:
    return make(name, for_each=elements, params={"name": "${item}"}, **more)


# elements


def test_elements_run_in_order_and_give_the_list_of_outputs(shop: Shop):
    outcome = shop.run(
        make("all", for_each="${context.names}", params={"name": "${item.id}-${index}"}),
        transform("first", output="${steps.all.output[0].name}"),
        context={"names": [{"id": "x"}, {"id": "y"}]},
    )
    assert [output["name"] for output in outcome.result["all"]] == ["x-0", "y-1"]
    assert outcome.result["first"] == "x-0"
    assert shop.log == ["x-0", "y-1"]


def test_no_elements_give_an_empty_list(shop: Shop):
    assert shop.run(each("all", [])).result == {"all": []}


@pytest.mark.parametrize("elements", ["x", {"a": 1}, None, 3])
def test_what_is_no_list_fails_for_good(shop: Shop, elements: Any):
    outcome = shop.run(each("all", "${context.xs}"), context={"xs": elements}, input={"xs": {}})
    assert str(outcome.error) == "for_each needs a list"
    assert shop.log == []


def test_too_many_elements_fail_for_good(shop: Shop):
    outcome = shop.run(each("all", "${xs}"), context={"xs": ["a", "b"]}, limits=Limits(elements=1))
    assert str(outcome.error) == "for_each has 2 elements; at most 1 are allowed"


def test_each_element_has_its_own_attempts_and_key(shop: Shop):
    shop.failures = {"x": 2, "y": 2}
    shop.got_through = False
    outcome = shop.run(make("all", "pay", for_each=["x", "y"], params={"name": "${item}"}))
    assert (outcome.state, outcome.steps["all"].attempts) == ("completed", 6)
    assert shop.log == [
        *("x 1:all:0", "find x", "x 1:all:0", "find x", "x 1:all:0"),
        *("y 1:all:1", "find y", "y 1:all:1", "find y", "y 1:all:1"),
    ]


def test_an_element_that_fails_stops_those_after_it_and_all_is_undone(shop: Shop):
    shop.failures = {"b": 99}
    outcome = shop.run(make("before"), each("all", ["a", "b", "c"]))
    assert (outcome.state, outcome.undone) == ("failed", ["all", "before"])
    assert shop.log == ["before", "a", "b", "b", "b", "una", "unbefore"]


def test_elements_that_finished_before_one_failed_stay_until_a_rollback(shop: Shop):
    shop.failures = {"b": 99}
    elements = each("all", ["a", "b", "c"], critical=False)
    outcome = shop.run(elements, transform("after", output={"all": "${steps.all.output}"}))
    assert (outcome.state, outcome.result) == ("completed", {"after": {"all": None}})
    assert "una" not in shop.log
    shop.failures = {"b": 99, "end": 99}
    assert shop.run(elements, make("end")).undone == ["all"]
    assert shop.log[-1] == "una"


def test_only_what_the_failing_element_had_half_made_is_undone_at_once(shop: Shop):
    shop.failures = {"b": 99}
    half = make("all", "build", for_each=["a", "b"], params={"name": "${item}"}, critical=False)
    assert shop.run(half).state == "completed"
    assert [entry for entry in shop.log if entry.startswith("un")] == ["unb"]


def test_an_elements_own_undo_sees_the_element_and_its_output(shop: Shop):
    shop.failures = {"end": 99}
    own = {"operation": "shop_service.unmake", "params": {"name": "${index}${item}${steps.all.output.name}"}}
    shop.run(each("all", ["x", "y"], compensate=own), make("end"))
    assert shop.log[-2:] == ["un1yy", "un0xx"]


@given(st.lists(st.sampled_from("abcde"), max_size=6), st.sets(st.sampled_from("abcde"), max_size=2))
def test_whatever_fails_what_was_made_is_undone_in_reverse(names: list[str], failing: set[str]):
    shop = Shop()
    shop.failures = dict.fromkeys(failing, 99)
    outcome = shop.run(each("all", names))
    made = names[: next((i for i, name in enumerate(names) if name in failing), len(names))]
    if made == names:
        assert [output["name"] for output in outcome.result["all"]] == names
    else:
        undone = [entry for entry in shop.log if entry.startswith("un")]
        assert undone == [f"un{name}" for name in reversed(made)]


# waits


def test_time_goes_by_at_once(shop: Shop):
    outcome = shop.run(
        wait("a", seconds=90),
        wait("b", seconds="${context.days}"),
        wait("c", until="2031-05-01T08:00:00+02:00"),
        wait("d", until="${context.day}"),
        context={"days": 86400, "day": "2030-02-01"},
    )
    assert outcome.result == {
        "a": {"timed_out": False, "until": (NOON + timedelta(seconds=90)).isoformat()},
        "b": {"timed_out": False, "until": (NOON + timedelta(days=1)).isoformat()},
        "c": {"timed_out": False, "until": "2031-05-01T08:00:00+02:00"},
        "d": {"timed_out": False, "until": "2030-02-01T00:00:00+00:00"},
    }


def test_a_wait_may_take_too_long(shop: Shop):
    goes_on = wait(seconds=60, timeout_seconds=30, on_timeout="continue")
    assert shop.run(goes_on).result["a"] == {"timed_out": True, "until": "2030-01-01T12:01:00+00:00"}
    outcome = shop.run(wait(seconds=60, timeout_seconds=30))
    assert str(outcome.error) == "waited 30 seconds in vain for 2030-01-01T12:01:00+00:00"


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (wait(seconds="${context.x}"), "seconds has to be a number between 0 and 316224000"),
        (wait(until="${context.x}"), "until has to be a timestamp such as 2030-01-31T12:00:00Z"),
    ],
)
@pytest.mark.parametrize("value", ["soon", -1, True, None, 1e12])
def test_what_is_no_time_fails_for_good(shop: Shop, step: dict[str, Any], complaint: str, value: Any):
    outcome = shop.run(step, context={"x": value}, input={"x": {}})
    assert (outcome.state, str(outcome.error)) == ("failed", complaint)


def test_a_wait_takes_the_first_event_that_is_the_right_one(shop: Shop):
    events = {PAID: [{"amount": 1}, {"amount": 5}, {"amount": 9}], "crm.lead.lost": [{"data": {}, "subject": "lead/7"}]}
    outcome = shop.run(
        wait("a", event=f"billing.{PAID}", match="event.data.amount >= context.least"),
        wait("b", event=PAID),
        wait("c", event=PAID, match="event.data.amount > steps.a.output.event.data.amount"),
        wait("d", event="lead.lost", match="event.subject == 'lead/7'"),
        events=events,
        context={"least": 4},
    )
    assert [outcome.result[name]["event"]["data"] for name in "abcd"] == [
        {"amount": 5},
        {"amount": 1},
        {"amount": 9},
        {},
    ]
    assert outcome.result["a"]["timed_out"] is False
    assert outcome.result["a"]["event"]["type"] == PAID


def test_an_event_is_taken_once(shop: Shop):
    events = {PAID: [{"amount": 1}, {"amount": 2}]}
    outcome = shop.run(wait("a", event=PAID), wait("b", event=PAID), events=events)
    assert [outcome.result[name]["event"]["data"]["amount"] for name in "ab"] == [1, 2]
    with pytest.raises(Unanswered):
        shop.run(*(wait(name, event=PAID) for name in "abc"), events=events)


def test_an_event_that_never_comes(shop: Shop):
    lost = {PAID: [{"amount": "much"}]}
    step = wait(event=PAID, match="event.data.amount > 1", timeout_seconds=60)
    assert str(shop.run(step, events=lost).error) == f"waited 60 seconds in vain for {PAID}"
    outcome = shop.run({**step, "on_timeout": "continue"}, events=lost)
    assert outcome.result["a"] == {"timed_out": True, "event": None}
    with pytest.raises(Unanswered, match=r"step a waits for signed, which the test's events do not hold"):
        shop.run(wait(event="signed"))


def test_a_condition_that_waits_is_true_or_times_out(shop: Shop):
    step = condition(condition="context.go", timeout_seconds=60)
    assert shop.run(step, context={"go": True}).result == {"a": True}
    outcome = shop.run(make("before"), step, context={"go": False})
    assert (outcome.state, outcome.undone) == ("failed", ["before"])
    assert str(outcome.error) == "the condition did not become true in time: context.go"


# approvals


def test_an_approval_is_answered_by_the_test(shop: Shop):
    outcome = shop.run(approval("sure", prompt="Send ${context.x}?"), approvals={"sure": True}, context={"x": 1})
    assert outcome.result["sure"] == {"approved": True, "by": "test", "comment": None, "at": NOON.isoformat()}


def test_a_rejected_approval_fails_for_good(shop: Shop):
    outcome = shop.run(make("before"), approval("sure"), make("after"), approvals={"sure": False})
    assert (outcome.state, outcome.undone, str(outcome.error)) == ("failed", ["before"], "rejected by test")
    assert states(outcome)["after"] == "cancelled"


@pytest.mark.parametrize(
    ("on_timeout", "state", "error"),
    [
        ("approve", "completed", None),
        ("reject", "failed", "rejected: nobody answered in time"),
        ("fail", "failed", "nobody answered in time"),
    ],
)
def test_an_approval_that_nobody_answers(shop: Shop, on_timeout: str, state: str, error: str | None):
    outcome = shop.run(approval("sure", timeout_seconds=60, on_timeout=on_timeout), approvals={"sure": None})
    assert (outcome.state, outcome.error and str(outcome.error)) == (state, error)


def test_an_approval_that_would_wait_for_ever_is_told(shop: Shop):
    with pytest.raises(Unanswered, match="step sure: the test's approvals do not answer it"):
        shop.run(approval("sure"))


# sub-workflows


@pytest.fixture
def child(shop: Shop) -> Workflow:
    return shop.load(make("x", params={"name": "${id}"}), make("y"), name="child", input={"id": {"required": True}})


def test_a_sub_workflow_is_an_execution_of_its_own(shop: Shop, child: Workflow):
    outcome = shop.run(
        sub_workflow(context={"id": "${context.one}"}),
        transform("b", output="${steps.a.output.result.x.name}"),
        workflows={"child": child},
        context={"one": "c1"},
    )
    assert outcome.result["b"] == "c1"
    assert (outcome.result["a"]["execution_id"], outcome.result["a"]["status"]) == (2, "completed")
    assert list(outcome.result["a"]["result"]) == ["x", "y"]
    made = outcome.steps["a"].child
    assert made is not None
    assert made.started == ["x", "y"]


def test_a_rollback_undoes_the_sub_workflow_too(shop: Shop, child: Workflow):
    shop.failures = {"end": 99}
    outcome = shop.run(make("before"), sub_workflow(context={"id": "c1"}), make("end"), workflows={"child": child})
    assert (outcome.rollback, outcome.undone) == ("done", ["a", "before"])
    assert shop.log[-3:] == ["uny", "unc1", "unbefore"]
    undone = outcome.steps["a"].child
    assert undone is not None
    assert (undone.state, undone.rollback) == ("cancelled", "done")


def test_a_sub_workflow_that_fails_undoes_itself_and_fails_the_step(shop: Shop, child: Workflow):
    shop.failures = {"y": 99}
    outcome = shop.run(make("before"), sub_workflow(context={"id": "c1"}), workflows={"child": child})
    assert str(outcome.error) == "child (execution 2) failed: y failed"
    assert outcome.undone == ["before"]
    assert shop.log[-2:] == ["unc1", "unbefore"]


def test_what_a_failed_sub_workflow_leaves_is_undone_with_its_parent(shop: Shop):
    shop.failures = {"y": 99}
    leaves = shop.load(make("x"), make("y"), name="child", rollback_on_failure=False)
    outcome = shop.run(make("before"), sub_workflow(), workflows={"child": leaves})
    assert outcome.undone == ["a", "before"]
    assert shop.log[-2:] == ["unx", "unbefore"]


def test_a_sub_workflow_that_cannot_be_undone_leaves_the_rollback_incomplete(shop: Shop, child: Workflow):
    shop.failures = {"end": 99, "unc1": 99}
    outcome = shop.run(sub_workflow(context={"id": "c1"}), make("end"), workflows={"child": child})
    assert (outcome.rollback, states(outcome)["a"]) == ("incomplete", "compensation_failed")


def test_what_stays_of_a_sub_workflow_stays_of_its_parent(shop: Shop):
    shop.failures = {"end": 99}
    sends = shop.load(make("mail", "send"), name="child")
    outcome = shop.run(sub_workflow(), make("end"), workflows={"child": sends})
    assert [effect.reference for effect in outcome.stays] == ["mail"]


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (sub_workflow(workflow="nobody"), "Workflow 'nobody' not found"),
        (sub_workflow(), "'id' is a required property"),
    ],
)
def test_a_sub_workflow_that_cannot_start_fails_for_good(
    shop: Shop, child: Workflow, step: dict[str, Any], complaint: str
):
    outcome = shop.run(step, workflows={"child": child})
    assert outcome.state == "failed"
    assert complaint in str(outcome.error)


def test_sub_workflows_in_each_other_end_at_the_limit(shop: Shop):
    flows = {
        "child": shop.load(sub_workflow(workflow="other"), name="child"),
        "other": shop.load(sub_workflow(), name="other"),
    }
    outcome = shop.run(sub_workflow(), workflows=flows, limits=Limits(nesting=3))
    assert "other would be nested 4 deep; the limit is 3" in str(outcome.error)


# what is not known


def test_a_payment_whose_answer_was_lost_is_found_and_not_made_again(shop: Shop):
    shop.failures = {"p": 1}
    outcome = shop.run(make("p", "pay"))
    assert (outcome.result["p"], shop.log) == ({"paid": "p", "found": True}, ["p 1:p", "find p"])


def test_what_was_found_is_undone_like_what_was_made(shop: Shop):
    shop.failures = {"p": 1, "end": 99}
    assert shop.run(make("p", "pay"), make("end")).undone == ["p"]


def test_a_payment_that_did_not_get_through_is_made_again(shop: Shop):
    shop.failures, shop.got_through = {"p": 1}, False
    assert shop.run(make("p", "pay")).result["p"] == {"paid": "p", "found": False}
    assert shop.log == ["p 1:p", "find p", "p 1:p"]
