"""What the engine promises, shown on real workers."""

from __future__ import annotations

from app.domains.workflows import service
from tests.scenarios.conftest import Engine, step


def test_a_sequence_runs_in_order_and_passes_outputs_on(engine: Engine) -> None:
    execution = engine.run(
        [
            step("first", params={"value": "${greeting}"}),
            step("second", params={"value": "${steps.first.output.value} world"}),
            {"name": "both", "type": "transform", "output": {"said": "${steps.second.output.value}", "n": "${n}"}},
        ],
        context={"greeting": "hello", "n": 3},
        input={"greeting": {"type": "string", "required": True}, "n": {"type": "integer"}},
    )
    assert execution.state == "completed"
    assert execution.result["both"] == {"said": "hello world", "n": 3}
    assert engine.calls(execution.id, "effect") == ["first", "second"]


def test_a_diamond_joins_once(engine: Engine) -> None:
    execution = engine.run(
        [
            step("a"),
            step("b", depends_on=["a"]),
            step("c", depends_on=["a"]),
            step("d", depends_on=["b", "c"]),
            step("e", depends_on=["d"]),
            step("f", depends_on=["d"]),
            step("g", depends_on=["e", "f"]),
        ]
    )
    assert execution.state == "completed"
    noted = engine.calls(execution.id, "effect")
    assert sorted(noted) == list("abcdefg")
    assert (noted[0], noted[3], noted[6]) == ("a", "d", "g")


def test_a_step_that_fails_twice_is_retried_with_growing_waits(engine: Engine) -> None:
    execution = engine.run([step("flaky", params={"fail": 2}), step("after")])
    flaky = engine.steps(execution.id)["flaky"]
    assert (execution.state, flaky.attempts, flaky.retry_count) == ("completed", 3, 2)
    assert engine.calls(execution.id, "effect") == ["flaky", "after"]
    retries = [event for event in engine.history(execution.id) if event.to_state == "retrying"]
    assert [event.attempt for event in retries] == [1, 2]


def test_a_critical_failure_undoes_everything_in_reverse(engine: Engine) -> None:
    execution = engine.run(
        [
            step("a"),
            step("b", depends_on=["a"]),
            step("skipped", depends_on=["b"], when="false"),
            step("c", depends_on=["skipped"]),
            step("bad", depends_on=["c"], params={"fail": 9, "permanent": True}),
            step("never", depends_on=["bad"]),
        ]
    )
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert execution.error["step"] == "bad"
    assert engine.calls(execution.id, "undo") == ["c", "b", "a"]
    assert engine.states(execution.id) == {
        "a": "compensated",
        "b": "compensated",
        "skipped": "skipped",
        "c": "compensated",
        "bad": "failed",
        "never": "cancelled",
    }


def test_running_siblings_are_let_finish_before_the_rollback(engine: Engine) -> None:
    execution_id = engine.start(
        [
            step("root"),
            step("slow", depends_on=["root"], params={"block": "go-siblings"}),
            step("bad", depends_on=["root"], params={"fail": 9, "permanent": True}),
        ]
    )
    engine.until_step(execution_id, "bad", "failed")
    assert engine.calls(execution_id, "undo") == []
    engine.raise_flag("go-siblings")
    execution = engine.ended(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert engine.calls(execution_id, "undo") == ["slow", "root"]


def test_a_step_that_is_not_critical_fails_and_the_rest_goes_on(engine: Engine) -> None:
    execution = engine.run(
        [
            step("optional", critical=False, params={"fail": 9, "permanent": True}),
            {"name": "after", "type": "transform", "output": {"was": "${steps.optional.output}"}},
        ]
    )
    assert execution.state == "completed"
    assert execution.result == {"after": {"was": None}}
    assert engine.states(execution.id)["optional"] == "failed"


def test_conditions_skip_what_depends_on_them_or_end_the_execution(engine: Engine) -> None:
    execution = engine.run(
        [
            step("a", "quiet", params={"value": 5}),
            {"name": "big", "type": "condition", "condition": "value > 10", "on_false": "skip_dependents"},
            step("when_big", depends_on=["big"]),
            step("beside", depends_on=["a"]),
            step("join", depends_on=["when_big", "beside"]),
        ]
    )
    assert execution.state == "completed"
    assert engine.states(execution.id) == {
        "a": "completed",
        "big": "completed",
        "when_big": "skipped",
        "beside": "completed",
        "join": "skipped",
    }


def test_a_condition_can_end_the_execution(engine: Engine) -> None:
    execution = engine.run(
        [
            step("a"),
            {"name": "enough", "type": "condition", "condition": "false", "on_false": "end"},
            step("never"),
        ]
    )
    assert execution.state == "completed"
    assert engine.states(execution.id) == {"a": "completed", "enough": "completed", "never": "skipped"}


def test_a_compensation_is_retried_and_one_that_gives_up_leaves_the_rollback_incomplete(engine: Engine) -> None:
    execution = engine.run(
        [
            step("a"),
            step("b", params={"undo_fails": 1}),
            step("stubborn", params={"undo_fails": 5}),
            step("bad", params={"fail": 9, "permanent": True}),
        ]
    )
    assert (execution.state, execution.rollback) == ("failed", "incomplete")
    assert engine.states(execution.id)["stubborn"] == "compensation_failed"
    assert engine.calls(execution.id, "undo") == []
    with engine.world.database.transaction(engine.owner) as session:
        service.retry_rollback(session, execution_id=execution.id)
    again = engine.ended(execution.id)
    assert (again.state, again.rollback) == ("failed", "done")
    assert engine.calls(execution.id, "undo") == ["stubborn", "b", "a"]


def test_a_failing_step_of_the_lease_form_undoes_what_it_had_begun(engine: Engine) -> None:
    execution = engine.run(
        [
            step("half", "outside", critical=False, params={"fail": 9, "permanent": True}),
            step("after"),
        ]
    )
    assert execution.state == "completed"
    assert engine.calls(execution.id, "undo") == ["half"]


def test_a_killed_worker_child_costs_only_the_attempt_in_flight(engine: Engine) -> None:
    execution = engine.run([step("a"), step("dies", params={"kill": 1}), step("after")])
    assert execution.state == "completed"
    assert engine.calls(execution.id, "effect") == ["a", "dies", "after"]
    assert engine.calls(execution.id, "attempt") == ["a", "dies", "dies", "after"]


def test_a_killed_worker_child_in_the_lease_form(engine: Engine) -> None:
    execution = engine.run([step("dies", "outside", params={"kill": 1}), step("after")])
    assert execution.state == "completed"
    assert engine.calls(execution.id, "effect") == ["dies", "after"]


def test_a_step_that_always_kills_its_worker_fails(engine: Engine) -> None:
    execution = engine.run([step("a"), step("deadly", params={"kill": 99})])
    assert (execution.state, execution.error["message"]) == ("failed", "worker lost")
    assert engine.calls(execution.id, "undo") == ["a"]


def test_a_cancel_lets_the_running_step_finish_and_undoes_it(engine: Engine) -> None:
    execution_id = engine.start([step("a"), step("slow", "outside", params={"block": "go-cancel"}), step("never")])
    engine.until_step(execution_id, "slow", "running")
    with engine.world.database.transaction(engine.owner) as session:
        service.cancel(session, execution_id=execution_id, reason="changed my mind")
    engine.raise_flag("go-cancel")
    execution = engine.ended(execution_id)
    assert (execution.state, execution.rollback) == ("cancelled", "done")
    assert engine.calls(execution_id, "undo") == ["slow", "a"]


def test_a_cancel_undoes_what_a_failure_without_rollback_left(engine: Engine) -> None:
    execution = engine.run(
        [step("a"), step("b"), step("bad", params={"fail": 9, "permanent": True})], rollback_on_failure=False
    )
    assert (execution.state, execution.rollback, engine.calls(execution.id, "undo")) == ("failed", "none", [])
    with engine.world.database.transaction(engine.owner) as session:
        service.cancel(session, execution_id=execution.id)
    again = engine.ended(execution.id)
    assert (again.state, again.rollback) == ("cancelled", "done")
    assert engine.calls(execution.id, "undo") == ["b", "a"]


def test_failed_steps_are_retried_in_the_same_execution(engine: Engine) -> None:
    execution = engine.run(
        [
            step("a"),
            step("flaky", depends_on=["a"], critical=False, params={"fail": 3}),
            step("also", depends_on=["flaky"], critical=False, params={"fail": 9, "permanent": True}),
            step("end", depends_on=["also"]),
        ]
    )
    assert execution.state == "completed"
    assert engine.states(execution.id)["flaky"] == "failed"
    with engine.world.database.transaction(engine.owner) as session:
        service.retry_steps(session, execution_id=execution.id, step_names=["flaky"])
    again = engine.ended(execution.id)
    assert again.state == "completed"
    assert engine.calls(execution.id, "effect") == ["a", "end"]
    assert engine.calls(execution.id, "attempt").count("flaky") == 6


def test_a_timeout_counts_as_a_failed_attempt(engine: Engine) -> None:
    execution = engine.run([step("slow", timeout_seconds=0.3, params={"seconds": 30}, retry={"maximum_attempts": 1})])
    assert execution.state == "failed"
    assert "timed out after 0.3 seconds" in execution.error["message"]


def test_a_chain_and_a_fan_out_longer_than_any_message(engine: Engine) -> None:
    wide = [step(f"w{n}", "quiet", depends_on=["start"], params={"value": n}) for n in range(120)]
    execution = engine.run(
        [
            step("start", "quiet"),
            *wide,
            step("join", "quiet", depends_on=[each["name"] for each in wide]),
            *[step(f"c{n}", "quiet") for n in range(20)],
        ]
    )
    assert execution.state == "completed"
    assert len(execution.result) == 142
