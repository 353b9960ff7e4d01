"""What workflows run on, by HTTP: operations and the systems that they need, what starts by itself, the switch."""

from __future__ import annotations

from typing import Any

from app.core.audit import ACTOR, ADDRESS
from app.core.errors import Forbidden
from app.core.ids import OPERATOR_ID
from app.domains.workflows import schemas, service
from app.domains.workflows.routes.parts import With, engine, integrations, operations, workflows
from app.http.endpoint import Context, endpoint


@endpoint(operations, "GET", "/operations", permission="workflow:view", answer=schemas.OperationOut(many=True))
def list_operations(ctx: Context) -> Any:
    """All operations with the JSON Schema of their parameters."""
    return sorted(ctx.world.operations, key=lambda operation: operation.name)


@endpoint(
    integrations,
    "GET",
    "/integrations",
    permission="workflow:view",
    answer=schemas.IntegrationOut(many=True),
)
def list_integrations(ctx: Context) -> Any:
    """Every outside system: whether it is left alone because it failed, how often it may be called, what waits for it."""
    return service.list_integrations(ctx.session)


@endpoint(
    integrations,
    "POST",
    "/integrations/<string:name>/reset",
    permission="integration.reset",
    body=schemas.Reason,
    answer=schemas.IntegrationOut,
    idempotent=True,
)
def reset_integration(ctx: Context, *, name: str) -> Any:
    """Ask a system again that is left alone because it failed; the operator's verb, since it concerns all tenants."""
    return service.reset_integration(ctx.session, name=name, reason=ctx.body["reason"])


@endpoint(
    workflows,
    "GET",
    "/workflows/triggers",
    permission="workflow:view",
    query=schemas.TriggerQuery,
    answer=schemas.TriggerOut(many=True),
)
def list_triggers(ctx: Context) -> Any:
    """What starts workflows by itself, the tenant's own and the built-in ones: events, and schedules with their next tick."""
    found = service.all_triggers(ctx.session, schedules=ctx.query.get("schedules"))
    return [With(trigger, workflow_name=name) for trigger, name in found]


@endpoint(
    workflows,
    "PATCH",
    "/workflows/triggers/<int:trigger_id>",
    permission="workflow:create",
    body=schemas.TriggerPatch,
    answer=schemas.TriggerOut,
)
def switch_trigger(ctx: Context, *, trigger_id: int) -> Any:
    """Switch one of the tenant's own triggers on or off; a schedule goes on with its next tick from now."""
    trigger = service.set_active(ctx.session, trigger_id=trigger_id, active=ctx.body["is_active"])
    workflow = service.get_workflow(ctx.session, workflow_id=trigger.workflow_id)
    return With(trigger, workflow_name=workflow.name)


@endpoint(engine, "GET", "/engine/switch", permission="engine.switch", answer=schemas.SwitchOut)
def show_switch(ctx: Context) -> Any:
    """Whether workflows start, and who switched off what."""
    return _switch(ctx)


@endpoint(
    engine,
    "PUT",
    "/engine/switch",
    permission="engine.switch",
    body=schemas.SwitchIn,
    answer=schemas.SwitchOut,
)
def turn_switch(ctx: Context) -> Any:
    """Let nothing new start, or start again, also what was asked for meanwhile; what runs is let end in any case.

    For all tenants only by the operator's staff.
    """
    if not ctx.body["installation"]:
        _turn(ctx, ctx.session)
        return _switch(ctx)
    if ctx.principal.owner_id != OPERATOR_ID:
        raise Forbidden("Only the operator's staff switches the whole installation.")
    with ctx.world.across.transaction() as session:
        session.info[ACTOR], session.info[ADDRESS] = ctx.actor, ctx.address
        _turn(ctx, session)
    return _switch(ctx)


def _turn(ctx: Context, session: Any) -> None:
    reason, installation = ctx.body["reason"], ctx.body["installation"]
    if ctx.body["is_on"]:
        service.switch_on(session, reason=reason, installation=installation)
    else:
        service.switch_off(session, reason=reason, by=ctx.actor, installation=installation)


def _switch(ctx: Context) -> dict[str, Any]:
    off = service.switch_state(ctx.session)
    return {"is_on": not off, "off": off}
