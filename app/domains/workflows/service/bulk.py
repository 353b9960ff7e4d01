"""One verb over all executions that a search finds: a canary first, at a rate, and stopped when too many fail again.

What was found is written down when the operation is made, and worked off in passes that any number of processes may make.
It counts as done for an execution when that got past the steps that had failed, not when the verb was accepted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.audit import ACTOR
from app.core.clock import now
from app.core.errors import BusinessError, Fault, Invalid
from app.core.world import World
from app.domains.tenants import service as tenants
from app.domains.workflows import queries
from app.domains.workflows.errors import BulkNotFound, WrongState
from app.domains.workflows.models import BulkOperation, WorkflowExecution
from app.domains.workflows.service import verbs, waiting
from app.domains.workflows.store import bulk as items

log = logging.getLogger(__name__)

MOST_EXECUTIONS = 100_000
SAMPLE = 10
OPERATIONS_PER_PASS = 50
TAKEN_PER_PASS = 200
BURST_SECONDS = 10.0
"""So much of a rate may be made up for at once after passes that did not come."""

ENOUGH_OUTCOMES = 5
"""Before so many executions got past or failed again, a percentage says nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one execution is asked for, and on whose behalf."""

    execution_id: int
    params: Mapping[str, Any]
    reason: str
    by: str
    may: Callable[[str], bool]
    failed: Sequence[str]


Act = Callable[[Session, Asked], int | None]

NAME_LIMIT = 200


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LIMIT


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_name, value))


PARAMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "steps": (_are_names, "has to be a list of step names"),
    "step": (_is_name, "has to be a step's name"),
    "name": (_is_name, f"has to be a name of up to {NAME_LIMIT} characters"),
    "context": (lambda value: isinstance(value, dict), "has to be an object"),
    "data": (lambda value: isinstance(value, dict), "has to be an object"),
    "same_version": (lambda value: isinstance(value, bool), "has to be true or false"),
}
"""What the verbs take, by name: whether a value is one, and what it has to be."""


@dataclass(frozen=True, slots=True)
class BulkVerb:
    """`act` does it to one execution and returns another one's id where that is to be watched. `goal`: when it got through."""

    act: Act
    goal: items.Goal
    permission: str = "workflow:execute"
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def _retry(session: Session, asked: Asked) -> None:
    steps = asked.params.get("steps")
    verbs.retry_steps(session, execution_id=asked.execution_id, step_names=steps, reason=asked.reason)


def _skip(session: Session, asked: Asked) -> None:
    steps = asked.params.get("steps") or asked.failed
    if not steps:
        raise WrongState(f"Execution {asked.execution_id} has no failed step to skip.")
    verbs.skip_steps(session, execution_id=asked.execution_id, step_names=steps, reason=asked.reason)


def _rerun(session: Session, asked: Asked) -> None:
    step = asked.params.get("step") or next(iter(asked.failed), None)
    if step is None:
        raise WrongState(f"Execution {asked.execution_id} has no failed step to begin with.")
    context = asked.params.get("context")
    verbs.rerun(session, execution_id=asked.execution_id, step_name=step, context=context, reason=asked.reason)


def _replay(session: Session, asked: Asked) -> int:
    new = verbs.replay(
        session,
        execution_id=asked.execution_id,
        same_version=asked.params.get("same_version", False),
        context=asked.params.get("context"),
        reason=asked.reason,
        replayed_by=asked.by,
    )
    return new.id


def _signal(session: Session, asked: Asked) -> None:
    name, data = asked.params["name"], asked.params.get("data")
    waiting.signal(
        session, execution_id=asked.execution_id, name=name, data=data, sent_by=asked.by, reason=asked.reason
    )


def _answer(*, approved: bool) -> Act:
    def act(session: Session, asked: Asked) -> None:
        waiting.answer(
            session,
            execution_id=asked.execution_id,
            approved=approved,
            may=asked.may,
            step_name=asked.params.get("step"),
            comment=asked.reason,
            answered_by=asked.by,
        )

    return act


def _plain(verb: Callable[..., None]) -> Act:
    def act(session: Session, asked: Asked) -> None:
        verb(session, execution_id=asked.execution_id, reason=asked.reason)

    return act


VERBS: Mapping[str, BulkVerb] = {
    "retry": BulkVerb(_retry, items.Goal.PAST_FAILED, optional=("steps",)),
    "skip": BulkVerb(_skip, items.Goal.PAST_FAILED, optional=("steps",)),
    "rerun": BulkVerb(_rerun, items.Goal.PAST_FAILED, optional=("step", "context")),
    "replay": BulkVerb(_replay, items.Goal.PAST_FAILED, optional=("same_version", "context")),
    "rollback": BulkVerb(_plain(verbs.retry_rollback), items.Goal.UNDONE),
    "cancel": BulkVerb(_plain(verbs.cancel), items.Goal.CANCELLED),
    "terminate": BulkVerb(_plain(verbs.terminate), items.Goal.ENDED, permission="workflow:terminate"),
    "pause": BulkVerb(_plain(verbs.pause), items.Goal.ACCEPTED),
    "resume": BulkVerb(_plain(verbs.resume), items.Goal.ACCEPTED),
    "signal": BulkVerb(_signal, items.Goal.ACCEPTED, required=("name",), optional=("data",)),
    "approve": BulkVerb(_answer(approved=True), items.Goal.ACCEPTED, optional=("step",)),
    "reject": BulkVerb(_answer(approved=False), items.Goal.ACCEPTED, optional=("step",)),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a search finds now: how many, and the newest of them."""

    count: int
    sample: Sequence[WorkflowExecution]


@dataclass(frozen=True, slots=True)
class Report:
    """How far an operation is. `under_way`: asked, and neither past what had failed nor failed again; `problems`: the first few."""

    pending: int
    under_way: int
    got_past: int
    failed_again: int
    refused: int
    problems: Sequence[Any]


def preview_bulk(session: Session, *, filters: Mapping[str, Any]) -> Preview:
    """What an operation over this search would be about. Raises Invalid for a search of nothing in particular, or too wide a one."""
    found = _search(filters)
    count = session.execute(select(func.count()).select_from(found.limit(MOST_EXECUTIONS + 1).subquery())).scalar_one()
    if count > MOST_EXECUTIONS:
        message = f"This finds more than {MOST_EXECUTIONS} executions; narrow it down."
        raise Invalid(message)
    newest = found.order_by(WorkflowExecution.created_at.desc(), WorkflowExecution.id.desc()).limit(SAMPLE)
    return Preview(count, session.scalars(newest).all())


def create_bulk(
    session: Session,
    *,
    verb: str,
    filters: Mapping[str, Any],
    created_by: str,
    permissions: Sequence[str],
    params: Mapping[str, Any] | None = None,
    reason: str | None = None,
    canary: int = 0,
    rate: float = 10.0,
    stop_at: float | None = None,
) -> BulkOperation:
    """Do `verb` to everything that the search finds now: `canary` executions first, `rate` a second, until more than `stop_at` per
    cent fail again.

    The loops process does it, from this commit on. Raises Invalid for parameters that the verb does not take.
    """
    given = dict(params or {})
    _refuse_params(verb, given)
    count = preview_bulk(session, filters=filters).count
    bulk = BulkOperation(
        verb=verb,
        filters={name: _as_json(value) for name, value in filters.items() if value is not None},
        params=given,
        reason=reason,
        canary=canary,
        rate=rate,
        stop_at=stop_at,
        total=count,
        permissions=sorted(permissions),
        created_by=created_by,
    )
    session.add(bulk)
    session.flush()
    items.fill(session, bulk, _search(filters))
    session.refresh(bulk)
    about = {"verb": verb, "filters": bulk.filters, "params": given, "total": count, "canary": canary, "rate": rate}
    audit.record(session, "bulk.start", f"bulk/{bulk.id}", after=about | {"stop_at": stop_at}, reason=reason)
    return bulk


def get_bulk(session: Session, *, bulk_id: int) -> BulkOperation:
    """Raises BulkNotFound."""
    found = queries.bulk_operation(session, bulk_id)
    if found is None:
        raise BulkNotFound(bulk_id)
    return found


def list_bulks() -> Select[Any]:
    """A statement for a page of bulk operations."""
    return queries.bulk_operations()


def bulk_report(session: Session, *, bulk_id: int) -> Report:
    """Counted from what became of the executions."""
    counts = items.counts(session, bulk_id)
    return Report(
        pending=counts["pending"],
        under_way=counts["taken"] + counts["asked"],
        got_past=counts["past"],
        failed_again=counts["failed"],
        refused=counts["refused"],
        problems=queries.bulk_problems(session, bulk_id),
    )


def stop_bulk(session: Session, *, bulk_id: int, reason: str | None = None) -> BulkOperation:
    """Ask no more executions; those that were asked go on. Raises WrongState unless it is running."""
    return _turn(session, bulk_id, "running", "stopped", because=reason or "stopped by hand", reason=reason)


def resume_bulk(session: Session, *, bulk_id: int, reason: str | None = None) -> BulkOperation:
    """Go on with a stopped one; what made it stop counts no more. Raises WrongState unless it is stopped."""
    bulk = _turn(session, bulk_id, "stopped", "running", because=None, reason=reason)
    bulk.canary, bulk.stop_at, bulk.paced_at = 0, None, None
    return bulk


def _turn(
    session: Session, bulk_id: int, before: str, after: str, *, because: str | None, reason: str | None
) -> BulkOperation:
    bulk = get_bulk(session, bulk_id=bulk_id)
    session.refresh(bulk, with_for_update=True)
    if bulk.state != before:
        message = f"Bulk operation {bulk_id} is {bulk.state}, not {before}."
        raise WrongState(message)
    bulk.state, bulk.stopped_because = after, because
    verb = "stop" if after == "stopped" else "resume"
    audit.record(
        session, f"bulk.{verb}", f"bulk/{bulk_id}", before={"state": before}, after={"state": after}, reason=reason
    )
    session.flush()
    return bulk


def advance_bulk(world: World) -> int:
    """One pass over all operations that are under way; returns how many executions were asked. Safe in many places at once."""
    with world.across.transaction() as session:
        running = items.running(session, limit=OPERATIONS_PER_PASS)
    return sum(_advance(world, row.owner_id, row.id) for row in running)


def _advance(world: World, owner_id: UUID, bulk_id: int) -> int:
    with world.database.transaction(owner_id) as session:
        bulk = queries.bulk_to_advance(session, bulk_id)
        if bulk is None:
            return 0
        items.look(session, bulk.id, VERBS[bulk.verb].goal, at=now(session))
        taken = _take(session, bulk)
    for execution_id in taken:
        try:
            _ask(world, owner_id, bulk_id, execution_id)
        except Exception:
            log.exception(
                "execution %s of bulk operation %s could not be asked; it will be again", execution_id, bulk_id
            )
    return len(taken)


def _take(session: Session, bulk: BulkOperation) -> list[int]:
    """The executions that this pass asks; ends or stops the operation where that is due."""
    counts, at = items.counts(session, bulk.id), now(session)
    if not counts["pending"] + counts["taken"] + counts["asked"]:
        bulk.state, bulk.completed_at = "completed", at
        return []
    if counts["pending"] and (because := _why_stop(bulk, counts)):
        bulk.state, bulk.stopped_because = "stopped", because
        log.warning("bulk operation %s stopped: %s", bulk.id, because)
        audit.record(session, "bulk.stop", f"bulk/{bulk.id}", after={"state": "stopped"}, reason=because)
        return []
    left = items.take_lost(session, bulk.id)
    begun = counts["taken"] + counts["asked"] + counts["past"] + counts["failed"]
    waits_for_canary = counts["past"] < bulk.canary
    most = bulk.canary - begun if waits_for_canary else TAKEN_PER_PASS
    allowed = min(most, TAKEN_PER_PASS, _allowance(bulk, at))
    if allowed <= 0:
        return left
    bulk.paced_at = at
    return left + items.take(session, bulk.id, limit=allowed)


def _why_stop(bulk: BulkOperation, counts: Mapping[str, int]) -> str | None:
    past, failed = counts["past"], counts["failed"]
    if failed and past < bulk.canary:
        return f"{failed} of the first {bulk.canary} failed again"
    if bulk.stop_at is not None and past + failed >= min(ENOUGH_OUTCOMES, bulk.total):
        percent = 100 * failed / (past + failed)
        if percent > bulk.stop_at:
            return f"{percent:.0f} % failed again ({failed} of {past + failed}); the limit is {bulk.stop_at:g} %"
    return None


def _allowance(bulk: BulkOperation, at: datetime) -> int:
    """How many may be asked now, by the rate and the time since some were."""
    if bulk.paced_at is None:
        return max(1, int(bulk.rate))
    seconds = min((at - bulk.paced_at).total_seconds(), max(BURST_SECONDS, 1 / bulk.rate))
    return int(bulk.rate * seconds)


def _ask(world: World, owner_id: UUID, bulk_id: int, execution_id: int) -> None:
    with world.database.transaction(owner_id) as session:
        if not items.lock(session, bulk_id, execution_id):
            return
        bulk = get_bulk(session, bulk_id=bulk_id)
        verb, at = VERBS[bulk.verb], now(session)
        session.info[ACTOR] = bulk.created_by
        failed = queries.failed_steps(session, execution_id)
        asked = Asked(
            execution_id=execution_id,
            params=bulk.params,
            reason=f"{bulk.reason or bulk.verb} (bulk operation {bulk_id})",
            by=bulk.created_by,
            may=lambda wanted: tenants.allows(bulk.permissions, wanted),
            failed=failed,
        )
        state, target, message = "past" if verb.goal is items.Goal.ACCEPTED else "asked", None, None
        try:
            with session.begin_nested():
                target = verb.act(session, asked)
        except BusinessError as error:
            state, message = "refused", str(error)
        except DBAPIError:
            raise
        except Exception as error:
            # asked again it would be the same, and the operation would never end
            log.exception("execution %s of bulk operation %s cannot be asked", execution_id, bulk_id)
            state, message = "refused", f"an error of the program: {type(error).__name__}"
        watched = bulk.params.get("steps") or failed
        items.asked(session, bulk_id, execution_id, state=state, target=target, watched=watched, message=message, at=at)


def _search(filters: Mapping[str, Any]) -> Select[Any]:
    if not any(value is not None for value in filters.values()):
        message = "Say which executions: by status, workflow, time, error or the like."
        raise Invalid(message, faults=[Fault("/filters", message)])
    return queries.executions(**filters)


def _refuse_params(verb: str, params: Mapping[str, Any]) -> None:
    if verb not in VERBS:
        message = f"There is no verb {verb}; there are: {', '.join(VERBS)}."
        raise Invalid(message, faults=[Fault("/verb", message)])
    known = VERBS[verb]
    faults = [Fault(f"/params/{name}", "is missing") for name in known.required if name not in params]
    faults += [
        Fault(f"/params/{name}", f"{verb} does not take it")
        for name in params
        if name not in (*known.required, *known.optional)
    ]
    faults += [
        Fault(f"/params/{name}", PARAMS[name][1])
        for name, value in params.items()
        if name in (*known.required, *known.optional) and not PARAMS[name][0](value)
    ]
    if faults:
        raise Invalid(f"These parameters are not those of {verb}.", faults=faults)


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
