"""What a tenant is on Kubernetes, as plain data: a namespace, and the objects in it. Pure functions.

The namespace says whose it is: by its labels that Turnup manages it and for which tenant, by an annotation for which
host. Two installations in one cluster may have tenants of one slug; their base domains tell them apart.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.adapters.provisioners import health
from app.adapters.provisioners.port import DeploymentSpec
from app.adapters.provisioners.references import fitting
from app.adapters.provisioners.workloads import Workload

Manifest = dict[str, Any]

MANAGER = "turnup"
MANAGED_BY = "app.kubernetes.io/managed-by"
TENANT = "turnup/tenant-id"
HOST = "turnup/host"
NAME = "tenant"
"""What everything in the namespace is called."""
PORT = "http"
USER = 10001
MIB_PER_GB = 1024
START_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides the manifests. `tls`: the host is served over HTTPS; `issuer`: cert-manager's, if it issues."""

    spec: DeploymentSpec
    workload: Workload
    host: str
    ingress_class: str = ""
    tls: bool = False
    issuer: str = ""


def namespace_name(reference: str) -> str:
    return fitting(NAME, reference)


def namespace(plan: Plan) -> Manifest:
    """The namespace; its pods are held to the standard `restricted`, which the deployment meets."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace_name(plan.spec.reference),
            "labels": {**_labels(plan), "pod-security.kubernetes.io/enforce": "restricted"},
            "annotations": {HOST: plan.host},
        },
    }


def belongs(found: Manifest, *, host: str, tenant_id: str | None = None) -> bool:
    """Whether a namespace is Turnup's for that host, and for that tenant if one is named."""
    labels = found["metadata"].get("labels") or {}
    annotations = found["metadata"].get("annotations") or {}
    return (
        labels.get(MANAGED_BY) == MANAGER and annotations.get(HOST) == host and tenant_id in {None, labels.get(TENANT)}
    )


def contents(plan: Plan) -> tuple[Manifest, ...]:
    """What is in the namespace, in an order in which each finds what it refers to."""
    claims = (claim(plan, plan.spec.storage_gb),) if plan.spec.storage_gb else ()
    return (secret(plan), *claims, deployment(plan), service(plan), ingress(plan))


def secret(plan: Plan) -> Manifest:
    """The container's environment: configurations hold passwords, so all of it is kept as one secret.

    As `data`: `stringData` is only written, so server-side apply would not see what was taken away.
    """
    data = {name: b64encode(value.encode()).decode() for name, value in plan.workload.variables.items()}
    return {**_head("v1", "Secret", plan), "type": "Opaque", "data": data}


def claim(plan: Plan, storage_gb: Decimal) -> Manifest:
    """Storage of the cluster's default class."""
    return {
        **_head("v1", "PersistentVolumeClaim", plan),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": _mebibytes(storage_gb)}},
        },
    }


def deployment(plan: Plan) -> Manifest:
    """One pod, replaced rather than doubled: its storage is mounted once."""
    return {
        **_head("apps/v1", "Deployment", plan),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _selector(plan)},
            "template": {
                "metadata": {"labels": _labels(plan), "annotations": {"turnup/environment": _digest(plan)}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": USER,
                        "runAsGroup": USER,
                        "fsGroup": USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container(plan)],
                    "volumes": _volumes(plan),
                },
            },
        },
    }


def service(plan: Plan) -> Manifest:
    return {
        **_head("v1", "Service", plan),
        "spec": {
            "type": "ClusterIP",
            "selector": _selector(plan),
            "ports": [{"name": PORT, "port": 80, "protocol": "TCP", "targetPort": PORT}],
        },
    }


def ingress(plan: Plan) -> Manifest:
    """The tenant's hosts. With TLS but no issuer the ingress controller's own certificate serves them."""
    hosts = [plan.host, *([plan.spec.domain] if plan.spec.domain else [])]
    backend = {"service": {"name": NAME, "port": {"name": PORT}}}
    manifest = _head("networking.k8s.io/v1", "Ingress", plan)
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    specification: Manifest = {"rules": [{"host": host, "http": {"paths": paths}} for host in hosts]}
    if plan.ingress_class:
        specification["ingressClassName"] = plan.ingress_class
    if plan.tls:
        specification["tls"] = _certificates(plan, hosts)
    if plan.tls and plan.issuer:
        manifest["metadata"]["annotations"] = {"cert-manager.io/cluster-issuer": plan.issuer}
    return {**manifest, "spec": specification}


def _certificates(plan: Plan, hosts: list[str]) -> list[Manifest]:
    """One each where they are issued: a domain that does not lead here yet must not keep the other from its own."""
    if not plan.issuer:
        return [{"hosts": hosts}]
    names = (f"{NAME}-tls", f"{NAME}-domain-tls")
    return [{"hosts": [host], "secretName": name} for host, name in zip(hosts, names, strict=False)]


def _container(plan: Plan) -> Manifest:
    probe = {"httpGet": {"path": health.PATH, "port": PORT}}
    return {
        "name": NAME,
        "image": plan.workload.image,
        "ports": [{"name": PORT, "containerPort": plan.workload.port, "protocol": "TCP"}],
        "envFrom": [{"secretRef": {"name": NAME}}],
        "resources": _resources(plan.spec),
        # a minute to start, or as long as its template gives it
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": _start_seconds(plan.spec)},
        # from then on five seconds until traffic stops, half a minute until a restart
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 1},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - a path in the container
            *([{"name": "data", "mountPath": plan.workload.data_path}] if plan.spec.storage_gb else []),
        ],
    }


def _start_seconds(spec: DeploymentSpec) -> int:
    return max(START_SECONDS, int(spec.seconds or 0))


def _volumes(plan: Plan) -> list[Manifest]:
    data = {"name": "data", "persistentVolumeClaim": {"claimName": NAME}}
    return [{"name": "scratch", "emptyDir": {}}, *([data] if plan.spec.storage_gb else [])]


def _resources(spec: DeploymentSpec) -> Manifest:
    """What is asked for is also the most: a tenant gets what it pays for, whatever its neighbours do."""
    amounts = {}
    if spec.cpu:
        amounts["cpu"] = f"{int(spec.cpu * 1000)}m"
    if spec.memory_gb:
        amounts["memory"] = _mebibytes(spec.memory_gb)
    return {"requests": amounts, "limits": amounts} if amounts else {}


def _mebibytes(gigabytes: Decimal) -> str:
    return f"{int(gigabytes * MIB_PER_GB)}Mi"


def _head(api_version: str, kind: str, plan: Plan) -> Manifest:
    metadata = {"name": NAME, "namespace": namespace_name(plan.spec.reference), "labels": _labels(plan)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _selector(plan: Plan) -> dict[str, str]:
    """The labels that never change: a deployment's selector cannot."""
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": plan.spec.reference}


def _labels(plan: Plan) -> dict[str, str]:
    return {**_selector(plan), MANAGED_BY: MANAGER, TENANT: plan.spec.tenant_id}


def _digest(plan: Plan) -> str:
    """Of the environment: pods read it when they start, so a changed one has to change the pods."""
    return hashlib.sha256(json.dumps(dict(plan.workload.variables), sort_keys=True).encode()).hexdigest()
