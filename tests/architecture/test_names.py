"""Names that meet only at run time: tasks, operations, workflows, jobs."""

from __future__ import annotations

import ast
import importlib
from importlib.resources import files

import pytest

from app.domains.workflows import service as workflows
from app.factory import OPERATIONS, joined_operations
from app.jobs import JOBS
from pipelines.definition import FOR_EACH_TASK, StepType
from pipelines.documents import parse
from pipelines.loader import load, validate
from pipelines.operations import Catalogue, Operation
from tasks import engine, worker
from tasks.probes import PROBE_TASK
from tests.architecture.code import calls, module_name

# the port and its adapter pass on names that others say
PASS_ON = {"app/core/queue.py", "pipelines/canvas.py"}
STEP_TASKS = {f"engine.{kind.value}" for kind in StepType if kind is not StepType.SERVICE_CALL} | {FOR_EACH_TASK}

# What has no compensation and is none either.
NEEDS_NO_UNDO = {
    "billing_service.check_renewal_eligibility": "changes nothing",
    "crm_service.get_site_survey": "changes nothing",
    "partner_service.check_license_quota": "changes nothing",
    "sales_service.validate_order": "changes nothing but the order's own state",
    "sales_service.approve_order": "changes the order's own state only, which its end sets again",
    "sales_service.complete_order": "changes the order's own state only, which its end sets again",
    "sales_service.submit_order": "what it starts is the order's own execution, and goes with the order",
    "sales_service.receive_payment": "notes what was paid; what it starts goes with the order",
    "sales_service.process_order": "its execution is a child, and is undone with it",
    "license_service.find_license": "changes nothing",
    "licensing_service.find_license": "changes nothing",
    "crm_service.expire_quote": "notes that the time of a quote has passed, which it has",
}


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    """The product's own operations, without plugins."""
    joined = Catalogue()
    for catalogue in OPERATIONS:
        joined.include(catalogue)
    return joined


def _sent() -> set[str]:
    """Every task name that app sends, evaluated where it is written."""
    found = set()
    for path, call, called in calls():
        if called.rpartition(".")[2] == "send_task" and path not in PASS_ON:
            expression = ast.Expression(call.args[1])
            names = vars(importlib.import_module(module_name(path)))
            found.add(eval(compile(ast.fix_missing_locations(expression), path, "eval"), names))
    return found


def test_each_task_that_is_sent_is_registered_and_the_reverse() -> None:
    registered = {name for name in worker.app.tasks if not name.startswith("celery.")}
    steps = {operation.name for operation in joined_operations()} | STEP_TASKS
    by_loops = {PROBE_TASK}
    by_beat = {entry["task"] for entry in worker.app.conf.beat_schedule.values()}
    sent = _sent()
    assert {workflows.SETTLE_TASK, workflows.EXPIRE_TASK} < sent
    assert registered == steps | sent | by_beat | by_loops


def test_beat_runs_each_job_by_its_name() -> None:
    schedule = worker.app.conf.beat_schedule
    assert {name: (entry["task"], entry["args"]) for name, entry in schedule.items()} == {
        name: (engine.JOB_TASK, (name,)) for name in JOBS
    }


def test_each_job_is_known_by_its_own_name() -> None:
    assert [name for name, job in JOBS.items() if job.name != name] == []


def _builtin() -> list[str]:
    return sorted(file.name for file in files("pipelines.builtin").iterdir() if file.name.endswith(".yaml"))


@pytest.mark.parametrize("name", _builtin())
def test_each_shipped_workflow_is_valid_and_calls_what_exists(shipped: Catalogue, name: str) -> None:
    document = parse((files("pipelines.builtin") / name).read_text(encoding="utf-8"))
    report = validate(document, shipped)
    assert list(report.faults) == []
    assert list(report.warnings) == []
    workflow = load(document, shipped)
    assert workflow.name == name.removesuffix(".yaml")
    assert {step.task for step in workflow.steps} <= {operation.name for operation in shipped} | STEP_TASKS


def test_each_operation_is_undone_or_says_why_not(shipped: Catalogue) -> None:
    undoing = {operation.undone_by for operation in shipped} - {None}
    neither = {each.name for each in shipped if each.undone_by is None and each.name not in undoing}
    assert neither == set(NEEDS_NO_UNDO)


def test_what_changes_something_and_is_not_undone_says_so(shipped: Catalogue) -> None:
    silent = [
        each.name
        for each in shipped
        if each.effects and each.undone_by is None and "cannot be undone" not in each.description
    ]
    assert silent == []


def test_each_compensation_is_an_operation_that_is_not_undone_itself(shipped: Catalogue) -> None:
    for operation in shipped:
        if operation.undone_by is not None:
            undo = shipped.get(operation.undone_by)
            assert isinstance(undo, Operation), operation.name
            assert undo.undone_by is None, operation.name


def test_each_operation_says_what_it_does(shipped: Catalogue) -> None:
    assert [each.name for each in shipped if not each.description] == []
