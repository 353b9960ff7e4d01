"""What operators do to an execution, by HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema

from app.domains.workflows import schemas, service
from app.domains.workflows.routes.parts import own_tenant, shown, workflows
from app.http.endpoint import Context, View, endpoint


def _verb(
    word: str, *, body: type[Schema] = schemas.Reason, permission: str = "workflow:execute"
) -> Callable[[View], View]:
    """What all verbs have in common: asked for by POST, once per Idempotency-Key, answered with the execution as it then is."""
    return endpoint(
        workflows,
        "POST",
        f"/workflows/executions/<int:execution_id>/{word}",
        permission=permission,
        body=body,
        answer=schemas.ExecutionDetail,
        status=202,
        idempotent=True,
        errors=(409,),
    )


@_verb("cancel")
def cancel_execution(ctx: Context, *, execution_id: int) -> Any:
    """Stop an execution and undo what it did; `undo-plan` tells beforehand what that is."""
    service.cancel(ctx.session, execution_id=execution_id, reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("terminate", permission="workflow:terminate")
def terminate_execution(ctx: Context, *, execution_id: int) -> Any:
    """Stop an execution and leave everything as it is; a rollback under way is given up."""
    service.terminate(ctx.session, execution_id=execution_id, reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("pause")
def pause_execution(ctx: Context, *, execution_id: int) -> Any:
    """Begin nothing more until it is resumed; what runs is let finish."""
    service.pause(ctx.session, execution_id=execution_id, reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("resume")
def resume_execution(ctx: Context, *, execution_id: int) -> Any:
    """Go on after a pause; what came due meanwhile happens now."""
    service.resume(ctx.session, execution_id=execution_id, reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("retry", body=schemas.RetryIn)
def retry_execution(ctx: Context, *, execution_id: int) -> Any:
    """The failed steps again, all or those named; after a rollback also what was undone."""
    names = ctx.body["steps"]
    service.retry_steps(ctx.session, execution_id=execution_id, step_names=names, reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("skip", body=schemas.SkipIn)
def skip_steps(ctx: Context, *, execution_id: int) -> Any:
    """Go on without these steps: they are skipped, with null for output."""
    service.skip_steps(ctx.session, execution_id=execution_id, step_names=ctx.body["steps"], reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("rerun", body=schemas.RerunIn)
def rerun_execution(ctx: Context, *, execution_id: int) -> Any:
    """A step and all that follows again, their effects undone first; `undo-plan?from_step=` tells beforehand what that is."""
    service.rerun(
        ctx.session,
        execution_id=execution_id,
        step_name=ctx.body["step"],
        context=own_tenant(ctx, ctx.body["context"]),
        reason=ctx.body["reason"],
    )
    return shown(ctx, execution_id)


@_verb("rollback")
def retry_rollback(ctx: Context, *, execution_id: int) -> Any:
    """The compensations that gave up, again."""
    service.retry_rollback(ctx.session, execution_id=execution_id, reason=ctx.body["reason"])
    return shown(ctx, execution_id)


@_verb("replay", body=schemas.ReplayIn)
def replay_execution(ctx: Context, *, execution_id: int) -> Any:
    """A new execution with this one's input, of the current version or of the same one."""
    new = service.replay(
        ctx.session,
        execution_id=execution_id,
        same_version=ctx.body["same_version"],
        context=own_tenant(ctx, ctx.body["context"]),
        reason=ctx.body["reason"],
        replayed_by=ctx.actor,
    )
    ctx.headers["Location"] = f"/api/v1/workflows/executions/{new.id}"
    return shown(ctx, new.id)


@_verb("signal", body=schemas.SignalIn)
def signal_execution(ctx: Context, *, execution_id: int) -> Any:
    """Say something to an execution: the first wait for an event of that name takes it, now or when it begins."""
    name, data = ctx.body["name"], ctx.body["data"]
    service.signal(
        ctx.session,
        execution_id=execution_id,
        name=name,
        data=data,
        sent_by=ctx.actor,
        reason=ctx.body["reason"],
    )
    return shown(ctx, execution_id)


@_verb("approve", body=schemas.AnswerIn, permission="workflow:view")
def approve_step(ctx: Context, *, execution_id: int) -> Any:
    """Say yes to the approval that an execution asks for; needs the permission that the step names."""
    _answer(ctx, execution_id, approved=True)
    return shown(ctx, execution_id)


@_verb("reject", body=schemas.AnswerIn, permission="workflow:view")
def reject_step(ctx: Context, *, execution_id: int) -> Any:
    """Say no to the approval that an execution asks for; needs the permission that the step names."""
    _answer(ctx, execution_id, approved=False)
    return shown(ctx, execution_id)


def _answer(ctx: Context, execution_id: int, *, approved: bool) -> None:
    service.answer(
        ctx.session,
        execution_id=execution_id,
        approved=approved,
        may=ctx.principal.may,
        step_name=ctx.body["step"],
        comment=ctx.body["comment"],
        answered_by=ctx.actor,
    )
