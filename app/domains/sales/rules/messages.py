"""What a customer reads of an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domains.sales.rules.states import Status

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
