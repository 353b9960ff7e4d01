"""The verbs of the activation room. None commits."""

from app.domains.activation.rules.progress import Progress
from app.domains.activation.rules.sequence import step_name
from app.domains.activation.service.activations import (
    OrderedService,
    Terms,
    activations_of,
    assign_tenant,
    create_activations,
    missing_dependencies,
    progress,
    reopen_failed,
    steps_for,
)
from app.domains.activation.service.following import claimed, ended, retrying, skip_pending, undone
from app.domains.activation.service.seeding import seed
from app.domains.activation.service.sequences import (
    all_workflows,
    choose_workflow,
    create_workflow,
    get_workflow,
    update_workflow,
)
from app.domains.activation.service.setup import (
    Setup,
    activation_for,
    enable_automation,
    forget_automation,
    forget_monitoring,
    forget_radius,
    forget_reports,
    forget_subscribers,
    open_billing,
    set_up_monitoring,
    set_up_radius,
    set_up_reports,
    set_up_subscribers,
    stop_billing,
)

__all__ = [
    "OrderedService",
    "Progress",
    "Setup",
    "Terms",
    "activation_for",
    "activations_of",
    "all_workflows",
    "assign_tenant",
    "choose_workflow",
    "claimed",
    "create_activations",
    "create_workflow",
    "enable_automation",
    "ended",
    "forget_automation",
    "forget_monitoring",
    "forget_radius",
    "forget_reports",
    "forget_subscribers",
    "get_workflow",
    "missing_dependencies",
    "open_billing",
    "progress",
    "reopen_failed",
    "retrying",
    "seed",
    "set_up_monitoring",
    "set_up_radius",
    "set_up_reports",
    "set_up_subscribers",
    "skip_pending",
    "step_name",
    "steps_for",
    "stop_billing",
    "undone",
    "update_workflow",
]
