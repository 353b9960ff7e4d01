"""The port: what is to be deployed, what came of it, and the provisioners by deployment type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from app.adapters.provisioners.errors import ProvisioningFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSpec:
    """A deployment wanted. `reference` is our name for it (the tenant's slug): unique, and known before it is built.

    `domain`: a host name under which it answers besides its own. `branding`: what it looks like, by name (`company_name`,
    `logo_url`, ...). `license_key`: of the license it runs under. `seconds`: how long it may take until it answers; None: as
    long as the provisioner allows.
    """

    reference: str
    tenant_id: str
    tenant_name: str
    region: str | None = None
    environment: str = "production"
    cpu: Decimal | None = None
    memory_gb: Decimal | None = None
    storage_gb: Decimal | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    domain: str | None = None
    branding: Mapping[str, str] = field(default_factory=dict)
    license_key: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment that stands. `endpoint` is its public address, None when there is nothing to reach."""

    endpoint: str | None
    external_reference: str


class Provisioner(Protocol):
    """Builds and removes deployments of one type. Every call is bounded in time and may be repeated."""

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        """Build it, or find it built, and return once it answers its health check. Raises ProvisioningFailed."""

    def destroy(self, reference: str) -> None:
        """Remove all of it, half-built things included; nothing happens when it is gone. Raises ProvisioningFailed."""

    def healthy(self, endpoint: str) -> bool:
        """Whether the deployment behind a public address answers its health check."""


class Provisioners:
    """The provisioners that are configured, by deployment type."""

    def __init__(self) -> None:
        self._by_type: dict[str, Provisioner] = {}

    def add(self, deployment_type: str, provisioner: Provisioner) -> None:
        if deployment_type in self._by_type:
            message = f"the provisioner of {deployment_type} is wired twice"
            raise ValueError(message)
        self._by_type[deployment_type] = provisioner

    def get(self, deployment_type: str) -> Provisioner:
        """The provisioner of a type. Raises ProvisioningFailed (permanent) when none is configured."""
        try:
            return self._by_type[deployment_type]
        except KeyError:
            message = f"No provisioner is configured for deployments of type {deployment_type}."
            raise ProvisioningFailed(message, permanent=True) from None

    def types(self) -> frozenset[str]:
        """The deployment types that can be provisioned here."""
        return frozenset(self._by_type)
