"""Deployment type `none`: the service needs nothing to be deployed, so nothing is."""

from __future__ import annotations

from app.adapters.provisioners.port import Deployed, DeploymentSpec


class NoProvisioner:
    """Deploys nothing; there is no address to reach."""

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        return Deployed(endpoint=None, external_reference=spec.reference)

    def destroy(self, reference: str) -> None:
        """There is nothing to remove."""

    def healthy(self, endpoint: str) -> bool:  # noqa: ARG002 - the port's signature
        """Nothing answers where nothing was deployed."""
        return False
