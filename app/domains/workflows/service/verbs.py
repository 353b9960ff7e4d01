"""What an operator does to an execution. Each verb writes an audit row with who and why, the state before, and what was asked.

Words: *retry* is the failed steps again, *resume* goes on after a pause, *re-run* is a step and all behind it again, *replay* a
new execution with an old one's input, *cancel* stops and undoes, *terminate* stops and leaves everything as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault
from app.core.ports import port
from app.core.queue import send_task
from app.core.settings import Settings
from app.domains.workflows import queries
from app.domains.workflows.errors import ExecutionNotFound, StepNotFound, WrongState
from app.domains.workflows.models import WorkflowExecution
from app.domains.workflows.rules import shown_status, steps_of
from app.domains.workflows.service.executions import get_execution, start
from app.domains.workflows.store import pause as pauses
from app.domains.workflows.store import reopen, stop
from app.domains.workflows.store import rerun as reruns
from app.domains.workflows.store import skip as skips
from app.domains.workflows.store.launch import checked_context
from app.domains.workflows.store.parent import child_reopened
from app.domains.workflows.store.records import Execution, Observers
from app.domains.workflows.store.tasks import SETTLE_TASK
from pipelines.graph import Graph
from pipelines.state import ENDED_EXECUTIONS

GOING = frozenset({"running", "waiting", "paused"})


def start_by_hand(
    session: Session,
    *,
    workflow: str,
    context: Mapping[str, Any],
    trigger_type: str,
    started_by: str,
    correlation_id: str | None = None,
    reason: str | None = None,
) -> WorkflowExecution:
    """Start a workflow because somebody asks for it. Raises WorkflowNotFound and InvalidContext."""
    execution_id = start(
        session,
        workflow=workflow,
        context=context,
        trigger_type=trigger_type,
        trigger_source=started_by,
        correlation_id=correlation_id,
    )
    execution = get_execution(session, execution_id=execution_id)
    about = {"workflow": execution.workflow_name, "version": execution.workflow_version}
    audit.record(
        session, "execution.start", f"execution/{execution.id}", after=_as_it_is(execution) | about, reason=reason
    )
    return execution


def cancel(session: Session, *, execution_id: int, reason: str | None = None) -> None:
    """Stop an execution and undo what it did; one that has not begun is over at once.

    Nothing new starts from this commit on; what runs is let finish, then the rollback runs. Raises WrongState when it has
    ended or is stopping already.
    """
    _stop(session, execution_id, why="cancel", error_type="Cancelled", reason=reason)


def terminate(session: Session, *, execution_id: int, reason: str | None = None) -> None:
    """Stop an execution and leave everything as it is: nothing is undone, no attempt follows, what runs is let finish.

    A rollback under way is given up (`incomplete`). Raises WrongState when it has ended.
    """
    _stop(session, execution_id, why="terminate", error_type="Terminated", reason=reason)


def _stop(session: Session, execution_id: int, *, why: str, error_type: str, reason: str | None) -> None:
    execution = get_execution(session, execution_id=execution_id)
    before = _as_it_is(execution)
    said = reason or error_type.lower()
    if not stop.cancel_pending(session, execution_id, reason=said, error_type=error_type):
        error = {"step": None, "type": error_type, "message": said}
        if stop.stop(session, execution_id, why=why, error=error) is None:
            session.refresh(execution)
            raise _wrong(execution)
        send_task(session, SETTLE_TASK, str(execution.owner_id), execution_id)
    _audit(session, execution, why, before, reason)


def pause(session: Session, *, execution_id: int, reason: str | None = None) -> None:
    """Begin nothing more of an execution until it is resumed; what runs is let finish. Raises WrongState unless it goes forward."""
    execution = get_execution(session, execution_id=execution_id)
    before = _as_it_is(execution)
    if not pauses.pause(session, execution_id, reason=reason):
        raise _wrong(execution)
    _audit(session, execution, "pause", before, reason)


def resume(session: Session, *, execution_id: int, reason: str | None = None) -> None:
    """Let a paused execution go on; what came due meanwhile happens now. Raises WrongState when it is not paused."""
    execution = get_execution(session, execution_id=execution_id)
    before = _as_it_is(execution)
    if not pauses.resume(session, execution_id):
        raise _wrong(execution)
    _audit(session, execution, "resume", before, reason)


def retry_steps(
    session: Session,
    *,
    execution_id: int,
    step_names: Collection[str] | None = None,
    reason: str | None = None,
) -> None:
    """The named steps, which have failed, again (None: all of them); what never began because of them goes on with them.

    After a rollback, what was undone runs again too, each step as a new act with an idempotency key of its own.
    Raises WrongState when it cannot, also when a critical step that failed is left out: the execution could not complete.
    """
    execution = _ended(session, execution_id)
    found = reopen.look(session, execution_id, execution.snapshot)
    _lock(session, execution)
    _refuse_unless_reopenable(execution, "its steps cannot be retried")
    before = _as_it_is(execution)
    may = found.numbers("failed", "compensated")
    named = found.numbers("failed") if step_names is None else _numbers(found.graph, execution_id, step_names)
    if not may.issuperset(named) or not (named or (step_names is None and may)):
        others = ", ".join(found.names(named - may)) or "none was named" if step_names is not None else "none has"
        message = f"Only failed steps are retried; {others}."
        raise WrongState(message)
    _refuse_left_out(execution, found, named, verb="retried")
    again = named | found.numbers("cancelled") | found.lost_by_rollback()
    _reopen(session, execution, found, again=again, fresh=found.lost_by_rollback())
    _audit(session, execution, "retry", before, reason, steps=found.names(named))


def skip_steps(session: Session, *, execution_id: int, step_names: Collection[str], reason: str | None = None) -> None:
    """Go on without these steps: skipped, with null for output.

    Steps that have not begun, wait for another attempt or are parked are skipped when their turn comes; failed ones at once,
    and their execution goes on. A child that a skipped step waits for is cancelled. Raises WrongState for a step that is at
    work or done, StepNotFound.
    """
    execution = get_execution(session, execution_id=execution_id)
    if execution.state in GOING and execution.stopping is None:
        before = _as_it_is(execution)
        _skip_ahead(session, execution, step_names)
        _audit(session, execution, "skip", before, reason, steps=sorted(step_names))
        return
    if execution.state != "failed":
        raise _wrong(execution)
    found = reopen.look(session, execution_id, execution.snapshot)
    _lock(session, execution)
    _refuse_unless_reopenable(execution, "its steps cannot be skipped")
    before = _as_it_is(execution)
    named = _numbers(found.graph, execution_id, step_names)
    if done := named - found.numbers("failed", "compensated", "cancelled"):
        message = f"These steps are through: {', '.join(found.names(done))}."
        raise WrongState(message)
    _refuse_left_out(execution, found, named, verb="skipped or retried")
    again = named | found.numbers("cancelled") | found.lost_by_rollback()
    _reopen(session, execution, found, again=again, fresh=found.lost_by_rollback(), passed_over=named)
    _audit(session, execution, "skip", before, reason, steps=found.names(named))


def _skip_ahead(session: Session, execution: WorkflowExecution, names: Collection[str]) -> None:
    known = {row.step_name: row for row in queries.steps(session, execution.id)}
    _refuse_unknown(execution.id, known, names)
    for name in names:
        child_id = known[name].child_id
        child = None if child_id is None else queries.execution(session, child_id)
        # children are locked before their parents
        is_own = child is not None and child.parent_id == execution.id
        if child is not None and is_own and child.state not in ENDED_EXECUTIONS and child.stopping is None:
            cancel(session, execution_id=child.id, reason=f"step {name} of execution {execution.id} was skipped")
    locked = {row.step_name: row for row in skips.lock(session, execution.id, list(names))}
    for name in names:
        row = locked.get(name)
        if row is None or row.state == "running":
            message = f"Step {name} is at work; it can be skipped when its attempt has failed."
            raise WrongState(message)
        if row.state not in {"pending", "waiting"}:
            message = f"Step {name} is {row.state}, not to come."
            raise WrongState(message)
        if row.elements is not None:
            message = f"Step {name} has begun on its {row.elements} elements and cannot be skipped as a whole."
            raise WrongState(message)
    skips.pass_over(session, execution.id, [row.sequence_number for row in locked.values()])


def rerun(
    session: Session,
    *,
    execution_id: int,
    step_name: str,
    context: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """That step and all that follows again, their effects undone first; the other steps keep what they did.

    `context`: keys of the input that are corrected. What runs is let finish, then the undo runs, then the steps, those that
    had run as new acts with idempotency keys of their own. Raises WrongState, StepNotFound, and InvalidContext for an input
    that does not fit.
    """
    execution = get_execution(session, execution_id=execution_id)
    graph = Graph.of(steps_of(execution.snapshot))
    [number] = _numbers(graph, execution_id, [step_name])
    again = {number} | graph.descendants(number)
    corrected = None
    if context:
        corrected = checked_context(
            execution.snapshot,
            {**execution.context, **context},
            limit=port(session, Settings).workflow_output_limit,
        )
    if execution.state in {"completed", "failed"}:
        found = reopen.look(session, execution_id, execution.snapshot)
        _lock(session, execution)
        _refuse_unless_reopenable(execution, "it cannot be re-run")
        _refuse_left_out(execution, found, again, verb="re-run")
        again |= found.lost_by_rollback()
        _tell_reopening(session, execution)
    before = _as_it_is(execution)
    if not reruns.ask(session, execution_id, first=number, again=again, context=corrected):
        session.refresh(execution)
        raise _wrong(execution)
    send_task(session, SETTLE_TASK, str(execution.owner_id), execution_id)
    changed = {"context": sorted(context)} if context else {}
    _audit(session, execution, "rerun", before, reason, step=step_name, **changed)


def replay(
    session: Session,
    *,
    execution_id: int,
    same_version: bool = False,
    context: Mapping[str, Any] | None = None,
    reason: str | None = None,
    replayed_by: str | None = None,
) -> WorkflowExecution:
    """A new execution with this one's input and event, of the workflow's current version or of the same snapshot; returns it.

    `context`: keys of the input that are corrected. The new one's label `replay_of` and trigger name the old one.
    Raises WorkflowNotFound for a workflow that is inactive, and InvalidContext.
    """
    old = get_execution(session, execution_id=execution_id)
    new_id = start(
        session,
        workflow=old.workflow_name,
        context={**old.context, **(context or {})},
        trigger_type="manual",
        trigger_source=replayed_by,
        correlation_id=old.correlation_id,
        labels={**old.labels, "replay_of": old.id},
        event=old.event,
        document=old.snapshot if same_version else None,
    )
    new = get_execution(session, execution_id=new_id)
    _audit(session, old, "replay", _as_it_is(old), reason, execution_id=new.id, version=new.workflow_version)
    return new


def retry_rollback(session: Session, *, execution_id: int, reason: str | None = None) -> None:
    """The compensations that gave up, again. Raises WrongState when the rollback is not incomplete."""
    execution = get_execution(session, execution_id=execution_id)
    before = _as_it_is(execution)
    if not reopen.retry_rollback(session, execution_id=execution_id):
        message = f"The rollback of execution {execution_id} is {execution.rollback}, not incomplete."
        raise WrongState(message)
    _audit(session, execution, "retry_rollback", before, reason)


def _ended(session: Session, execution_id: int) -> WorkflowExecution:
    """An execution of which nothing runs, so that all its steps may be locked. Raises WrongState."""
    execution = get_execution(session, execution_id=execution_id)
    if execution.state not in {"completed", "failed"}:
        raise _wrong(execution)
    return execution


def _lock(session: Session, execution: WorkflowExecution) -> None:
    """Its row after its steps', and as it is now."""
    statement = select(WorkflowExecution).where(WorkflowExecution.id == execution.id).with_for_update(key_share=True)
    if session.scalars(statement, execution_options={"populate_existing": True}).one_or_none() is None:
        raise ExecutionNotFound(execution.id)


def _reopen(
    session: Session,
    execution: WorkflowExecution,
    found: reopen.Found,
    *,
    again: Collection[int],
    fresh: Collection[int],
    passed_over: Collection[int] = (),
) -> None:
    _tell_reopening(session, execution)
    reopen.reopen(
        session,
        found,
        execution_id=execution.id,
        document=execution.snapshot,
        again=again,
        fresh=fresh,
        passed_over=passed_over,
    )


def _tell_reopening(session: Session, execution: WorkflowExecution) -> None:
    about = Execution.of(execution.id, execution)
    if observer := port(session, Observers).of(about):
        observer.reopening(session, about)
    child_reopened(session, execution.id)


def _refuse_unless_reopenable(execution: WorkflowExecution, what_not: str) -> None:
    if execution.state not in {"completed", "failed"} or execution.rollback not in {"none", "done"}:
        message = f"Execution {execution.id} is {execution.state} (rollback {execution.rollback}): {what_not}."
        raise WrongState(message)


def _refuse_left_out(execution: WorkflowExecution, found: reopen.Found, named: set[int], *, verb: str) -> None:
    """A critical step that failed and is left out would keep the execution from completing."""
    if execution.state == "failed":
        critical = {number for number in found.numbers("failed") if found.rows[number].critical}
        if left_out := critical - named:
            names = ", ".join(found.names(left_out))
            message = f"These critical steps have failed as well and have to be {verb} with the rest: {names}."
            raise WrongState(message)


def _numbers(graph: Graph, execution_id: int, names: Iterable[str]) -> set[int]:
    _refuse_unknown(execution_id, graph.numbers, names)
    return {graph.numbers[name] for name in names}


def _refuse_unknown(execution_id: int, known: Collection[str], names: Iterable[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise StepNotFound(execution_id, unknown[0], faults=[Fault("/steps", f"no step {name}") for name in unknown])


def _wrong(execution: WorkflowExecution) -> WrongState:
    undoing = shown_status(execution.state, execution.rollback)
    state = undoing if execution.stopping is None or undoing != "running" else "stopping"
    return WrongState(f"Execution {execution.id} is {state}.")


def _as_it_is(execution: WorkflowExecution) -> dict[str, Any]:
    return {"state": execution.state, "rollback": execution.rollback}


def _audit(
    session: Session,
    execution: WorkflowExecution,
    verb: str,
    before: dict[str, Any],
    reason: str | None,
    **asked: Any,
) -> None:
    """Write down who did what and why, with the state before and after."""
    session.flush()
    session.refresh(execution)
    audit.record(
        session,
        f"execution.{verb}",
        f"execution/{execution.id}",
        before=before,
        after=_as_it_is(execution) | asked,
        reason=reason,
    )
