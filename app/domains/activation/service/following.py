"""What the pipeline's steps do, written down in the activations; called inside the engine's own transactions.

Each verb takes the order and the name of the step; a step that activates nothing is passed over, so callers need not
sort them. A repeated call changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import emit
from app.domains.activation import queries
from app.domains.activation.models import ServiceActivation
from app.domains.activation.rules.progress import FINISHED, Status
from app.domains.activation.rules.sequence import STEP_PREFIX

_KEPT = ("endpoints", "references")
"""What of an operation's activation is kept; anything else it returns stays in the step's output."""


def claimed(
    session: Session, *, order_id: int, step_name: str, attempt: int = 1, tenant_id: UUID | None = None
) -> bool:
    """A worker begins an attempt: in_progress, begun with the first. False when the step is no activation."""
    activation = _of_step(session, order_id, step_name)
    if activation is None:
        return False
    activation.activation_status = Status.IN_PROGRESS
    activation.started_at = activation.started_at or now(session)
    activation.completed_at = None
    activation.retry_count = attempt - 1
    if tenant_id is not None:
        activation.tenant_id = tenant_id
    session.flush()
    return True


def retrying(session: Session, *, order_id: int, step_name: str, attempt: int, error_message: str | None) -> bool:
    """Attempt number `attempt` failed and another will follow: still in_progress, with the reason."""
    activation = _of_step(session, order_id, step_name)
    if activation is None:
        return False
    activation.retry_count = attempt
    activation.error_message = error_message
    session.flush()
    return True


def ended(
    session: Session,
    *,
    order_id: int,
    step_name: str,
    state: str,
    output: Any = None,
    error_message: str | None = None,
    error_type: str | None = None,
) -> bool:
    """The step is `completed`, `failed` or `skipped`. Emits service.activated or service.activation_failed."""
    activation = _of_step(session, order_id, step_name)
    if activation is None:
        return False
    if activation.activation_status in FINISHED:
        return True
    activation.activation_status = Status(state)
    if activation.started_at:  # workers' clocks differ a little: nothing ends before it began
        activation.completed_at = max(now(session), activation.started_at)
    match state:
        case Status.COMPLETED:
            activation.success, activation.error_message, activation.error_details = True, None, None
            activation.activation_data = _kept(output)
            emit(session, "service.activated", f"order/{order_id}", _about(activation))
        case Status.FAILED:
            activation.success, activation.error_message = False, error_message
            activation.error_details = {"type": error_type} if error_type else None
            emit(
                session,
                "service.activation_failed",
                f"order/{order_id}",
                {**_about(activation), "critical": activation.critical, "error_message": error_message},
            )
    session.flush()
    return True


def undone(session: Session, *, order_id: int, step_name: str) -> bool:
    """What the activation set up is gone: rolled_back. One that failed keeps that, with its reason."""
    activation = _of_step(session, order_id, step_name)
    if activation is None:
        return False
    if activation.activation_status in {Status.COMPLETED, Status.IN_PROGRESS}:
        activation.activation_status = Status.ROLLED_BACK
        activation.success = False
    activation.activation_data = {}
    session.flush()
    return True


def skip_pending(session: Session, *, order_id: int) -> None:
    """The order's execution has ended: what has not begun will not."""
    session.execute(
        update(ServiceActivation)
        .where(ServiceActivation.order_id == order_id, ServiceActivation.activation_status == Status.PENDING)
        .values(activation_status=Status.SKIPPED)
    )


def _of_step(session: Session, order_id: int, step_name: str) -> ServiceActivation | None:
    if not step_name.startswith(STEP_PREFIX):
        return None
    return queries.activation_of_method(session, order_id=order_id, method=step_name.removeprefix(STEP_PREFIX))


def _kept(output: Any) -> dict[str, Any]:
    activation = output.get("activation") if isinstance(output, Mapping) else None
    if not isinstance(activation, Mapping):
        return {}
    return {name: activation[name] for name in _KEPT if name in activation}


def _about(activation: ServiceActivation) -> dict[str, Any]:
    return {
        "activation_id": str(activation.id),
        "order_id": activation.order_id,
        "tenant_id": str(activation.tenant_id) if activation.tenant_id else None,
        "service_code": activation.service_code,
    }
