"""Workflow definitions, jobs and the database by hand."""

from __future__ import annotations

from importlib import resources

import pytest

from tests.cli.conftest import Turnup

BAD = """
name: Not a name
steps:
  - name: first
    type: service_call
    service: nobody
    method: does_this
  - name: second
    type: transform
    depends_on: [third]
    output: {}
"""


def test_every_fault_of_a_bad_file_is_shown_with_its_place(turnup: Turnup, tmp_path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    said = turnup("workflows", "validate", str(file))
    assert said.code == 1
    for pointer in ("/name: ", "/steps/0", "/steps/1/depends_on"):
        assert pointer in said.err
    document = turnup("workflows", "validate", str(file), "--json").document
    assert document["valid"] is False
    assert {error["pointer"] for error in document["errors"]} >= {"/name"}


def test_what_is_no_definition_at_all_is_a_sentence(turnup: Turnup, tmp_path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("steps: [")
    assert "line " in turnup("workflows", "validate", str(file)).err
    file.write_bytes(b"\xff\xfe\xfa")
    assert "UTF-8" in turnup("workflows", "validate", str(file)).err
    assert turnup("workflows", "validate", str(tmp_path / "none.yaml")).code == 2


def test_the_built_in_definitions_can_run(turnup: Turnup) -> None:
    file = resources.files("pipelines.builtin") / "order_to_activation.yaml"
    assert turnup("workflows", "validate", str(file)).code == 0


@pytest.mark.usefixtures("installation")
def test_a_workflow_is_shown_with_its_canvas(turnup: Turnup) -> None:
    listed = turnup("workflows", "list", "--json").document
    assert "order_to_activation" in [workflow["name"] for workflow in listed]
    said = turnup("workflows", "show", "order_to_activation")
    assert "chain(validate_order" in said.out
    assert turnup("workflows", "show", "nothing").err == "Workflow 'nothing' not found\n"
    assert turnup("workflows", "sync", "--json").document == {"installed": []}


@pytest.mark.usefixtures("installation")
def test_jobs_run_by_hand(turnup: Turnup) -> None:
    names = [job["name"] for job in turnup("jobs", "list", "--json").document]
    assert "fold_statistics" in names
    assert turnup("jobs", "run", "fold_statistics", "--json").document["job"] == "fold_statistics"


@pytest.mark.usefixtures("installation")
def test_a_database_that_is_ready_stays_as_it_is(turnup: Turnup) -> None:
    assert turnup("migrate", "--json").code == 0
    assert turnup("seed", "--json").document["workflows"] == []


def test_workers_are_told_their_queues(turnup: Turnup) -> None:
    assert turnup("queues", "--json").document[0] == "turnup"
