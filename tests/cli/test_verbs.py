"""Operators' verbs by hand, on an installation without workers."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.tenants import service as tenants
from app.domains.workflows import service
from tests.cli.conftest import Turnup

pytestmark = pytest.mark.usefixtures("installation")


@pytest.fixture
def started(world: World) -> Callable[..., tuple[int, str]]:
    """An execution of the operator that has begun, and its workflow's name."""

    def make() -> tuple[int, str]:
        name = f"cli_{new_id().hex[-12:]}"
        steps = [
            {"name": "a", "type": "transform", "output": {"n": "${n}"}},
            {"name": "b", "type": "transform", "output": {"n": "${n}"}},
        ]
        document = {"name": name, "version": "1.0.0", "input": {"n": {"type": "integer"}}, "steps": steps}
        with world.database.transaction(OPERATOR_ID) as session:
            service.create_workflow(session, document=document)
            return service.start(session, workflow=name, context={"n": 1}, trigger_type="manual"), name

    return make


def test_an_execution_is_paused_resumed_and_terminated(turnup: Turnup, started) -> None:
    execution_id, name = started()
    number = str(execution_id)
    assert turnup("executions", "pause", number, "--reason", "a look").out == f"Execution {number} is paused.\n"
    listed = turnup("executions", "list", "--status", "paused", "--workflow", name, "--trigger", "manual", "--json")
    assert [each["id"] for each in listed.document] == [execution_id]
    again = turnup("executions", "pause", number)
    assert (again.code, again.err) == (1, f"Execution {number} is paused.\n")
    assert turnup("executions", "resume", number, "--json").document["status"] == "running"
    assert turnup("executions", "skip", number, "--step", "b").code == 0
    assert turnup("executions", "terminate", number, "--yes").code == 0


def test_a_workflow_is_started_and_its_history_shown(turnup: Turnup, started) -> None:
    _, name = started()
    made = turnup(
        "executions", "start", name, "--context", '{"n": 3}', "--correlation", "K-1", "--reason", "a try", "--json"
    )
    assert (made.document["status"], made.document["correlation_id"]) == ("running", "K-1")
    history = turnup("executions", "history", str(made.document["id"]))
    assert history.out.splitlines()[1].split()[-4:-2] == ["pending", "running"]
    assert turnup("executions", "start", "nothing").err == "Workflow 'nothing' not found\n"
    assert turnup("executions", "start", name, "--context", '{"n": "x"}').code == 1


def test_a_cancel_shows_its_plan_and_asks(turnup: Turnup, started, monkeypatch: pytest.MonkeyPatch) -> None:
    execution_id, _ = started()
    number = str(execution_id)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = turnup("executions", "cancel", number)
    assert refused.code == 1
    assert "Nothing is to be undone." in refused.out
    assert "Nothing was done" in refused.err
    assert turnup("executions", "show", number, "--json").document["status"] == "running"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert turnup("executions", "cancel", number, "--reason", "no more").code == 0
    assert turnup("executions", "undo-plan", number, "--json").document["undo"] == []


def test_a_replay_corrects_the_input(turnup: Turnup, started) -> None:
    execution_id, _ = started()
    new = turnup("executions", "replay", str(execution_id), "--context", '{"n": 2}', "--json").document
    shown = turnup("executions", "show", str(new["id"]), "--json").document
    assert (shown["context"], shown["labels"]) == ({"n": 2}, {"replay_of": execution_id})
    assert turnup("executions", "replay", str(execution_id), "--context", '{"n": "two"}').code == 1
    assert turnup("executions", "replay", str(execution_id), "--context", "[1]").code == 2


def test_a_verb_goes_over_a_search(turnup: Turnup, started) -> None:
    execution_id, name = started()
    search = ("--workflow", name, "--status", "running")
    preview = turnup("executions", "bulk", "pause", *search, "--preview", "--json").document
    assert (preview["total"], [each["id"] for each in preview["sample"]]) == (1, [execution_id])
    options = ("--canary", "5", "--rate", "10", "--stop-at", "20%", "--reason", "a look", "--yes")
    made = turnup("executions", "bulk", "pause", *search, *options, "--json").document
    assert (made["state"], made["stop_at"], made["report"]["pending"]) == ("running", 20.0, 1)
    number = str(made["id"])
    assert turnup("bulk", "stop", number, "--json").document["state"] == "stopped"
    said = turnup("bulk", "show", number)
    assert "stopped by hand" in said.out
    assert number in turnup("bulk", "list").out
    nothing = turnup("executions", "bulk", "retry", "--yes")
    assert (nothing.code, nothing.err) == (1, "Say which executions: by status, workflow, time, error or the like.\n")


def test_the_engine_is_switched_off_and_on_for_one_tenant(turnup: Turnup, world: World) -> None:
    slug = f"cli-{new_id().hex[-12:]}"
    with world.database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name=slug, slug=slug)
    off = turnup("engine", "off", "--owner", slug, "--reason", "maintenance", "--json").document
    assert (off["is_on"], off["off"][0]["reason"]) == (False, "maintenance")
    assert "maintenance" in turnup("engine", "status", "--owner", slug).out
    assert turnup("engine", "on", "--owner", slug, "--json").document == {"is_on": True, "off": []}


def test_schedules_are_listed_and_switched(turnup: Turnup, world: World) -> None:
    name = f"cli_{new_id().hex[-12:]}"
    document = {
        "name": name,
        "version": "1.0.0",
        "triggers": [{"schedule": "0 6 * * 1"}],
        "steps": [{"name": "a", "type": "transform", "output": {}}],
    }
    with world.database.transaction(OPERATOR_ID) as session:
        service.create_workflow(session, document=document)
    [trigger] = [each for each in turnup("schedules", "list", "--json").document if each["workflow_name"] == name]
    assert turnup("schedules", "off", str(trigger["id"]), "--json").document["is_active"] is False
    assert name in turnup("schedules", "list").out
    assert turnup("schedules", "on", str(trigger["id"])).out == f"Trigger {trigger['id']} is on.\n"
