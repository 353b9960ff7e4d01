"""Pure decisions about orders: states, faults, the expansion of the pipeline, progress and estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

BILLING_CYCLES = ("monthly", "annual", "one_time")
DEPLOYMENT_TYPES = ("local", "kubernetes", "awx", "docker", "none")
ITEM_TYPES = ("service", "addon", "one_time")
PAYMENT_STATUSES = ("pending", "paid", "failed", "refunded")
PAID = "paid"

WORKFLOW = "order_to_activation"
PLACEHOLDER = "activate_services"
"""The step of the stored definition that stands for the ordered services' steps."""


class Status(StrEnum):
    """States of an order."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    VALIDATING = "validating"
    APPROVED = "approved"
    PROVISIONING = "provisioning"
    ACTIVATING = "activating"
    ACTIVE = "active"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Source(StrEnum):
    """Where an order came from."""

    PUBLIC_API = "public_api"
    QUICK = "quick"
    CRM_QUOTE = "crm_quote"
    INTERNAL = "internal"
    TMF = "tmf"


SOURCE_NAMES = tuple(source.value for source in Source)

IN_PROCESS = (
    Status.SUBMITTED,
    Status.VALIDATING,
    Status.APPROVED,
    Status.PROVISIONING,
    Status.ACTIVATING,
)
"""An execution is to move the order on."""

ENDED = (Status.ACTIVE, Status.FAILED, Status.CANCELLED)

SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset(),
    Status.SUBMITTED: frozenset({Status.DRAFT, Status.FAILED}),
    Status.VALIDATING: frozenset({Status.SUBMITTED}),
    Status.APPROVED: frozenset({Status.VALIDATING}),
    Status.PROVISIONING: frozenset({Status.APPROVED}),
    Status.ACTIVATING: frozenset({Status.PROVISIONING}),
    Status.ACTIVE: frozenset({Status.ACTIVATING}),
    Status.FAILED: frozenset(IN_PROCESS),
    Status.CANCELLED: frozenset({Status.DRAFT, Status.FAILED, *IN_PROCESS}),
}
"""From which states each state may be reached; every other transition is refused."""

TIMESTAMPS: Mapping[Status, str] = {
    Status.SUBMITTED: "submitted_at",
    Status.APPROVED: "approved_at",
    Status.PROVISIONING: "provisioning_started_at",
    Status.ACTIVE: "activated_at",
    Status.FAILED: "failed_at",
    Status.CANCELLED: "cancelled_at",
}
"""The column that says when an order reached a state."""

EVENTS: Mapping[Status, str] = {
    Status.DRAFT: "order.created",
    Status.ACTIVE: "order.completed",
    **{status: f"order.{status}" for status in Status if status not in {Status.DRAFT, Status.ACTIVE}},
}

MESSAGES: Mapping[Status, str] = {
    Status.SUBMITTED: "We have received your order.",
    Status.VALIDATING: "We are checking your order.",
    Status.APPROVED: "Your order is approved.",
    Status.PROVISIONING: "We are setting up your environment.",
    Status.ACTIVATING: "We are activating your services.",
    Status.ACTIVE: "Your services are ready.",
    Status.FAILED: "Your order could not be completed.",
    Status.CANCELLED: "Your order has been cancelled.",
}
"""What a customer reads when nothing more particular is to be said."""

REMOVING_AFTER_FAILURE = "Your order could not be completed. What was already set up is being removed."
REMOVING_AFTER_CANCEL = "Your order is being cancelled. What was already set up is being removed."
RETRYING = "Your services are ready, except for some that we are activating again."
EXPIRED = "The order was not submitted in time and has expired."


def is_legal(before: str, after: Status) -> bool:
    """Whether an order goes from one state to the other."""
    return before in SOURCES[after]


# --- what a customer reads when a step failed -------------------------------------------------------------------------

FAILURES: Mapping[str, str] = {
    "create_tenant": "Your subdomain could not be set up.",
    "provision_deployment": "Your environment could not be set up. Nothing of it remains, and nothing will be charged.",
}


def failure_message(step: str | None, detail: str | None, service_name: str | None = None) -> str:
    """Why an order failed, in words that a customer may read.

    `detail` is shown for what the customer can mend (validation and the subdomain); other steps' errors are for operators.
    """
    if step in {"validate_order", "create_tenant"} and detail:
        return detail
    if service_name:
        return f"The service {service_name} could not be activated. Nothing of it remains, and nothing will be charged."
    return FAILURES.get(step or "", MESSAGES[Status.FAILED])


def warning_message(service_names: Sequence[str]) -> str:
    """What a customer reads when the order is active although some services are not."""
    return f"Your services are ready, except for {', '.join(service_names)}: we are working on it."


# --- what is ordered --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What an order is made of. `selected_services`: {service_code, quantity, name?, configuration?}, besides the package's."""

    source: Source
    customer_email: str
    customer_name: str
    organization_slug: str
    company_name: str | None = None
    customer_phone: str | None = None
    billing_address: Mapping[str, Any] = field(default_factory=dict)
    organization_name: str | None = None
    deployment_template_id: UUID | None = None
    deployment_region: str | None = None
    deployment_type: str | None = None
    package_code: str | None = None
    selected_services: Sequence[Mapping[str, Any]] = ()
    service_configuration: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    currency: str = "USD"
    promo_code: str | None = None
    billing_cycle: str = "monthly"
    contract_reference: str | None = None
    contract_start_date: date | None = None
    contract_end_date: date | None = None
    external_order_id: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    referrer: str | None = None
    notes: str | None = None
    auto_activate: bool | None = None


ALWAYS_EDITABLE = frozenset({"notes"})
"""What may be changed in every state; the rest of an order only while it is a draft."""

PRICED = frozenset({"selected_services", "package_code", "currency", "billing_cycle", "deployment_region"})
"""A change of these is a new price."""


def email_fault(address: str) -> str | None:
    """What is wrong with an e-mail address in form, as a sentence; None when nothing is. Asks no name server."""
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        return f"This is no e-mail address: {error}"
    return None


# --- the pipeline -----------------------------------------------------------------------------------------------------


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


# --- progress ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Work:
    """One step of an execution as far as an estimate needs it. `done_seconds`: how long it has been running, None if it has not begun."""

    name: str
    depends_on: tuple[str, ...]
    finished: bool
    running_seconds: float | None = None


def remaining_seconds(works: Sequence[Work], medians: Mapping[str, float]) -> float | None:
    """Seconds along the longest path of what is left; None when the past says nothing about a step that is left.

    `works` in topological order. A running step that takes longer than its median counts with nothing left.
    """
    ends: dict[str, float] = {}
    for work in works:
        begin = max((ends.get(name, 0.0) for name in work.depends_on), default=0.0)
        if work.finished:
            ends[work.name] = 0.0
        elif work.name not in medians:
            return None
        else:
            ends[work.name] = begin + max(medians[work.name] - (work.running_seconds or 0.0), 0.0)
    return max(ends.values(), default=0.0)


def percent_done(done: int, total: int) -> int:
    """Done of total in percent, rounded down."""
    return 100 * done // total if total else 0
