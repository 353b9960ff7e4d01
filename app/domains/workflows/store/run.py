"""The life of one delivered message: claim, attempt, commit or failure.

An operation that touches only our database is one transaction with its commit. One of the lease form is claimed in a first
transaction, called outside any, and completed in a second one that checks its token.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app.core import log as logs
from app.core.ports import port
from app.core.settings import Settings
from app.core.world import World
from app.domains.workflows.store import children, effects, elements, fail, started, undo
from app.domains.workflows.store.call import StepCall
from app.domains.workflows.store.claim import claim, count_attempt, take_lease
from app.domains.workflows.store.conditions import pass_over_descendants
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.finish import LeaseLost, end_step
from app.domains.workflows.store.integrations import gate
from app.domains.workflows.store.lease import bounded, kept
from app.domains.workflows.store.look import look
from app.domains.workflows.store.parent import CHILD_TASK
from app.domains.workflows.store.records import Held, Observers, StepRun
from app.domains.workflows.store.settle import settle
from app.domains.workflows.store.stop import stop
from app.domains.workflows.store.stored import as_json
from pipelines.definition import Compensate, OnFalse, RetryPolicy, StepType
from pipelines.errors import StepFailed
from pipelines.expressions import Scope, holds, resolve, resolve_params
from pipelines.operations import Effect, Operation, Started
from pipelines.plan import Route
from pipelines.retry import IN_PLACE_SECONDS, is_permanent, next_delay, resolve_policy

log = logging.getLogger(__name__)

RECONNECTS = 5
LOOK_UPS = 10
"""How often it is asked at the most whether the last attempt got through, when the other side does not answer."""

T = TypeVar("T")

_LEFT_READY = text(
    """
    SELECT s.sequence_number, s.route FROM workflow_steps done
    JOIN workflow_executions e ON e.id = done.execution_id
    JOIN workflow_steps s ON s.execution_id = done.execution_id AND (s.sequence_number = ANY(done.releases) OR e.inline)
    WHERE done.execution_id = :execution AND done.sequence_number = :number AND e.state = 'running' AND s.unmet = 0
      AND CASE WHEN :undo THEN done.state = 'compensated' AND s.state = 'compensating'
          ELSE done.state IN ('completed', 'failed', 'skipped') AND s.state = 'pending' AND e.stopping IS NULL END
    """
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A claimed step, ready for its attempt. `skip`: its `when` is false. `attempts`: how many its policy allows.

    `held`: what its row holds once the claim's transaction with its lease is committed.
    """

    step: StepRun
    operation: Operation | None = None
    params: dict[str, Any] | None = None
    skip: bool = False
    attempts: int = 1
    held: Held | None = None


def run(world: World, delivery: Delivery) -> Outcome:
    """Do what this message asks for, if it is still to be done; a duplicate ends silently.

    What the outcome holds as ready is for the caller to send. Short waits before a retry happen here.
    """
    while True:
        with logs.about(execution=delivery.execution_id, step=delivery.number):
            outcome = _reconnecting(partial(_deliver, world, delivery))
            if outcome.settle:
                settle(world.database, owner_id=delivery.owner_id, execution_id=delivery.execution_id)
        if outcome.retry_in is None or outcome.retry_in > IN_PLACE_SECONDS:
            return outcome
        time.sleep(outcome.retry_in)
        delivery = replace(delivery, redelivered=False)


def _reconnecting(act: Callable[[], T]) -> T:
    """Once more when the database went away under the claim: a new connection is tried, for about a second."""
    for tries_left in reversed(range(RECONNECTS)):
        try:
            return act()
        except DBAPIError as error:
            if not (error.connection_invalidated or isinstance(error, OperationalError)) or not tries_left:
                raise
            time.sleep(IN_PLACE_SECONDS)
    raise AssertionError


def _deliver(world: World, delivery: Delivery) -> Outcome:
    work = _undo if delivery.undo else _forward
    if not delivery.redelivered:
        return work(world, delivery, counted=False)
    with world.database.transaction(delivery.owner_id) as session:
        counted = count_attempt(session, delivery) is not None
    return work(world, delivery, counted=counted)


def _forward(world: World, delivery: Delivery, *, counted: bool) -> Outcome:
    step: StepRun | None = None
    try:
        with world.database.transaction(delivery.owner_id) as session:
            step = claim(session, delivery, world.database, counted=counted)
            if step is None:
                return _left_over(session, delivery)
            begun = _begin(world, session, step, delivery)
            if isinstance(begun, Outcome):
                return begun
        if begun.skip:
            return _skip(world, step, delivery)
        # only now: what is not committed is not held
        step.held = begun.held or step.held
        return _leased(world, begun, delivery)
    except LeaseLost as error:
        log.warning("%s", error)
        return Outcome()
    except Exception as error:
        if step is None:
            raise
        return _fail(world, step, delivery, error)


def _begin(world: World, session: Session, step: StepRun, delivery: Delivery) -> Outcome | Prepared:
    """What becomes of a claimed step in the claim's own transaction: its end, or the lease under which it goes on."""
    prepared = _prepare(world, step)
    if prepared.skip:
        return prepared if effects.to_undo(session, step) else end_step(session, step, delivery, to="skipped")
    if gate.is_held_back(world.database, session, step, delivery, [prepared.operation]):
        return Outcome()
    _tell_claimed(session, step)
    call = StepCall(world.database, step, lambda: session)
    if step.step.is_parking or step.step.for_each is not None:
        return look(call, delivery, scope(step))
    if prepared.operation is not None and prepared.operation.starts:
        parked = started.look(call, delivery, prepared.operation, prepared.operation.bind(prepared.params or {}))
        return _complete(session, call, prepared, delivery) if parked is None else parked
    if prepared.operation is not None and prepared.operation.lease:
        _intend(session, call, prepared)
        held = take_lease(session, step, delivery, lease_seconds=world.settings.lease_seconds)
        return replace(prepared, held=held)
    with bounded(_timeout(prepared), session):
        step.output = _attempt(call, prepared)
    gate.has_answered(world.database, session, step)
    return _complete(session, call, prepared, delivery)


def _skip(world: World, step: StepRun, delivery: Delivery) -> Outcome:
    """Skip a step of which an attempt before left something half-made: that is undone first."""
    _undo_intended(world, step, delivery)
    with world.database.transaction(delivery.owner_id) as session:
        return end_step(session, step, delivery, to="skipped")


def _leased(world: World, prepared: Prepared, delivery: Delivery) -> Outcome:
    step = prepared.step
    with ExitStack() as stack:
        call = _later(world, step, delivery, stack)
        with _kept(world, step, delivery), bounded(_timeout(prepared), None):
            step.output = _attempt(call, prepared)
        # the heartbeat has ended: it would wait for the row that this transaction now locks
        gate.has_answered(world.database, call.session, step)
        return _complete(call.session, call, prepared, delivery)


def _kept(world: World, step: StepRun, delivery: Delivery) -> AbstractContextManager[None]:
    return kept(world.database, step, delivery, lease_seconds=world.settings.lease_seconds)


def _prepare(world: World, step: StepRun) -> Prepared:
    """Everything of an attempt that needs no effect: the policy's bound, `when`, parameters."""
    definition = step.step
    operation = world.operations.get(definition.operation) if definition.operation else None
    if definition.operation and operation is None:
        message = f"Service not found: {definition.operation}"
        raise StepFailed(message, permanent=True)
    policy = _policy(world.settings, step, operation)
    _refuse_lost(step, policy, look_ups=LOOK_UPS if _can_be_asked(operation) else 0)
    # one that parked or made its elements has begun: `when` was asked then
    has_parked = step.child_id is not None or (definition.is_parking and step.started_at is not None)
    has_begun = step.elements is not None or has_parked
    when = None if has_begun else definition.when
    if step.is_passed_over or (when is not None and not holds(when, scope(step))):
        return Prepared(step, operation, skip=True)
    if operation is None or definition.for_each is not None:
        return Prepared(step)
    fields = operation.parameters.model_fields
    optional = frozenset(name for name, info in fields.items() if not info.is_required())
    params = resolve_params(definition.params, scope(step), step_name=step.name, optional=optional)
    as_json(params, "input", limit=world.settings.workflow_output_limit)
    step.input = params
    return Prepared(step, operation, params, attempts=policy.maximum_attempts)


def _can_be_asked(operation: Operation | None) -> bool:
    """Whether it tells, before another attempt, what became of the one before."""
    return operation is not None and operation.lease and operation.finds is not None


def _refuse_lost(step: StepRun, policy: RetryPolicy, *, look_ups: int = 0) -> None:
    """Every attempt that the policy allows was begun, and no worker came back to tell of the last one."""
    if step.attempt > policy.maximum_attempts + look_ups:
        step.attempt = policy.maximum_attempts
        raise StepFailed("worker lost", permanent=True)


def scope(step: StepRun) -> Scope:
    """What the step's references and expressions see."""
    execution = step.execution
    seen = Scope(
        context=execution.context,
        outputs=step.outputs,
        execution={"id": execution.id, "correlation_id": execution.correlation_id},
        tenant={"id": str(execution.owner_id)},
        event=execution.event,
    )
    return seen if step.item_index is None else replace(seen, item=step.item, index=step.item_index)


def _attempt(call: StepCall, prepared: Prepared) -> Any:
    step, operation = prepared.step, prepared.operation
    if operation is not None:
        return _call(call, operation, prepared)
    if step.step.type is StepType.TRANSFORM:
        return resolve(step.step.output, scope(step))
    is_true = holds(step.step.condition or "", scope(step))
    if not is_true and step.step.on_false is OnFalse.FAIL:
        message = f"the condition is false: {step.step.condition}"
        raise StepFailed(message, permanent=True)
    return is_true


def _call(call: StepCall, operation: Operation, prepared: Prepared) -> dict[str, Any]:
    """The operation's answer; of one that can be asked, first what became of the attempts before this one."""
    params = operation.bind(prepared.params or {})
    if operation.lease and operation.finds is not None and call.attempt > 1:
        found = operation.finds(call, **params)
        if found is not None:
            return dict(found)
        if call.attempt > prepared.attempts:
            message = f"{prepared.attempts} attempts were made and none got through"
            raise StepFailed(message, permanent=True)
    return _output(operation.function(call, **params))


def _output(answer: Mapping[str, Any] | Started | None) -> dict[str, Any]:
    if isinstance(answer, Started):
        message = "an operation returned Started that does not say that it starts an execution"
        raise StepFailed(message, permanent=True)
    return dict(answer or {})


def _complete(session: Session, call: StepCall, prepared: Prepared, delivery: Delivery) -> Outcome:
    step, operation = prepared.step, prepared.operation
    if operation is not None:
        _confirm(session, call, step, operation)
    if step.output is False and step.step.type is StepType.CONDITION:
        return _false(session, step, delivery)
    return end_step(session, step, delivery, to="completed")


def _false(session: Session, step: StepRun, delivery: Delivery) -> Outcome:
    if step.step.on_false is OnFalse.END:
        end_step(session, step, delivery, to="completed")
        stop(session, step.execution.id, why="end")
        return Outcome(settle=True)
    pass_over_descendants(session, step)
    return end_step(session, step, delivery, to="completed")


def _confirm(session: Session, call: StepCall, step: StepRun, operation: Operation) -> None:
    override = step.step.compensate
    if isinstance(override, Compensate):
        after = replace(scope(step), outputs={**step.outputs, step.step.name: step.output})
        params = resolve(dict(override.params), after)
        told = call.effects or [Effect(operation.name, step.name, f"{operation.name} of step {step.name}")]
        changed = [replace(effect, undo=params) for effect in told[:1]]
        effects.confirm(session, step, changed, undone_by=override.operation)
        effects.forget_intended(session, step)
    elif call.effects:
        effects.confirm(session, step, call.effects, undone_by=None if override == "none" else operation.undone_by)


def _intend(session: Session, call: StepCall, prepared: Prepared) -> None:
    operation = prepared.operation
    if operation is not None and operation.intends is not None and prepared.step.step.compensate != "none":
        intended = list(operation.intends(call, operation.bind(prepared.params or {})))
        effects.intend(session, prepared.step, intended, undone_by=operation.undone_by)


def _tell_claimed(session: Session, step: StepRun) -> None:
    if observer := port(session, Observers).of(step.execution):
        observer.step_claimed(session, step.execution, step)


def _delay(policy: RetryPolicy, step: StepRun, operation: Operation | None, error: Exception) -> float | None:
    """Seconds until the next attempt; after the last one that may have got through, until it is asked whether it did."""
    delay = next_delay(policy, attempt=step.attempt, error=error)
    if delay is not None or not _can_be_asked(operation) or is_permanent(error):
        return delay
    return policy.maximum_interval if step.attempt < policy.maximum_attempts + LOOK_UPS else None


def _fail(world: World, step: StepRun, delivery: Delivery, error: Exception) -> Outcome:
    operation = world.operations.get(step.operation) if step.operation else None
    policy = _policy(world.settings, step, operation)
    delay = _delay(policy, step, operation, error)
    log.warning("attempt %s of %s failed: %s", step.attempt, step.name, fail.words(error))
    waits_on = gate.has_failed(world.database, step, error, policy)
    if delay is None and not waits_on and not step.critical and step.child_id is None:
        _undo_intended(world, step, delivery)

    def record(session: Session, why: Exception) -> Outcome:
        if waits_on and why is error:
            return gate.hold_probe(session, step, delivery, why, policy)
        if delay is not None and why is error:
            return fail.put_back(session, step, delivery, why, delay=delay)
        return fail.fail_for_good(session, step, delivery, why)

    return _recorded(world, step, delivery, error, record)


def _recorded(
    world: World,
    step: StepRun,
    delivery: Delivery,
    error: Exception,
    record: Callable[[Session, Exception], Outcome],
) -> Outcome:
    """Write a failure; one that cannot be written as it is fails for good as such, so that no attempt goes uncounted."""
    try:
        try:
            with world.database.transaction(delivery.owner_id) as session:
                outcome = record(session, error)
        except (LeaseLost, DBAPIError):
            raise
        except Exception as second:
            log.exception("the failure of %s could not be recorded as it is", step.name)
            step.input = None
            bare = StepFailed(f"the failure could not be recorded: {type(second).__name__}", permanent=True)
            with world.database.transaction(delivery.owner_id) as session:
                outcome = record(session, bare)
    except LeaseLost as lost:
        log.warning("%s", lost)
        return Outcome()
    return outcome


def _undo_intended(world: World, step: StepRun, delivery: Delivery) -> None:
    """A step that failed for good and whose execution goes on leaves nothing half-made behind."""
    try:
        with world.database.transaction(delivery.owner_id) as session:
            undos = effects.to_undo(session, step)
            if not undos:
                return
            held = step.held if step.held.token else _held_to_undo(world, session, step, delivery)
        step.held = held
        with ExitStack() as stack:
            call = _later(world, step, delivery, stack)
            with _kept(world, step, delivery):
                undo.call_all(call, undos, world.operations)
            for each in undos:
                effects.undone(call.session, each)
    except Exception as error:  # noqa: BLE001 - whatever it is, the step has failed and says so
        log.error("what %s had begun is not undone and stays in the ledger: %s", step.name, fail.words(error))  # noqa: TRY400


def _held_to_undo(world: World, session: Session, step: StepRun, delivery: Delivery) -> Held:
    """A lease for an attempt that failed before it had one, since workers before it left something half-made."""
    claimed = claim(session, delivery, world.database, counted=True)
    if claimed is None or claimed.held != step.held:
        raise LeaseLost
    return take_lease(session, step, delivery, lease_seconds=world.settings.lease_seconds)


def _later(world: World, step: StepRun, delivery: Delivery, stack: ExitStack) -> StepCall:
    """A call whose transaction begins when it is first used and ends with the stack."""
    return StepCall(world.database, step, lambda: stack.enter_context(world.database.transaction(delivery.owner_id)))


def _undo(world: World, delivery: Delivery, *, counted: bool) -> Outcome:
    step: StepRun | None = None
    undos: list[effects.Undo] = []
    try:
        with world.database.transaction(delivery.owner_id) as session:
            step = claim(session, delivery, world.database, counted=counted)
            if step is None:
                return _left_over(session, delivery)
            undos = effects.to_undo(session, step)
            begun = _begin_undo(world, session, step, delivery, undos)
            if isinstance(begun, Outcome):
                return begun
        step.held = begun
        with ExitStack() as stack:
            call = _later(world, step, delivery, stack)
            with _kept(world, step, delivery):
                undo.call_all(call, undos, world.operations)
            gate.has_answered(world.database, call.session, step)
            return undo.complete(call.session, step, delivery, undos)
    except LeaseLost as error:
        log.warning("%s", error)
        return Outcome()
    except Exception as error:
        if step is None:
            raise
        return _fail_undo(world, step, delivery, undos, error)


def _begin_undo(
    world: World, session: Session, step: StepRun, delivery: Delivery, undos: list[effects.Undo]
) -> Outcome | Held:
    """What becomes of a step to undo in the claim's own transaction: its end, or the lease under which it is undone."""
    _refuse_lost(step, undo.policy_of(undos, world.operations))
    if step.step.for_each is not None or any(each.operation == CHILD_TASK for each in undos):
        return _undo_own(session, step, delivery, undos)
    needed = [world.operations.get(each.operation) for each in undos]
    if gate.is_held_back(world.database, session, step, delivery, needed):
        return Outcome(undo=True)
    if undo.is_leased(undos, world.operations):
        return take_lease(session, step, delivery, lease_seconds=world.settings.lease_seconds)
    call = StepCall(world.database, step, lambda: session)
    undo.call_all(call, undos, world.operations, session=session)
    gate.has_answered(world.database, session, step)
    return undo.complete(session, step, delivery, undos)


def _undo_own(session: Session, step: StepRun, delivery: Delivery, undos: list[effects.Undo]) -> Outcome:
    """The undo of a step that calls nothing itself waits for that of its elements, or its child."""
    parked = (
        elements.let_in_undo(session, step)
        if step.step.for_each is not None
        else children.park_undo(session, step, delivery, [each for each in undos if each.operation == CHILD_TASK])
    )
    return parked or undo.complete(session, step, delivery, undos)


def _fail_undo(world: World, step: StepRun, delivery: Delivery, undos: list[effects.Undo], error: Exception) -> Outcome:
    policy = undo.policy_of(undos, world.operations)
    delay = next_delay(policy, attempt=step.attempt, error=error)
    log.warning("attempt %s to undo %s failed: %s", step.attempt, step.name, fail.words(error))
    waits_on = gate.has_failed(world.database, step, error, policy)

    def record(session: Session, why: Exception) -> Outcome:
        if waits_on and why is error:
            return gate.hold_probe(session, step, delivery, why, policy)
        if delay is not None and why is error:
            return fail.put_back(session, step, delivery, why, delay=delay)
        return undo.give_up(session, step, delivery, why)

    return _recorded(world, step, delivery, error, record)


def _left_over(session: Session, delivery: Delivery) -> Outcome:
    """Nothing to do. A redelivered message of a step that is done may have died before it sent what came next."""
    if not delivery.redelivered:
        return Outcome()
    rows = session.execute(
        _LEFT_READY, {"execution": delivery.execution_id, "number": delivery.number, "undo": delivery.undo}
    )
    return Outcome(ready={row.sequence_number: Route.from_json(row.route) for row in rows}, undo=delivery.undo)


def _policy(settings: Settings, step: StepRun, operation: Operation | None) -> RetryPolicy:
    return resolve_policy(
        step.step,
        operation,
        default_attempts=settings.workflow_retry_max_attempts,
        enabled=settings.workflow_retry_enabled,
    )


def _timeout(prepared: Prepared) -> float | None:
    return prepared.step.step.timeout_seconds or (prepared.operation.timeout_seconds if prepared.operation else None)
