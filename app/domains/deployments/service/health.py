"""The health of what was deployed: asked once on demand, and of all active deployments by beat."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.port import Provisioners
from app.core.clock import now
from app.core.world import World
from app.domains.deployments import queries
from app.domains.deployments.rules import State
from app.domains.deployments.service.instances import HEALTHY, UNHEALTHY

CHECK_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Probe:
    """One health check: whether an answer came, and how long that took in seconds."""

    answered: bool
    seconds: float


def probe(provisioners: Provisioners, *, deployment_type: str, endpoint: str) -> Probe:
    """Ask an address for its health now. An outside call: to be made without an open transaction."""
    begun = time.monotonic()
    answered = provisioners.get(deployment_type).healthy(endpoint)
    return Probe(answered, time.monotonic() - begun)


def check_health(world: World, *, limit: int = 50) -> int:
    """Ask active deployments, longest unasked first, and note what they answer; returns how many were asked.

    Two at once ask some of them twice, which does no harm. One that cannot be asked never stops the others.
    """
    with world.across.transaction() as session:
        due = [
            (instance.id, instance.deployment_type, instance.endpoint or "")
            for instance in queries.unchecked_since(session, since=now(session) - CHECK_EVERY, limit=limit)
        ]
    provisioners = world.ports.get(Provisioners)
    for instance_id, deployment_type, endpoint in due:
        try:
            healthy = probe(provisioners, deployment_type=deployment_type, endpoint=endpoint).answered
        except ProvisioningFailed:
            healthy = False
        with world.across.transaction() as session:
            instance = queries.instance(session, instance_id, locked=True)
            if instance is not None and instance.state == State.ACTIVE:
                instance.health_status = HEALTHY if healthy else UNHEALTHY
                instance.last_health_check = now(session)
    return len(due)
