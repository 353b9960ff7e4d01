"""`turnup executions`: looking at runs of workflows, and stopping them."""

from __future__ import annotations

from typing import Any

import click

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
from app.cli.rows import newest
from app.domains.workflows import schemas
from app.domains.workflows import service as workflows


@click.group()
def executions() -> None:
    """Executions of workflows."""


@executions.command("list")
@click.option("--status", type=click.Choice(schemas.EXECUTION_STATUSES), help="Only these.")
@click.option("--workflow", metavar="NAME", help="Only of this workflow.")
@click.option("--correlation", metavar="KEY", help="Only with this business key, such as an order's number.")
@limit_option
@owner_option
@json_option
def list_executions(
    status: str | None,
    workflow: str | None,
    correlation: str | None,
    limit: int,
    owner: str | None,
    *,
    as_json: bool,
) -> None:
    """Executions, newest first."""
    with acting_as(owner) as session:
        statement = workflows.list_executions(status=status, workflow=workflow, correlation=correlation)
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
        if as_json:
            document = schemas.ExecutionDetail(exclude=("steps", "effects", "canvas")).dump(found)
            document["steps"] = schemas.StepOut(many=True).dump(steps)
            document["effects"] = schemas.EffectOut(many=True).dump(effects)
            print_json(document | {"canvas": canvas})
            return
        _print_execution(found)
        print_heading("Steps")
        print_table(
            ("Step", "Status", "Tries", "Took", "Error"),
            ((s.step_name, s.state, s.attempts, seconds(s.duration_seconds), headline(s.error_message)) for s in steps),
            wrap=("Error",),
        )
        if effects:
            print_heading("What they changed")
            print_table(("Step", "What", "State"), ((e.step_name, e.summary, e.state) for e in effects), wrap=("What",))
        print_canvas(canvas)


@executions.command("cancel")
@click.argument("execution_id", type=int)
@click.option("--reason", help="Why; it is kept in the history.")
@owner_option
@json_option
def cancel_execution(execution_id: int, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Stop an execution and undo what it did."""
    with acting_as(owner) as session:
        workflows.cancel(session, execution_id=execution_id, reason=reason)
        session.flush()
        found = workflows.get_execution(session, execution_id=execution_id)
        document = schemas.ExecutionOut().dump(found)
    if as_json:
        print_json(document)
        return
    over = document["status"] == "cancelled"
    click.echo(f"Execution {execution_id} is {'cancelled' if over else 'stopping; what it did is being undone'}.")


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
            ("Made", execution.created_at),
            ("Started", execution.started_at),
            ("Ended", execution.completed_at),
            ("Took", seconds(execution.duration_seconds)),
        )
    )


def _error(error: dict[str, Any] | None) -> str | None:
    if not error:
        return None
    where = f"step {error['step']}: " if error.get("step") else ""
    return f"{where}{headline(error.get('message')) or error.get('type') or 'unknown'}"
