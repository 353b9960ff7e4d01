"""Deployments that begin at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.domains.deployments import service
from app.domains.deployments.errors import ScheduleOver
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation(
    "deployment_service.schedule_deployment",
    undone_by="deployment_service.cancel_scheduled_deployment",
    resource="scheduled_deployment",
)
def schedule_deployment(
    call: Call, *, order_id: int, scheduled_at: str | None = None, region: str | None = None
) -> dict[str, Any]:
    """Let an order's deployment begin at a time or on a day, without one in the next maintenance window, else at once.

    With maintenance windows a time lies in one of them. When it comes, deployment.due is told. An order that is scheduled
    already is found.
    """
    scheduled = service.schedule_deployment(
        call.session, order_id=order_id, key=call.idempotency_key, at=scheduled_at, region=region
    )
    if scheduled.asked_by == call.idempotency_key:
        # what another step scheduled is not this one's to call off
        schedule_id = str(scheduled.id)
        call.effect(
            "scheduled_deployment",
            schedule_id,
            f"Deployment of order {order_id} at {scheduled.scheduled_for.isoformat()}",
            undo={"scheduled_deployment_id": schedule_id},
        )
    return _shown(scheduled)


@OPERATIONS.operation("deployment_service.cancel_scheduled_deployment", resource="scheduled_deployment")
def cancel_scheduled_deployment(call: Call, *, scheduled_deployment_id: UUID) -> dict[str, Any]:
    """Call a scheduled deployment off; one that has begun is the order's to cancel, and stays `started`."""
    try:
        return _shown(service.cancel_scheduled_deployment(call.session, schedule_id=scheduled_deployment_id))
    except ScheduleOver:
        return _shown(service.get_schedule(call.session, schedule_id=scheduled_deployment_id))


@OPERATIONS.resource("scheduled_deployment")
def read_scheduled_deployment(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A scheduled deployment as it is now; None when there is none of that id."""
    try:
        found = service.get_schedule(call.session, schedule_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    scheduled: dict[str, Any] = _shown(found)["scheduled_deployment"]
    return scheduled


def _shown(scheduled: service.ScheduledDeployment) -> dict[str, Any]:
    schedule_id = str(scheduled.id)
    return {
        "scheduled_deployment_id": schedule_id,
        "scheduled_deployment": {
            "id": schedule_id,
            "order_id": scheduled.order_id,
            "scheduled_for": scheduled.scheduled_for.isoformat(),
            "region": scheduled.region,
            "state": scheduled.state,
        },
    }
