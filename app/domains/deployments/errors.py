"""What can be wrong about templates, deployments, and when they are to happen.

Invalid
├── NoTemplate                  none of the rules of choice found a template
├── BrandInvalid                a tenant cannot look like that; every fault at once
├── WindowInvalid               a maintenance window cannot be like that; every fault at once
└── TimeRefused                 nothing can begin at that time
NotFound
├── TemplateNotFound            there is no such template
├── DeploymentNotFound          there is no such deployment
├── WindowNotFound              there is no such maintenance window
└── ScheduleNotFound            there is no such scheduled deployment
Conflict
├── TemplateNameTaken           another template has that name
├── DeploymentGone              the deployment was removed while it was being built
├── DeploymentOfAnotherCustomer the same was asked for before, for another customer
├── CustomerOfAnotherPartner    the customer is not one of that partner
├── TooManyWindows              no more maintenance windows can be kept
├── AlreadyScheduled            the order waits for another time
└── ScheduleOver                it has begun, or was called off
"""

from __future__ import annotations

from app.core.errors import Conflict, Invalid, NotFound

__all__ = [
    "AlreadyScheduled",
    "BrandInvalid",
    "CustomerOfAnotherPartner",
    "DeploymentGone",
    "DeploymentNotFound",
    "DeploymentOfAnotherCustomer",
    "NoTemplate",
    "ScheduleNotFound",
    "ScheduleOver",
    "TemplateNameTaken",
    "TemplateNotFound",
    "TimeRefused",
    "TooManyWindows",
    "WindowInvalid",
    "WindowNotFound",
]


class NoTemplate(Invalid):
    """None of the rules of choice found a template."""

    code = "no-deployment-template"


class BrandInvalid(Invalid):
    """A tenant cannot look like that."""

    code = "brand-invalid"


class WindowInvalid(Invalid):
    """A maintenance window cannot be like that."""

    code = "maintenance-window-invalid"


class TimeRefused(Invalid):
    """Nothing can begin at that time."""

    code = "time-refused"


class TemplateNotFound(NotFound):
    """There is no such template."""

    code = "deployment-template-not-found"


class DeploymentNotFound(NotFound):
    """There is no such deployment."""

    code = "deployment-not-found"


class WindowNotFound(NotFound):
    """There is no such maintenance window."""

    code = "maintenance-window-not-found"


class ScheduleNotFound(NotFound):
    """There is no such scheduled deployment."""

    code = "scheduled-deployment-not-found"


class TemplateNameTaken(Conflict):
    """Another template has that name."""

    code = "deployment-template-name-taken"


class DeploymentGone(Conflict):
    """The deployment was removed while it was being built."""

    code = "deployment-gone"


class DeploymentOfAnotherCustomer(Conflict):
    """The same was asked for before, for another customer."""

    code = "deployment-of-another-customer"


class CustomerOfAnotherPartner(Conflict):
    """The customer is not one of that partner."""

    code = "customer-of-another-partner"


class TooManyWindows(Conflict):
    """No more maintenance windows can be kept."""

    code = "too-many-maintenance-windows"


class AlreadyScheduled(Conflict):
    """The order waits for another time."""

    code = "already-scheduled"


class ScheduleOver(Conflict):
    """It has begun, or was called off."""

    code = "schedule-over"
