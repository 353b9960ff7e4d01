"""What starts a workflow by itself and how many run at once: checking `triggers` and `concurrency`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from pipelines.expressions import cel_paths
from pipelines.faults import (
    Place,
    an_object,
    boolean,
    check_keys,
    check_one_of,
    check_only_with,
    filled_text,
    whole,
)
from pipelines.inputs import check_context, check_reserved, check_template_values, defaults_of
from pipelines.kinds import check_templates, expression
from pipelines.reading import Inputs, located
from pipelines.references import RESERVED_ROOTS, Path, path_text

EVENT_TYPE = re.compile(r"(?!(?:crm|billing)\.\w+$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}")
"""What an event's type looks like: two or three words."""
_FIELDS = 5
_LONGEST_SCHEDULE = 200
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def check_triggers(place: Place, triggers: Sequence[Any], inputs: Inputs) -> None:
    """Check each trigger, and that what it gives is what the workflow takes."""
    for index, trigger in enumerate(triggers):
        if (place / index).check(trigger, an_object):
            _check_trigger(place / index, trigger, inputs)


def has_event_trigger(triggers: Any) -> bool:
    """Whether there may be an event for the steps to read."""
    return isinstance(triggers, list) and any(isinstance(one, Mapping) and "event" in one for one in triggers)


def check_concurrency(place: Place, concurrency: Mapping[str, Any], inputs: Inputs) -> None:
    """Check a limit; its key is made before anything runs, so of the context and the tenant alone."""
    keys = {"key": filled_text, "limit": whole(least=1, most=10_000), "count_parked": boolean}
    right = check_keys(place, concurrency, keys, required=("key",))
    if "key" not in right:
        return
    check_templates(place / "key", concurrency["key"])
    for at, path in located(place / "key", "key", concurrency["key"]):
        if path[0] in RESERVED_ROOTS - {"context", "tenant"}:
            at.fault(f"{path_text(path)}: only the context and the tenant are known before a workflow starts")
        elif message := inputs.fault(path, bare=True):
            at.fault(f"{path_text(path)}: {message}")
        elif inputs.is_doubtful(path):
            at.warn(f"{path_text(path)}: {path[0]} is not declared in input")


def _check_trigger(place: Place, trigger: Mapping[str, Any], inputs: Inputs) -> None:
    keys = {"event": _event, "when": expression, "context": an_object, "schedule": _schedule, "timezone": _timezone}
    right = check_keys(place, trigger, keys)
    kind = check_one_of(place, trigger, ("event", "schedule"))
    check_only_with(place, trigger, "when", "event")
    check_only_with(place, trigger, "timezone", "schedule")
    if "when" in right and kind == "event":
        for path in sorted(cel_paths(trigger["when"]), key=str):
            _check_path(place / "when", path, kind)
    if "context" not in right and "context" in trigger:
        return
    context = trigger.get("context", {})
    before = len(place.findings.faults)
    check_templates(place / "context", context)
    for at, path in located(place / "context", "context", context):
        _check_path(at, path, kind)
    if kind is not None and len(place.findings.faults) == before:
        _check_given(place / "context", context, inputs.schema, kind)


def _check_path(place: Place, path: Path, kind: str | None) -> None:
    if kind == "schedule":
        place.fault(f"{path_text(path)}: a schedule has nothing to refer to")
    elif kind == "event" and path[0] != "event":
        place.fault(f"{path_text(path)}: only the event is there to refer to, as event.data...")


def _check_given(place: Place, context: Mapping[str, Any], schema: Mapping[str, Any] | None, kind: str) -> None:
    """Whether the workflow could be started so; what an event holds is known only when it comes."""
    if schema is None:
        return
    missing = [name for name in schema.get("required", ()) if name not in {**defaults_of(schema), **context}]
    for name in missing:
        place.fault(f"the input {name} is required, and not given")
    if kind == "schedule" and not missing:
        check_context(place, context, schema)
        return
    check_reserved(place, context)
    if schema.get("additionalProperties") is False:
        for name in sorted(context.keys() - schema.get("properties", {}).keys() - RESERVED_ROOTS):
            (place / name).fault("the input does not declare it")
    check_template_values(place, context, schema)


def _event(value: Any) -> str | None:
    """An event's type; a leading `crm.` or `billing.` names the same type."""
    fine = isinstance(value, str) and EVENT_TYPE.fullmatch(value)
    return None if fine else "has to be the type of an event such as quote.accepted"


def _schedule(value: Any) -> str | None:
    """A cron expression of five fields that matches some day."""
    if not isinstance(value, str) or len(value.split()) != _FIELDS or len(value) > _LONGEST_SCHEDULE:
        return "has to be a cron expression of five fields, such as 0 6 * * 1"
    try:
        next(CronSim(value, _ANY_DAY))
    except CronSimError as error:
        return f"not a cron expression: {str(error).lower()}"
    except StopIteration:
        return "never comes"
    return None


def _timezone(value: Any) -> str | None:
    try:
        fine = isinstance(value, str) and ZoneInfo(value) is not None
    except (KeyError, ValueError, OSError):
        fine = False
    return None if fine else "has to be a time zone such as Europe/Berlin"
