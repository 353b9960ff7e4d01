"""`turnup executions VERB`: what operators do to an execution. Each verb takes a reason, which is kept with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from app.cli.errors import Failed
from app.cli.installation import ACTOR_NAME, acting_as
from app.cli.output import json_option, owner_option, print_heading, print_json, print_table
from app.domains.workflows import schemas
from app.domains.workflows import service as workflows

execution_argument = click.argument("execution_id", type=int)
reason_option = click.option("--reason", help="Why; it is kept in the audit log.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
steps_option = click.option("--step", "steps", multiple=True, metavar="NAME", help="Which step; may be given again.")


class JsonObject(click.ParamType[Any]):
    """A JSON object on the command line."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Fails with a sentence for anything else."""
        if isinstance(value, dict):
            return value
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            self.fail(f"{value!r} is no JSON object.", param, ctx)
        return found


context_option = click.option(
    "--context", type=JsonObject(), metavar="JSON", help="Keys of the input that are corrected."
)


def _verb(name: str, *options: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], click.Command]:
    """A command on one execution, with the options that all verbs have."""

    def made(function: Callable[..., Any]) -> click.Command:
        for option in (json_option, owner_option, reason_option, *reversed(options), execution_argument):
            function = option(function)
        return click.command(name)(function)

    return made


@click.command("start")
@click.argument("workflow")
@click.option("--context", type=JsonObject(), metavar="JSON", default="{}", help="The input.")
@click.option("--correlation", metavar="KEY", help="A business key by which it is found, such as an order's number.")
@reason_option
@owner_option
@json_option
def start(
    workflow: str,
    context: dict[str, Any],
    correlation: str | None,
    reason: str | None,
    owner: str | None,
    *,
    as_json: bool,
) -> None:
    """Start a workflow by name."""
    with acting_as(owner) as session:
        new = workflows.start_by_hand(
            session,
            workflow=workflow,
            context=context,
            trigger_type="manual",
            started_by=ACTOR_NAME,
            correlation_id=correlation,
            reason=reason,
        )
        session.refresh(new)
        document = schemas.ExecutionOut().dump(new)
    _say(document, f"Execution {document['id']} of {workflow} is {document['status']}.", as_json=as_json)


@_verb("cancel", yes_option)
def cancel(execution_id: int, reason: str | None, owner: str | None, *, yes: bool, as_json: bool) -> None:
    """Stop an execution and undo what it did, after showing what that is."""
    if not yes:
        _ask(execution_id, owner, None, f"Cancel execution {execution_id}?")
    _do(execution_id, owner, workflows.cancel, as_json=as_json, reason=reason)


@_verb("terminate", yes_option)
def terminate(execution_id: int, reason: str | None, owner: str | None, *, yes: bool, as_json: bool) -> None:
    """Stop an execution and leave everything as it is."""
    if not yes:
        click.confirm(f"Stop execution {execution_id} and undo nothing?", abort=True, err=True)
    _do(execution_id, owner, workflows.terminate, as_json=as_json, reason=reason)


@_verb("pause")
def pause(execution_id: int, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Begin nothing more until it is resumed."""
    _do(execution_id, owner, workflows.pause, as_json=as_json, reason=reason)


@_verb("resume")
def resume(execution_id: int, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Go on after a pause."""
    _do(execution_id, owner, workflows.resume, as_json=as_json, reason=reason)


@_verb("retry", steps_option)
def retry(execution_id: int, steps: tuple[str, ...], reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """The failed steps again, all or those named; after a rollback also what was undone."""
    _do(execution_id, owner, workflows.retry_steps, as_json=as_json, reason=reason, step_names=list(steps) or None)


@_verb("skip", click.option("--step", "steps", multiple=True, required=True, metavar="NAME", help="Which step."))
def skip(execution_id: int, steps: tuple[str, ...], reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Go on without these steps: skipped, with null for output."""
    _do(execution_id, owner, workflows.skip_steps, as_json=as_json, reason=reason, step_names=steps)


@_verb("rerun", click.argument("step"), context_option, yes_option)
def rerun(
    execution_id: int,
    step: str,
    context: dict[str, Any] | None,
    reason: str | None,
    owner: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """That step and all that follows again, after showing which of their effects are undone first."""
    if not yes:
        _ask(execution_id, owner, step, f"Re-run execution {execution_id} from {step}?")
    _do(execution_id, owner, workflows.rerun, as_json=as_json, reason=reason, step_name=step, context=context)


@_verb(
    "replay",
    click.option("--same-version", is_flag=True, help="As the old one was, not the workflow's current version."),
    context_option,
)
def replay(
    execution_id: int,
    context: dict[str, Any] | None,
    reason: str | None,
    owner: str | None,
    *,
    same_version: bool,
    as_json: bool,
) -> None:
    """A new execution with this one's input."""
    with acting_as(owner) as session:
        new = workflows.replay(
            session,
            execution_id=execution_id,
            same_version=same_version,
            context=context,
            reason=reason,
            replayed_by=ACTOR_NAME,
        )
        document = schemas.ExecutionOut().dump(new)
    _say(document, f"Execution {document['id']} replays {execution_id}.", as_json=as_json)


@_verb("rollback")
def rollback(execution_id: int, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """The compensations that gave up, again."""
    _do(execution_id, owner, workflows.retry_rollback, as_json=as_json, reason=reason)


@click.command("signal")
@execution_argument
@click.argument("name")
@click.option("--data", type=JsonObject(), metavar="JSON", help="What it says.")
@reason_option
@owner_option
@json_option
def signal(
    execution_id: int,
    name: str,
    data: dict[str, Any] | None,
    reason: str | None,
    owner: str | None,
    *,
    as_json: bool,
) -> None:
    """Say something to an execution: the first wait for an event of that name takes it."""
    said = {"name": name, "data": data, "sent_by": ACTOR_NAME, "reason": reason}
    _do(execution_id, owner, workflows.signal, as_json=as_json, **said)


def _answering(name: str, help_text: str, *, approved: bool) -> click.Command:
    @click.command(name, help=help_text)
    @execution_argument
    @click.option("--step", metavar="NAME", help="Which approval, where several are asked for.")
    @click.option("--comment", help="What goes with the answer.")
    @owner_option
    @json_option
    def answer(execution_id: int, step: str | None, comment: str | None, owner: str | None, *, as_json: bool) -> None:
        _do(
            execution_id,
            owner,
            workflows.answer,
            as_json=as_json,
            approved=approved,
            # whoever may run commands on this installation may do anything on it
            may=lambda _: True,
            step_name=step,
            comment=comment,
            answered_by=ACTOR_NAME,
        )

    return answer


approve = _answering("approve", "Say yes to the approval that an execution asks for.", approved=True)
reject = _answering("reject", "Say no to the approval that an execution asks for.", approved=False)


@click.command("undo-plan")
@execution_argument
@click.option("--from-step", metavar="NAME", help="For a re-run from this step, not for a cancel.")
@owner_option
@json_option
def undo_plan(execution_id: int, from_step: str | None, owner: str | None, *, as_json: bool) -> None:
    """What a cancel would undo now, in which order, and what would stay."""
    with acting_as(owner) as session:
        plan = workflows.undo_plan(session, execution_id=execution_id, from_step=from_step)
        if as_json:
            print_json(schemas.UndoPlanOut().dump(plan))
        else:
            print_plan(plan)


def print_plan(plan: workflows.UndoPlan) -> None:
    """The plan as tables, children's below their parent's."""
    click.echo(plan.summary)
    for each in plan.all():
        if each is not plan:
            print_heading(f"{each.workflow_name}, execution {each.execution_id}")
        if each.undo:
            print_table(
                ("Step", "What is undone", "By", "Moves money"),
                ((u.step_name, u.summary, u.operation, u.moves_money) for u in each.undo),
                wrap=("What is undone",),
            )
        if each.stays:
            print_table(("Step", "What stays"), ((s.step_name, s.summary) for s in each.stays), wrap=("What stays",))
        if each.at_work:
            click.echo(f"At work, and let finish first: {', '.join(each.at_work)}.")


VERBS: tuple[click.Command, ...] = (
    start,
    cancel,
    terminate,
    pause,
    resume,
    retry,
    skip,
    rerun,
    replay,
    rollback,
    signal,
    approve,
    reject,
    undo_plan,
)


def _ask(execution_id: int, owner: str | None, from_step: str | None, question: str) -> None:
    with acting_as(owner) as session:
        print_plan(workflows.undo_plan(session, execution_id=execution_id, from_step=from_step))
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort:
        raise Failed("Nothing was done; --yes answers the question beforehand.") from None


def _do(execution_id: int, owner: str | None, verb: Callable[..., Any], *, as_json: bool, **arguments: Any) -> None:
    with acting_as(owner) as session:
        verb(session, execution_id=execution_id, **arguments)
        session.flush()
        found = workflows.get_execution(session, execution_id=execution_id)
        session.refresh(found)
        document = schemas.ExecutionOut().dump(found)
    _say(document, f"Execution {execution_id} is {document['status']}.", as_json=as_json)


def _say(document: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(sentence)
