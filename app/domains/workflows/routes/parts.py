"""What the routes of this room share: their blueprints, and an execution as it is shown."""

from __future__ import annotations

from typing import Any

from app.core.errors import NotFound
from app.domains.tenants import service as tenants
from app.domains.workflows import service
from app.http.endpoint import Blueprint, Context

workflows = Blueprint("workflows", "workflows", description="Workflow definitions and their executions")
operations = Blueprint("operations", "operations", description="What workflow steps may call")
integrations = Blueprint("integrations", "integrations", description="The outside systems that operations need")
engine = Blueprint("engine", "engine", description="Whether workflows start")
events = Blueprint("events", "events", description="What events there are, and raising them from outside")


class With:
    """A row with what is shown beside it."""

    def __init__(self, row: Any, **beside: Any) -> None:
        self._row, self._beside = row, beside

    def __getattr__(self, name: str) -> Any:
        return self._beside[name] if name in self._beside else getattr(self._row, name)


def own_tenant(ctx: Context, context: dict[str, Any] | None) -> dict[str, Any]:
    """The context; a `tenant_id` in it is accepted when it names the caller's own tenant, by id or slug; else 404."""
    named = (context or {}).get("tenant_id")
    own = tenants.get_tenant(ctx.session, tenant_id=ctx.principal.owner_id) if named is not None else None
    if own is not None and named not in (str(own.id), own.slug):
        message = f"Tenant '{named}' not found"
        raise NotFound(message)
    return context or {}


def shown(ctx: Context, execution_id: int) -> With:
    """An execution in full."""
    session = ctx.session
    execution = service.get_execution(session, execution_id=execution_id)
    counts = service.element_counts(session, execution_id=execution_id)
    return With(
        execution,
        children=service.children(session, execution_id=execution_id),
        steps=[
            With(step, elements=counts.get(step.sequence_number), is_operation_known=_is_known(ctx, step))
            for step in service.steps(session, execution_id=execution_id)
        ],
        effects=service.effects(session, execution_id=execution_id),
        leftovers=leftovers(ctx, execution_id),
        canvas=service.canvas_text(execution.snapshot),
    )


def leftovers(ctx: Context, execution_id: int) -> dict[str, Any] | None:
    """What is left of an execution that failed or was stopped, in a sentence and one by one."""
    left = service.leftovers(ctx.session, execution_id=execution_id)
    return None if left is None else {"summary": service.leftovers_summary(left), "effects": left}


def _is_known(ctx: Context, step: service.WorkflowStep) -> bool:
    """Whether this installation has the operation that the step calls."""
    called = step.definition.get("service")
    return called is None or f"{called}.{step.definition.get('method')}" in ctx.world.operations
