"""What can be wrong about sequences and activations.

Invalid
├── SequenceInvalid           a sequence that could not run; each fault by its place
└── NoActivationWorkflow      no activation workflow fits
NotFound
├── ActivationNotFound        there is no such activation
└── WorkflowNotFound          there is no such activation workflow
Conflict
└── WorkflowNameTaken         another activation workflow has that name
StepFailed
└── FirstCheckFailed          the tenant's address did not answer the first check (transient)
"""

from __future__ import annotations

from app.core.errors import Conflict, Invalid, NotFound
from pipelines.errors import StepFailed

__all__ = [
    "ActivationNotFound",
    "FirstCheckFailed",
    "NoActivationWorkflow",
    "SequenceInvalid",
    "WorkflowNameTaken",
    "WorkflowNotFound",
]


class SequenceInvalid(Invalid):
    """A sequence that could not run."""

    code = "activation-sequence-invalid"


class NoActivationWorkflow(Invalid):
    """No activation workflow fits."""

    code = "no-activation-workflow"


class ActivationNotFound(NotFound):
    """There is no such activation."""

    code = "activation-not-found"


class WorkflowNotFound(NotFound):
    """There is no such activation workflow."""

    code = "activation-workflow-not-found"


class WorkflowNameTaken(Conflict):
    """Another activation workflow has that name."""

    code = "activation-workflow-name-taken"


class FirstCheckFailed(StepFailed):
    """The tenant's address did not answer the first check; later it may."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"{endpoint} did not answer the first check.", permanent=False)
