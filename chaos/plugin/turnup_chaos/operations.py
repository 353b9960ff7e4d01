"""Operations in both forms, whose effects are counted by a server that knows nothing of workflows, or by plain rows.

`note` keeps to the step's own transaction; `deliver` asks the recorder, under its idempotency key, between a claim with a
lease and the completion. What they do is undone by `unnote` and `withdraw`. The service code `chaos-line` is activated by
a delivery, too, and fails for good where the order's configuration says so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app.domains.activation import service as activation
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Effect
from turnup_chaos import boundaries

OPERATIONS = Catalogue()

PATIENT = RetryPolicy(
    maximum_attempts=15, initial_interval=0.3, backoff_coefficient=1.5, maximum_interval=2.0, jitter=True
)
"""Longer than any outage of the programme: a step that fails for good without being asked to was lost."""

ANSWER_SECONDS = 5.0

_NOTE = text(
    "INSERT INTO chaos_ledger (owner_id, execution_id, step, item, what, key) "
    "VALUES (:owner, :execution, :step, :item, :what, :key)"
)

boundaries.install()


def _note(call: Call, what: str, step: str, item: str | None) -> None:
    call.session.execute(
        _NOTE,
        {
            "owner": call.owner_id,
            "execution": call.execution_id,
            "step": step,
            "item": item,
            "what": what,
            "key": call.idempotency_key,
        },
    )


def _ask(path: str, call: Call, **body: Any) -> None:
    about = {"key": call.idempotency_key, "execution": call.execution_id, "step": call.step_name, **body}
    with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
        client.post(f"{os.environ['CHAOS_RECORDER']}/{path}", json=about).raise_for_status()


@OPERATIONS.operation("chaos_service.note", undone_by="chaos_service.unnote", retry=PATIENT)
def note(call: Call, *, item: str | None = None, seconds: float = 0.0) -> dict[str, Any]:
    """Write a row in the step's own transaction."""
    boundaries.cross(boundaries.IN_OPERATION)
    _note(call, "do", call.step_name, item)
    time.sleep(seconds)
    boundaries.cross(boundaries.AFTER_CALL)
    call.effect("note", call.step_name, f"A note of {call.step_name}", undo={"step": call.step_name, "item": item})
    return {"item": item}


@OPERATIONS.operation("chaos_service.unnote", retry=PATIENT)
def unnote(call: Call, *, step: str, item: str | None = None) -> dict[str, Any]:
    """Write that a row no longer counts."""
    boundaries.cross(boundaries.IN_OPERATION)
    _note(call, "undo", step, item)
    boundaries.cross(boundaries.AFTER_CALL)
    return {}


def _delivery(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:  # noqa: ARG001 - Intend's signature
    key = call.idempotency_key
    return [Effect("delivery", key, f"A delivery of {call.step_name}", system="recorder", undo={"reference": key})]


def _deliver(call: Call, **how: Any) -> None:
    boundaries.cross(boundaries.IN_OPERATION)
    _ask("do", call, **how)
    boundaries.cross(boundaries.AFTER_CALL)
    for effect in _delivery(call, {}):
        call.effect(effect.kind, effect.reference, effect.summary, system=effect.system, undo=effect.undo)


@OPERATIONS.operation(
    "chaos_service.deliver", undone_by="chaos_service.withdraw", lease=True, intends=_delivery, retry=PATIENT
)
def deliver(
    call: Call, *, item: str | None = None, seconds: float = 0.0, refused: int = 0, unanswered: int = 0
) -> dict[str, Any]:
    """Have an effect outside. The other side refuses the first calls, or does not answer the first ones that it obeyed."""
    time.sleep(seconds)
    _deliver(call, item=item, refused=refused, unanswered=unanswered)
    return {"item": item}


@OPERATIONS.operation("chaos_service.withdraw", lease=True, retry=PATIENT)
def withdraw(call: Call, *, reference: str) -> dict[str, Any]:
    """Take a delivery back; one that never arrived is refused from now on."""
    boundaries.cross(boundaries.IN_OPERATION)
    _ask("undo", call, reference=reference)
    boundaries.cross(boundaries.AFTER_CALL)
    return {}


@OPERATIONS.operation("chaos_service.refuse")
def refuse(call: Call) -> dict[str, Any]:
    """Fail for good."""
    message = f"{call.step_name} fails on purpose"
    raise StepFailed(message, permanent=True)


def _activation(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    undo = {name: str(params[name]) for name in ("tenant_id", "activation_id")}
    undo["reference"] = call.idempotency_key
    return [Effect("delivery", call.idempotency_key, "A line", system="recorder", undo=undo)]


@OPERATIONS.operation(
    "activation_service.chaos_line",
    undone_by="activation_service.deactivate_chaos_line",
    lease=True,
    intends=_activation,
    retry=PATIENT,
)
def activate(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Activate the service by a delivery; where the order says `broken`, fail for good after it."""
    with call.transaction() as session:
        found = activation.activation_for(session, activation_id=activation_id, tenant_id=tenant_id)
        broken = bool(found.terms["configuration"].get("broken"))
    boundaries.cross(boundaries.IN_OPERATION)
    _ask("do", call)
    boundaries.cross(boundaries.AFTER_CALL)
    if broken:
        message = "the line is broken on purpose"
        raise StepFailed(message, permanent=True)
    for effect in _activation(call, {"tenant_id": tenant_id, "activation_id": activation_id}):
        call.effect(effect.kind, effect.reference, effect.summary, system=effect.system, undo=effect.undo)
    return {"activation_id": str(activation_id), "activation": {"id": str(activation_id), "references": {}}}


@OPERATIONS.operation("activation_service.deactivate_chaos_line", lease=True, retry=PATIENT)
def deactivate(call: Call, *, tenant_id: UUID, activation_id: UUID, reference: str) -> dict[str, Any]:  # noqa: ARG001 - as all deactivations
    """Take the delivery back."""
    _ask("undo", call, reference=reference)
    return {"activation_id": str(activation_id)}
