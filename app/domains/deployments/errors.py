"""What can be wrong about templates and deployments.

Invalid
└── NoTemplate          none of the rules of choice found a template
NotFound
├── TemplateNotFound    there is no such template
└── DeploymentNotFound  there is no such deployment
Conflict
├── TemplateNameTaken   another template has that name
└── DeploymentGone      the deployment was removed while it was being built
"""

from __future__ import annotations

from app.core.errors import Conflict, Invalid, NotFound

__all__ = ["DeploymentGone", "DeploymentNotFound", "NoTemplate", "TemplateNameTaken", "TemplateNotFound"]


class NoTemplate(Invalid):
    """None of the rules of choice found a template."""

    code = "no-deployment-template"


class TemplateNotFound(NotFound):
    """There is no such template."""

    code = "deployment-template-not-found"


class DeploymentNotFound(NotFound):
    """There is no such deployment."""

    code = "deployment-not-found"


class TemplateNameTaken(Conflict):
    """Another template has that name."""

    code = "deployment-template-name-taken"


class DeploymentGone(Conflict):
    """The deployment was removed while it was being built."""

    code = "deployment-gone"
