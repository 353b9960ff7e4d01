"""Service codes `test-alpha`, `test-beta` and `test-gamma`, activated by operations of this package.

How an activation behaves is said by the order, in the configuration of its service (`Behaviour`); what was done is noted in
`test_calls`, and a service is set up when its `effect` is noted more often than its `undo`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.domains.activation import service as activation
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Effect
from turnup_test_services import is_raised, log, wait_for

OPERATIONS = Catalogue()

KIND = "test_service"
MEETING_SECONDS = 30.0

_HAS_BEGUN = text(
    "SELECT EXISTS (SELECT FROM test_calls WHERE execution_id = :execution AND step = :step AND what = 'attempt')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """`fail`: that many attempts fail. `broken_until`: they fail until that flag is raised. `permanent`: no retry helps.

    `block`, `undo_block`: wait for that flag. `meet`: wait until that step is at work too.
    """

    fail: int = 0
    broken_until: str | None = None
    permanent: bool = False
    block: str | None = None
    undo_block: str | None = None
    meet: str | None = None

    @classmethod
    def of(cls, call: Call, activation_id: UUID, tenant_id: UUID) -> Behaviour:
        """As the order says."""
        with call.transaction() as session:
            found = activation.activation_for(session, activation_id=activation_id, tenant_id=tenant_id)
            return cls(**found.terms["configuration"])


def _meet(call: Call, step: str) -> None:
    """Return when that step has begun: only then are both at work at the same time."""
    end = time.monotonic() + MEETING_SECONDS
    while time.monotonic() < end:
        with call.transaction() as session:
            if session.execute(_HAS_BEGUN, {"execution": call.execution_id, "step": step}).scalar_one():
                return
        time.sleep(0.02)
    message = f"{step} was not at work at the same time"
    raise StepFailed(message, permanent=True)


def _behave(call: Call, behaviour: Behaviour) -> None:
    with call.transaction() as session:
        log(call, session, "attempt")
    if behaviour.block:
        wait_for(call, behaviour.block)
    if behaviour.meet:
        _meet(call, behaviour.meet)
    broken = behaviour.broken_until is not None and not is_raised(call, behaviour.broken_until)
    if broken or call.attempt <= behaviour.fail:
        message = f"attempt {call.attempt} fails on purpose: code 0xBAD"
        raise StepFailed(message, permanent=behaviour.permanent)


def _activate(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Note an effect, after failing, blocking or meeting as the order says."""
    _behave(call, Behaviour.of(call, activation_id, tenant_id))
    log(call, call.session, "effect")
    for effect in _intended(call, {"tenant_id": tenant_id, "activation_id": activation_id}):
        call.effect(effect.kind, effect.reference, effect.summary, undo=effect.undo)
    about = {"id": str(activation_id), "endpoints": {}, "references": {"note": call.step_name}}
    return {"activation_id": str(activation_id), "activation": about}


def _deactivate(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Note the undo, after blocking as the order says."""
    with call.transaction() as session:
        log(call, session, "undo_attempt")
    if flag := Behaviour.of(call, activation_id, tenant_id).undo_block:
        wait_for(call, flag)
    log(call, call.session, "undo")
    return {"activation_id": str(activation_id)}


def _intended(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    undo = {name: str(params[name]) for name in ("tenant_id", "activation_id")}
    return [Effect(KIND, call.step_name, f"Test service of {call.step_name}", undo=undo)]


def _register(code: str) -> None:
    method = code.replace("-", "_")
    undone_by = f"activation_service.deactivate_{method}"
    activate: Callable[..., Any] = OPERATIONS.operation(
        f"activation_service.{method}", undone_by=undone_by, lease=True, intends=_intended
    )
    activate(_activate)
    deactivate: Callable[..., Any] = OPERATIONS.operation(undone_by, lease=True)
    deactivate(_deactivate)


for _code in ("test-alpha", "test-beta", "test-gamma"):
    _register(_code)
