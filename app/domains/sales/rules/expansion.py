"""The pipeline `order_to_activation`: the stored definition with the ordered services' steps in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WORKFLOW = "order_to_activation"
CHECKOUT_WORKFLOW = "order_checkout"
"""By this the customer pays for an order."""

PLACEHOLDER = "activate_services"
"""The step of the stored definition that stands for the ordered services' steps."""


def expand(
    document: Mapping[str, Any],
    activations: Sequence[Mapping[str, Any]],
    *,
    max_duration_seconds: float | None = None,
    rollback_on_failure: bool | None = None,
) -> dict[str, Any]:
    """The stored definition with the ordered services' steps in the place of the placeholder.

    Activations that depend on nothing follow what the placeholder followed; what followed the placeholder follows the
    activations that nothing else waits for. The stored document stays as it is.
    """
    entry: list[str] = []
    steps: list[dict[str, Any]] = []
    names = [str(step["name"]) for step in activations]
    for step in _explicit(document["steps"]):
        if step["name"] != PLACEHOLDER:
            steps.append(step)
            continue
        entry = step["depends_on"]
        steps += [
            {**activation, "depends_on": list(activation.get("depends_on") or entry)} for activation in activations
        ]
    last = _last(activations, names) or entry
    for step in steps:
        if PLACEHOLDER in step["depends_on"]:
            step["depends_on"] = [n for n in step["depends_on"] if n != PLACEHOLDER] + last
    expanded = {**document, "steps": steps}
    if max_duration_seconds is not None:
        expanded["max_duration_seconds"] = max_duration_seconds
    if rollback_on_failure is not None:
        expanded["rollback_on_failure"] = rollback_on_failure
    return expanded


def _explicit(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each step with its depends_on written out: nothing said means after the step listed before."""
    found: list[dict[str, Any]] = []
    for step in steps:
        implied = [found[-1]["name"]] if found else []
        found.append({**step, "depends_on": list(step.get("depends_on", implied))})
    return found


def _last(activations: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    awaited = {needed for step in activations for needed in step.get("depends_on") or ()}
    return [name for name in names if name not in awaited]
