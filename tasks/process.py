"""What one worker process holds: the world, made after the fork and only when it is needed."""

from __future__ import annotations

from celery import Celery

from app.core import log
from app.core.settings import Settings
from app.core.world import World
from app.factory import build_world
from pipelines.broker import Narrator
from pipelines.canvas import CelerySender

POOL_SIZE = 3
"""Connections of a worker: the step's, its heartbeat's, and one for a step that opens a second transaction."""


class Process:
    """The settings of this process, its Celery object, and the world over them."""

    def __init__(self, settings: Settings, app: Celery) -> None:
        self.settings = settings
        self.app = app
        self._world: World | None = None
        self.sender = CelerySender(app, self.publish)
        self.narrator = Narrator(app)

    @property
    def world(self) -> World:
        if self._world is None:
            self._world = build_world(self.settings, sender=self.sender, pool_size=POOL_SIZE)
        return self._world

    def publish(self, channel: str) -> None:
        """Wake whoever listens on a channel."""
        self.world.redis.publish(channel, "")

    def after_fork(self, **_: object) -> None:
        """Forget what the parent had open: connections are not shared between processes."""
        self._world = None
        self.narrator = Narrator(self.app)
        log.configure(self.settings)
