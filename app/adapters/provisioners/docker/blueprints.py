"""What a tenant is on a Docker host, as plain data of the Engine API. Pure functions.

Network, volume and container bear one name, and labels that say that Turnup manages them, for which tenant and host.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from app.adapters.provisioners import health
from app.adapters.provisioners.port import DeploymentSpec
from app.adapters.provisioners.references import fitting
from app.adapters.provisioners.workloads import Workload

MANAGED_BY = "turnup.managed-by"
MANAGER = "turnup"
TENANT = "turnup.tenant-id"
HOST = "turnup.host"
DIGEST = "turnup.blueprint"
NANO = 10**9
BYTES_PER_GB = 1024**3
NANOSECONDS = 10**9
MOST_PROCESSES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides the blueprints. `network`: where the reverse proxy finds containers; `tls`: it serves HTTPS."""

    spec: DeploymentSpec
    workload: Workload
    host: str
    network: str
    tls: bool = False


def name(reference: str) -> str:
    return fitting("tenant", reference)


def labels(plan: Plan) -> dict[str, str]:
    return {MANAGED_BY: MANAGER, TENANT: plan.spec.tenant_id, HOST: plan.host}


def belongs(found: dict[str, str] | None, *, host: str, tenant_id: str | None = None) -> bool:
    """Whether these labels are Turnup's for that host, and for that tenant if one is named."""
    found = found or {}
    return found.get(MANAGED_BY) == MANAGER and found.get(HOST) == host and tenant_id in {None, found.get(TENANT)}


def container(plan: Plan) -> dict[str, Any]:
    """The body of `POST /containers/create`, with its digest as a label: another digest is another container."""
    blueprint = _blueprint(plan)
    digest = hashlib.sha256(json.dumps(blueprint, sort_keys=True).encode()).hexdigest()
    return {**blueprint, "Labels": {**blueprint["Labels"], DIGEST: digest}}


def _blueprint(plan: Plan) -> dict[str, Any]:
    own = name(plan.spec.reference)
    port = plan.workload.port
    check = f"http://127.0.0.1:{port}{health.PATH}"
    return {
        "Image": plan.workload.image,
        "Hostname": own,
        "Env": [f"{key}={value}" for key, value in sorted(plan.workload.variables.items())],
        "ExposedPorts": {f"{port}/tcp": {}},
        "Labels": {**labels(plan), **_routing(plan)},
        "Healthcheck": {
            # small images have one of the two
            "Test": ["CMD-SHELL", f"wget -q -O /dev/null {check} || curl -fsS -o /dev/null {check}"],
            "Interval": 5 * NANOSECONDS,
            "Timeout": 3 * NANOSECONDS,
            "Retries": 3,
            "StartPeriod": 60 * NANOSECONDS,
            "StartInterval": NANOSECONDS,
        },
        "HostConfig": {
            "NetworkMode": own,
            "RestartPolicy": {"Name": "unless-stopped"},
            "Mounts": [{"Type": "volume", "Source": own, "Target": plan.workload.data_path}],
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": ""},  # noqa: S108 - a path in the container
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "PidsLimit": MOST_PROCESSES,
            "Init": True,
            **({"NanoCpus": int(plan.spec.cpu * NANO)} if plan.spec.cpu else {}),
            **({"Memory": int(plan.spec.memory_gb * BYTES_PER_GB)} if plan.spec.memory_gb else {}),
        },
    }


def _routing(plan: Plan) -> dict[str, str]:
    """How Traefik learns which host names come here."""
    own = name(plan.spec.reference)
    hosts = [plan.host, *([plan.spec.domain] if plan.spec.domain else [])]
    return {
        "traefik.enable": "true",
        "traefik.docker.network": plan.network,
        f"traefik.http.routers.{own}.rule": " || ".join(f"Host(`{host}`)" for host in hosts),
        f"traefik.http.services.{own}.loadbalancer.server.port": str(plan.workload.port),
        **({f"traefik.http.routers.{own}.tls": "true"} if plan.tls else {}),
    }
