"""When a wait for time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.definition import MAX_SECONDS, Step
from pipelines.errors import StepFailed
from pipelines.references import Scope, resolve


def due(step: Step, scope: Scope, *, now: datetime) -> datetime:
    """The moment until which a wait for `seconds` or `until` waits that begins now.

    Raises StepFailed (permanent) for what is no such time, ExpressionError for what cannot be resolved.
    """
    if step.until is not None:
        return timestamp(resolve(step.until, scope))
    seconds = resolve(step.seconds, scope)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_SECONDS:
        message = f"seconds has to be a number between 0 and {MAX_SECONDS}"
        raise StepFailed(message, permanent=True)
    return now + timedelta(seconds=seconds)


def in_vain(step: Step, what: str) -> str:
    """What is said of a step whose time is over before what it waited for came."""
    time = "until its time was over" if step.timeout_seconds is None else f"{step.timeout_seconds:g} seconds"
    return f"waited {time} in vain for {what}"


def timestamp(value: Any) -> datetime:
    """A moment from its text (RFC 3339; UTC where it names no zone). Raises StepFailed (permanent)."""
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # as it is stored: past the last year it cannot be read again
    except (OverflowError, TypeError, ValueError):
        message = "until has to be a timestamp such as 2030-01-31T12:00:00Z"
        raise StepFailed(message, permanent=True) from None
    return moment
