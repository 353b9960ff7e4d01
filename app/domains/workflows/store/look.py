"""What a waiting step finds when it looks: time gone by, an event, an answer, a condition come true; else it parks (again).

The whole look is one transaction with the step's commit, so of an answer and an expiry that come together one counts.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import canonical
from app.domains.workflows.store import children, elements, mailbox
from app.domains.workflows.store.call import StepCall
from app.domains.workflows.store.concerns import nouns, subjects_of
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.finish import end_step
from app.domains.workflows.store.park import forget, park
from app.domains.workflows.store.records import StepRun
from pipelines import waits
from pipelines.definition import OnTimeout, StepType
from pipelines.errors import ExpressionError, StepFailed
from pipelines.expressions import Scope, holds, resolve
from pipelines.operations import Catalogue

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(minutes=1)
"""How often a waiting condition is looked at when no event calls for it."""


class TimedOut(StepFailed):
    """What a step waited for did not come in its time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Rejected(StepFailed):
    """The answer to an approval is no."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def look(call: StepCall, delivery: Delivery, scope: Scope) -> Outcome:
    """What a claimed step of a kind that may wait finds now. Raises StepFailed or ExpressionError when it fails."""
    if call.step.step.for_each is not None:
        return elements.look(call.session, call.step, delivery, scope)
    match call.step.step.type:
        case StepType.WAIT:
            return _wait(call.session, call.step, delivery, scope)
        case StepType.APPROVAL:
            return _approval(call.session, call.step, delivery, scope)
        case StepType.SUB_WORKFLOW:
            return children.look(call.session, call.step, delivery, scope)
        case _:
            return _condition(call, delivery, scope)


def _wait(session: Session, step: StepRun, delivery: Delivery, scope: Scope) -> Outcome:
    at = now(session)
    deadline = _deadline(step, at)
    if step.step.event is not None:
        return _wait_for_event(session, step, delivery, scope, at=at, deadline=deadline)
    due = step.due_at or waits.due(step.step, scope, now=at)
    if due <= at:
        return _complete(session, step, delivery, {"timed_out": False, "until": due.isoformat()})
    if deadline is not None and deadline <= at:
        return _over(session, step, delivery, {"timed_out": True, "until": due.isoformat()}, what=f"{due.isoformat()}")
    return park(session, step, delivery, wake_at=_first(due, deadline), due_at=due, deadline_at=deadline)


def _wait_for_event(
    session: Session, step: StepRun, delivery: Delivery, scope: Scope, *, at: datetime, deadline: datetime | None
) -> Outcome:
    definition = step.step
    name = canonical(definition.event or "")
    if definition.until is not None and step.deadline_at is None:
        deadline = _first(deadline, waits.due(definition, scope, now=at))
    is_over = deadline is not None and deadline <= at

    def fits(event: dict[str, Any]) -> bool:
        return matches(definition.match, scope, event)

    found: dict[str, Any] | None = None
    if step.started_at is None:
        mailbox.hold(session)
    found = mailbox.take(session, step, name, fits, since=mailbox.beginning(session, step))
    # what came in time counts, also when nobody was told of it yet
    if found is None and (step.started_at is None or is_over):
        found = mailbox.look_back(session, step, name, fits, ancestors=step.outputs)
    if found is not None:
        return _complete(session, step, delivery, {"timed_out": False, "event": found})
    if is_over:
        return _over(session, step, delivery, {"timed_out": True, "event": None}, what=definition.event or "")
    return park(session, step, delivery, awaits=name, wake_at=deadline, deadline_at=deadline)


def matches(match: str | None, scope: Scope, event: Mapping[str, Any]) -> bool:
    """Whether an event is the one that is waited for. One that the expression cannot be asked about is not."""
    if match is None:
        return True
    try:
        return holds(match, replace(scope, event=event))
    except ExpressionError as error:
        log.info("an event of type %s does not fit: %s", event.get("type"), error)
        return False


def _approval(session: Session, step: StepRun, delivery: Delivery, scope: Scope) -> Outcome:
    """Only answers to this asking count, not those to one that was retried."""
    at = now(session)
    deadline = _deadline(step, at)
    definition = step.step
    if step.started_at is None:
        prompt = None if definition.prompt is None else resolve(definition.prompt, scope)
        step.input = {"prompt": prompt, "permission": definition.permission}
        return park(session, step, delivery, wake_at=deadline, deadline_at=deadline)
    answer = mailbox.take(session, step, mailbox.ANSWER, lambda _: True, since=step.started_at)
    if answer is not None:
        if not answer["approved"]:
            said = f": {answer['comment']}" if answer.get("comment") else ""
            raise Rejected(f"rejected by {answer['by']}{said}")
        return _complete(session, step, delivery, answer)
    if deadline is not None and deadline <= at:
        if definition.on_timeout is OnTimeout.FAIL:
            raise TimedOut("nobody answered in time")
        if definition.on_timeout is OnTimeout.REJECT:
            raise Rejected("rejected: nobody answered in time")
        approved = {"approved": True, "by": None, "comment": "nobody answered in time", "at": at.isoformat()}
        return _complete(session, step, delivery, approved)
    return park(session, step, delivery, wake_at=deadline, deadline_at=deadline)


def _condition(call: StepCall, delivery: Delivery, scope: Scope) -> Outcome:
    """It sees the present: the resources that it mentions are read again."""
    session, step = call.session, call.step
    at = now(session)
    source = step.step.condition or ""
    deadline = _deadline(step, at)
    # what is read now and what is told from now on leave no gap
    mailbox.hold(session)
    present, subjects = _present(call, scope, source)
    if holds(source, present):
        # the event that brought this about may still be on its way: it has been waited for all the same
        return _complete(session, step, delivery, True, subjects=subjects)
    if deadline is None or deadline <= at:
        raise TimedOut(f"the condition did not become true in time: {source}")
    return park(
        session, step, delivery, subjects=subjects, wake_at=min(deadline, at + LOOK_EVERY), deadline_at=deadline
    )


def _present(call: StepCall, scope: Scope, source: str) -> tuple[Scope, set[str]]:
    """The scope with each resource that the expression mentions as it is now, and the subjects of their events."""
    catalogue = call.port(Catalogue)
    subjects = subjects_of(source, catalogue, (scope.context, *scope.outputs.values()))
    outputs, context = dict(scope.outputs), dict(scope.context)
    for noun in nouns(source):
        read = catalogue.reader(noun)
        if read is None:
            continue
        outputs = {name: _renewed(call, read, noun, output) for name, output in outputs.items()}
        context = _renewed(call, read, noun, context)
    return replace(scope, outputs=outputs, context=context), subjects


def _renewed(call: StepCall, read: Any, noun: str, holder: Any) -> Any:
    if isinstance(holder, Mapping) and isinstance(known := holder.get(noun), Mapping):
        return {**holder, noun: read(call, known)}
    return holder


def _complete(
    session: Session, step: StepRun, delivery: Delivery, output: Any, *, subjects: Collection[str] = ()
) -> Outcome:
    forget(session, step, subjects=subjects)
    step.output = output
    return end_step(session, step, delivery, to="completed")


def _over(session: Session, step: StepRun, delivery: Delivery, output: Any, *, what: str) -> Outcome:
    if step.step.on_timeout is OnTimeout.CONTINUE:
        return _complete(session, step, delivery, output)
    raise TimedOut(waits.in_vain(step.step, what))


def _deadline(step: StepRun, at: datetime) -> datetime | None:
    """The end of the step's time; fixed at its first look."""
    if step.deadline_at is not None or step.step.timeout_seconds is None:
        return step.deadline_at
    return at + timedelta(seconds=step.step.timeout_seconds)


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
