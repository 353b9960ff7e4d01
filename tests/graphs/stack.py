"""The engine on real workers where nothing goes wrong, and where nothing but a step's commit sends what follows it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.tenants import service as tenants
from app.domains.workflows import service
from app.embedded import redis
from app.factory import build_world
from app.seeds import seed
from tests.graphs.observe import Observer
from tests.servers import prepared, worker_processes

NEVER = 3600.0
"""Seconds after which the sweeper sends again: what a commit does not send stays where it is, and is seen."""


@dataclass(frozen=True)
class Stack:
    """A wired world whose database real workers work on, and who looks at it from outside."""

    world: World
    observer: Observer
    owner: UUID

    def start(self, steps: Sequence[dict[str, Any]], **more: Any) -> int:
        """Begin an execution of these steps; its number."""
        name = f"graph_{secrets.token_hex(6)}"
        with self.world.database.transaction(self.owner) as session:
            service.create_workflow(session, document={"name": name, "version": "1.0.0", "steps": list(steps), **more})
            return service.start(session, workflow=name, context={}, trigger_type="manual")


@contextmanager
def stack(name: str, *, workers: int = 2) -> Iterator[Stack]:
    """A database of that name on the shared PostgreSQL, a broker of its own, and workers, until the block ends."""
    settings = prepared(name, 0)
    broker = redis.start(settings.var_dir / "redis", durable=False)
    settings = replace(settings, redis_url=broker.url, resend_after=NEVER, lease_seconds=30.0, sweep_interval=1.0)
    world = build_world(settings)
    try:
        seed(world)
        observer = Observer(settings)
        with worker_processes(settings, workers=workers):
            yield Stack(world, observer, _owner(world))
        observer.close()
    finally:
        world.close()
        broker.stop()


def _owner(world: World) -> UUID:
    with world.database.transaction(OPERATOR_ID) as session:
        slug = f"t{new_id().hex[-12:]}"
        return tenants.create_tenant(session, name=slug, slug=slug).id
