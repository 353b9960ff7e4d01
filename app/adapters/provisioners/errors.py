"""What goes wrong while something is provisioned."""

from __future__ import annotations

from pipelines.errors import StepFailed


class ProvisioningFailed(StepFailed):
    """A deployment could not be built, checked or removed. `permanent`: another attempt cannot help."""
