"""What a step finds when it looks, at once: time goes by in no time, and what comes is what the test gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pipelines.definition import OnFalse, OnTimeout, Step
from pipelines.errors import ExpressionError, StepFailed
from pipelines.expressions import Scope, holds
from pipelines.testing.records import OWNER, Given, Unanswered
from pipelines.waits import due, in_vain


def wait(step: Step, scope: Scope, given: Given) -> dict[str, Any]:
    """A wait's output. Raises StepFailed when its time is over, Unanswered when it never would be."""
    if step.event is not None:
        return _wait_for_event(step, step.event, scope, given)
    at = given.clock()
    until = due(step, scope, now=at)
    is_over = step.timeout_seconds is not None and at + timedelta(seconds=step.timeout_seconds) < until
    if is_over and step.on_timeout is OnTimeout.FAIL:
        raise _in_vain(step, until.isoformat())
    return {"timed_out": is_over, "until": until.isoformat()}


def approval(step: Step, given: Given) -> dict[str, Any]:
    """An approval's output. Raises StepFailed when it is rejected or its time is over, Unanswered when nobody answers."""
    answer = given.approvals.get(step.name)
    by, comment = (None, "nobody answered in time") if answer is None else ("test", None)
    if answer is None:
        if step.timeout_seconds is None:
            message = f"step {step.name}: the test's approvals do not answer it"
            raise Unanswered(message)
        if step.on_timeout is OnTimeout.FAIL:
            raise StepFailed("nobody answered in time", permanent=True)
        answer = step.on_timeout is OnTimeout.APPROVE
    if not answer:
        raise StepFailed(f"rejected by {by}" if by else f"rejected: {comment}", permanent=True)
    return {"approved": True, "by": by, "comment": comment, "at": given.clock().isoformat()}


def condition(step: Step, scope: Scope) -> bool:
    """A condition's output. Raises StepFailed when it has to be true: what is not true now never will be."""
    if holds(step.condition or "", scope):
        return True
    if step.is_parking:
        message = f"the condition did not become true in time: {step.condition}"
        raise StepFailed(message, permanent=True)
    if step.on_false is OnFalse.FAIL:
        message = f"the condition is false: {step.condition}"
        raise StepFailed(message, permanent=True)
    return False


def letters(events: Mapping[str, Sequence[Mapping[str, Any]]], given: Given) -> dict[str, list[dict[str, Any]]]:
    """The events as their documents: each is a payload, or the parts of a document with its `data`."""
    documents: dict[str, list[dict[str, Any]]] = {}
    for name, told in events.items():
        for number, payload in enumerate(told, start=1):
            parts = payload if isinstance(payload.get("data"), Mapping) else {"data": payload}
            documents.setdefault(_type(name), []).append(
                {
                    "specversion": "1.0",
                    "id": f"{name}-{number}",
                    "source": "test",
                    "type": _type(name),
                    "subject": None,
                    "time": given.clock().isoformat(),
                    "tenantid": str(OWNER),
                    **parts,
                }
            )
    return documents


def _wait_for_event(step: Step, name: str, scope: Scope, given: Given) -> dict[str, Any]:
    waiting = given.events.get(_type(name), [])
    for event in waiting:
        if _fits(step, scope, event):
            waiting.remove(event)
            return {"timed_out": False, "event": event}
    if step.timeout_seconds is None and step.until is None:
        message = f"step {step.name} waits for {name}, which the test's events do not hold"
        raise Unanswered(message)
    if step.on_timeout is OnTimeout.FAIL:
        raise _in_vain(step, name)
    return {"timed_out": True, "event": None}


def _fits(step: Step, scope: Scope, event: Mapping[str, Any]) -> bool:
    """One that the expression cannot be asked about is not the one that is waited for."""
    try:
        return step.match is None or holds(step.match, replace(scope, event=event))
    except ExpressionError:
        return False


def _type(name: str) -> str:
    """`crm.lead.qualified` is `lead.qualified`."""
    return name.removeprefix("crm.").removeprefix("billing.")


def _in_vain(step: Step, what: str) -> StepFailed:
    return StepFailed(in_vain(step, what), permanent=True)
