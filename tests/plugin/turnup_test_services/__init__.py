"""Operations that fail, are slow or block on request: a plugin like anybody's, found by its entry point.

What they do is said by their parameters; what they did is kept in a plain table of the tests, `test_calls`, written in the
step's own transaction (`effect`) or beside it (`attempt`), so that tests can count both.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from sqlalchemy import select, text

from app.domains.sales.models import Order
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Effect
from turnup_test_services import deaths

OPERATIONS = Catalogue()

deaths.install()

QUICK = RetryPolicy(
    maximum_attempts=3, initial_interval=0.3, backoff_coefficient=2.0, maximum_interval=2.0, jitter=False
)

_LOG = text(
    "INSERT INTO test_calls (owner, execution_id, step, what, attempt, pid) "
    "VALUES (:owner, :execution, :step, :what, :attempt, :pid)"
)
_COUNT = text("SELECT count(*) FROM test_calls WHERE execution_id = :execution AND step = :step AND what = :what")
_FLAG = text("SELECT EXISTS (SELECT FROM test_flags WHERE name = :name)")


def log(call: Call, session: Any, what: str) -> None:
    """Note that something happened in a step."""
    session.execute(
        _LOG,
        {
            "owner": call.owner_id,
            "execution": call.execution_id,
            "step": call.step_name,
            "what": what,
            "attempt": call.attempt,
            "pid": os.getpid(),
        },
    )


def is_raised(call: Call, flag: str) -> bool:
    """Whether a test has raised the flag."""
    with call.transaction() as session:
        return bool(session.execute(_FLAG, {"name": flag}).scalar_one())


def wait_for(call: Call, flag: str) -> None:
    """Block until a test raises the flag (at most a minute)."""
    for _ in range(1200):
        if is_raised(call, flag):
            return
        time.sleep(0.05)
    message = f"nobody raised {flag}"
    raise StepFailed(message, permanent=True)


def _behave(call: Call, *, fail: int, permanent: bool, seconds: float, block: str | None, kill: int) -> None:
    with call.transaction() as session:
        log(call, session, "attempt")
        made = session.execute(
            _COUNT, {"execution": call.execution_id, "step": call.step_name, "what": "attempt"}
        ).scalar_one()
    if seconds:
        time.sleep(seconds)
    if block:
        wait_for(call, block)
    if made <= kill:
        os.kill(os.getpid(), signal.SIGKILL)
    if call.attempt <= fail:
        message = f"attempt {call.attempt} fails on purpose"
        raise StepFailed(message, permanent=permanent)


@OPERATIONS.operation("test_service.note", undone_by="test_service.unnote", retry=QUICK)
def note(
    call: Call,
    *,
    fail: int = 0,
    permanent: bool = False,
    seconds: float = 0.0,
    block: str | None = None,
    kill: int = 0,
    undo_fails: int = 0,
    value: Any = None,
) -> dict[str, Any]:
    """Note an effect in the step's own transaction, after failing, waiting or dying as asked."""
    _behave(call, fail=fail, permanent=permanent, seconds=seconds, block=block, kill=kill)
    log(call, call.session, "effect")
    call.effect(
        "note", call.step_name, f"A note of {call.step_name}", undo={"step": call.step_name, "fail": undo_fails}
    )
    return {"note": {"step": call.step_name, "value": value}, "value": value}


@OPERATIONS.operation("test_service.unnote", retry=QUICK)
def unnote(call: Call, *, step: str, fail: int = 0) -> dict[str, Any]:
    """Undo a note, after failing as often as asked."""
    with call.transaction() as session:
        log(call, session, "undo_attempt")
        tries = session.execute(
            _COUNT, {"execution": call.execution_id, "step": call.step_name, "what": "undo_attempt"}
        ).scalar_one()
    if tries <= fail:
        message = "the undo fails on purpose"
        raise StepFailed(message, permanent=False)
    log(call, call.session, "undo")
    return {"step": step}


def _intended(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    return [Effect("note", call.step_name, f"A note of {call.step_name}", undo={"step": call.step_name})]


@OPERATIONS.operation(
    "test_service.outside", undone_by="test_service.unnote", lease=True, intends=_intended, retry=QUICK
)
def outside(
    call: Call,
    *,
    fail: int = 0,
    permanent: bool = False,
    seconds: float = 0.0,
    block: str | None = None,
    kill: int = 0,
) -> dict[str, Any]:
    """The same in the lease form, with its effect intended in the claim."""
    _behave(call, fail=fail, permanent=permanent, seconds=seconds, block=block, kill=kill)
    log(call, call.session, "effect")
    call.effect("note", call.step_name, f"A note of {call.step_name}", undo={"step": call.step_name})
    return {"note": {"step": call.step_name}}


@OPERATIONS.operation("test_service.ask", integration="test-asked", lease=True, retry=QUICK)
def ask(call: Call, *, url: str) -> dict[str, Any]:
    """Call a server outside, which may be down."""
    httpx.post(url, headers={"Idempotency-Key": call.idempotency_key}, timeout=5.0).raise_for_status()
    return {"asked": call.step_name}


@OPERATIONS.operation("test_service.ask_gently", integration="test-metered")
def ask_gently(call: Call) -> dict[str, Any]:
    """Note when a system that is called at a rate was called."""
    log(call, call.session, "effect")
    return {}


@OPERATIONS.operation("test_service.quiet")
def quiet(call: Call, *, value: Any = None) -> dict[str, Any]:
    """Return what it is given and change nothing."""
    return {"value": value}


@OPERATIONS.operation("test_service.see_orders")
def see_orders(call: Call) -> dict[str, Any]:
    """The numbers of all orders that a step sees when it forgets to say whose: by the ORM, and by plain SQL."""
    return {
        "by_orm": sorted(call.session.scalars(select(Order.order_number))),
        "by_sql": sorted(call.session.scalars(text("SELECT order_number FROM orders"))),
    }
