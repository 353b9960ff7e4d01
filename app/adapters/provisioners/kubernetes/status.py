"""What Kubernetes says of its objects' state, read. Pure functions over the published fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.adapters.provisioners.workloads import is_refused

HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
STARTING = frozenset({"ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not run, in Kubernetes's words. `permanent`: waiting does not help."""

    reason: str
    message: str
    permanent: bool

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


def is_terminating(found: dict[str, Any]) -> bool:
    return found["metadata"].get("deletionTimestamp") is not None


def is_available(deployment: dict[str, Any]) -> bool:
    """Whether the newest wish was seen and all its pods, and no others, are available (as `kubectl rollout status`)."""
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    return seen and counts == {wanted} and _holds(status, "Available")


def trouble(pods: Iterable[dict[str, Any]]) -> Trouble | None:
    """The worst of what keeps pods from running: what is permanent before what may pass."""
    found = [each for pod in pods for each in _troubles(pod)]
    return next((each for each in found if each.permanent), found[0] if found else None)


def _troubles(pod: dict[str, Any]) -> Iterator[Trouble]:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield Trouble(condition.get("reason", "Unschedulable"), condition.get("message", ""), permanent=False)
    for container in status.get("containerStatuses") or ():
        waiting = container.get("state", {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason and reason not in STARTING:
            yield Trouble(reason, message, permanent=reason in HOPELESS or (reason in PULLING and is_refused(message)))


def _holds(status: dict[str, Any], condition: str) -> bool:
    return any(each["type"] == condition and each["status"] == "True" for each in status.get("conditions") or ())
