"""Jobs as AWX tells of them, and the variables that they are launched with. Pure functions.

The playbooks get `turnup_action` (deploy or destroy), `turnup_reference`, `turnup_host` and, to deploy, the rest of the
specification. By the host a job is known again: filters on extra variables are refused by AWX, as they may hold secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.adapters.provisioners.port import DeploymentSpec

Job = Mapping[str, Any]

DEPLOY, DESTROY = "deploy", "destroy"
ACTIVE = frozenset({"new", "pending", "waiting", "running"})
SUCCESSFUL = "successful"
CANCELED = "canceled"
ENDPOINT = "endpoint"
"""The artifact (`set_stats`) by which a playbook tells the address; without it, it is `{slug}.BASE_DOMAIN`."""


@dataclass(frozen=True, slots=True)
class Past:
    """A job for a host: what it was to do, for which tenant, and how it stands."""

    id: int
    action: str
    tenant_id: str | None
    status: str

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def was_given_up(self) -> bool:
        """A deployment that was canceled, as one of two at once is: what was before it counts."""
        return self.action == DEPLOY and self.status == CANCELED


def to_deploy(spec: DeploymentSpec, host: str) -> dict[str, Any]:
    """The variables of a job that deploys; amounts as numbers."""
    amounts = {"cpu": spec.cpu, "memory_gb": spec.memory_gb, "storage_gb": spec.storage_gb}
    return {
        **_about(DEPLOY, spec.reference, host),
        "turnup_tenant_id": spec.tenant_id,
        "turnup_tenant_name": spec.tenant_name,
        "turnup_region": spec.region,
        "turnup_environment": spec.environment,
        "turnup_config": dict(spec.config),
        **{f"turnup_{name}": float(amount) for name, amount in amounts.items() if amount is not None},
        **({"turnup_domain": spec.domain} if spec.domain else {}),
        **({"turnup_branding": dict(spec.branding)} if spec.branding else {}),
        **({"turnup_license_key": spec.license_key} if spec.license_key else {}),
    }


def to_destroy(reference: str, host: str) -> dict[str, Any]:
    """The variables of a job that removes."""
    return _about(DESTROY, reference, host)


def past(job: Job, host: str) -> Past | None:
    """What a job was for; None when it was for another host, or not launched by Turnup."""
    try:
        variables = json.loads(job.get("extra_vars") or "{}")
    except ValueError:  # YAML, which AWX takes too and Turnup does not send
        return None
    if not isinstance(variables, dict) or variables.get("turnup_host") != host:
        return None
    return Past(job["id"], str(variables.get("turnup_action")), variables.get("turnup_tenant_id"), job["status"])


def of_host(jobs: Iterable[Job], host: str) -> list[Past]:
    """What these jobs were for, as far as they were for that host."""
    return [found for job in jobs if (found := past(job, host)) is not None]


def serves(found: Past, spec: DeploymentSpec) -> bool:
    """Whether that job has deployed this or is about to."""
    is_so = found.action == DEPLOY and found.tenant_id == spec.tenant_id
    return is_so and (found.is_active or found.status == SUCCESSFUL)


def endpoint(job: Job) -> str | None:
    """The address that the playbook told; None when it told none that is one."""
    told = (job.get("artifacts") or {}).get(ENDPOINT)
    if not isinstance(told, str):
        return None
    try:
        parts = urlsplit(told)
    except ValueError:
        return None
    return told if parts.scheme in {"http", "https"} and parts.hostname else None


def may_pass(job: Job) -> bool:
    """Whether a job that failed may succeed another time: AWX itself failed, or a machine was not reached.

    A playbook that failed by itself has done its own repeats; one that somebody canceled was not to go on.
    """
    return job["status"] == "error" or bool((job.get("host_status_counts") or {}).get("dark"))


def _about(action: str, reference: str, host: str) -> dict[str, Any]:
    return {"turnup_action": action, "turnup_reference": reference, "turnup_host": host}
