"""`turnup executions`: looking at runs of workflows; what is done to them is in `verbs` and `bulk`."""

from __future__ import annotations

from typing import Any

import click

from app.cli.bulk import bulk_verb
from app.cli.installation import acting_as
from app.cli.output import (
    headline,
    json_option,
    limit_option,
    owner_option,
    print_canvas,
    print_facts,
    print_heading,
    print_json,
    print_table,
    seconds,
)
from app.cli.searching import search_options
from app.cli.verbs import VERBS
from app.core.lists import newest
from app.domains.workflows import schemas
from app.domains.workflows import service as workflows


@click.group()
def executions() -> None:
    """Executions of workflows."""


for _command in (*VERBS, bulk_verb):
    executions.add_command(_command)


@executions.command("list")
@search_options
@limit_option
@owner_option
@json_option
def list_executions(filters: dict[str, Any], limit: int, owner: str | None, *, as_json: bool) -> None:
    """Executions, newest first."""
    with acting_as(owner) as session:
        statement = workflows.list_executions(**filters)
        found = newest(session, statement, limit=limit)
        if as_json:
            print_json(schemas.ExecutionOut(many=True).dump(found))
            return
        print_table(
            ("Id", "Workflow", "Version", "Status", "About", "Made", "Took"),
            (
                (
                    e.id,
                    e.workflow_name,
                    e.workflow_version,
                    workflows.shown_status(e.state, e.rollback),
                    e.correlation_id,
                    e.created_at,
                    seconds(e.duration_seconds),
                )
                for e in found
            ),
            wrap=("About",),
            empty="There are no such executions.",
        )


@executions.command("show")
@click.argument("execution_id", type=int)
@owner_option
@json_option
def show_execution(execution_id: int, owner: str | None, *, as_json: bool) -> None:
    """An execution with its steps, what they changed, and its canvas."""
    with acting_as(owner) as session:
        found = workflows.get_execution(session, execution_id=execution_id)
        steps = workflows.steps(session, execution_id=execution_id)
        effects = workflows.effects(session, execution_id=execution_id)
        canvas = workflows.canvas_text(found.snapshot)
        children = workflows.children(session, execution_id=execution_id)
        left = workflows.leftovers(session, execution_id=execution_id)
        if as_json:
            beside = ("steps", "effects", "canvas", "children", "leftovers")
            document = schemas.ExecutionDetail(exclude=beside).dump(found)
            document["steps"] = schemas.StepOut(many=True).dump(steps)
            document["effects"] = schemas.EffectOut(many=True).dump(effects)
            document["leftovers"] = None if left is None else schemas.EffectOut(many=True).dump(left)
            print_json(document | {"canvas": canvas, "children": children})
            return
        _print_execution(found)
        print_heading("Steps")
        print_table(
            ("Step", "Status", "Tries", "Took", "Error"),
            (
                (
                    s.step_name,
                    schemas.step_status(s),
                    s.attempts,
                    seconds(s.duration_seconds),
                    headline(s.error_message),
                )
                for s in steps
            ),
            wrap=("Error",),
        )
        if parked := [step for step in steps if step.state == "waiting"]:
            print_heading("What it waits for")
            print_table(
                ("Step", "For", "Looks again", "At the latest"),
                ((s.step_name, _awaited(s), s.wake_at, s.deadline_at) for s in parked),
                wrap=("For",),
            )
        if effects:
            print_heading("What they changed")
            print_table(("Step", "What", "State"), ((e.step_name, e.summary, e.state) for e in effects), wrap=("What",))
        if left is not None:
            click.echo(f"\n{workflows.leftovers_summary(left)}")
        print_canvas(canvas)


@executions.command("history")
@click.argument("execution_id", type=int)
@owner_option
@json_option
def show_history(execution_id: int, owner: str | None, *, as_json: bool) -> None:
    """Every transition of an execution and its steps, in order."""
    with acting_as(owner) as session:
        found: list[workflows.ExecutionEvent] = []
        while part := workflows.history(session, execution_id=execution_id, after=found[-1].id if found else None):
            found += part
        if as_json:
            print_json(schemas.HistoryOut(many=True).dump(found))
            return
        print_table(
            ("At", "Step", "From", "To", "Try", "Error"),
            ((h.at, h.step_name, h.from_state, h.to_state, h.attempt, headline(h.error)) for h in found),
            wrap=("Error",),
        )


def _print_execution(execution: workflows.WorkflowExecution) -> None:
    print_facts(
        (
            ("Execution", execution.id),
            ("Workflow", f"{execution.workflow_name} {execution.workflow_version}"),
            ("Status", workflows.shown_status(execution.state, execution.rollback)),
            ("Rollback", None if execution.rollback == "none" else execution.rollback),
            ("Error", _error(execution.error)),
            ("About", execution.correlation_id),
            ("Started by", execution.trigger_type),
            ("Part of", execution.parent_id),
            ("Queued since", execution.queued_at),
            ("Made", execution.created_at),
            ("Started", execution.started_at),
            ("Ended", execution.completed_at),
            ("Took", seconds(execution.duration_seconds)),
        )
    )


def _awaited(step: workflows.WorkflowStep) -> str:
    if step.step_type == "approval":
        asked = step.input_data or {}
        return f"an answer ({asked.get('permission')}): {asked.get('prompt') or '-'}"
    if step.child_id is not None:
        return f"execution {step.child_id}"
    return step.awaits or ", ".join(step.subjects or ()) or "a moment"


def _error(error: dict[str, Any] | None) -> str | None:
    if not error:
        return None
    where = f"step {error['step']}: " if error.get("step") else ""
    return f"{where}{headline(error.get('message')) or error.get('type') or 'unknown'}"
