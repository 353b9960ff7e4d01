"""The engine's own tasks, and those that deliver what a step's transaction has queued."""

from __future__ import annotations

from uuid import UUID

from celery import Celery

from app.domains.communications import service as communications
from app.domains.notifications import service as notifications
from app.domains.workflows import service as workflows
from app.jobs import JOBS
from tasks.probes import PROBE_TASK, received
from tasks.process import Process

JOB_TASK = "engine.job"


def register(app: Celery, process: Process) -> None:
    """Register these tasks by the names under which the rooms send them."""

    @app.task(name=workflows.SETTLE_TASK)
    def settle(owner_id: str, execution_id: int) -> None:
        workflows.settle(process.world.database, owner_id=UUID(owner_id), execution_id=execution_id)

    @app.task(name=workflows.EXPIRE_TASK)
    def expire(owner_id: str, execution_id: int) -> None:
        workflows.expire(process.world.database, owner_id=UUID(owner_id), execution_id=execution_id)

    @app.task(name=workflows.STOP_CHILDREN_TASK)
    def stop_children(owner_id: str, execution_id: int) -> None:
        workflows.stop_children(process.world.database, owner_id=UUID(owner_id), execution_id=execution_id)

    @app.task(name=workflows.ADMIT_TASK)
    def admit(owner_id: str, key: str) -> None:
        workflows.admit(process.world.database, owner_id=UUID(owner_id), key=key)

    @app.task(name=PROBE_TASK)
    def probe(queue: str, at: float) -> None:
        received(process.world.redis, queue, at)

    @app.task(name="communications.deliver_message")
    def deliver_message(owner_id: str, message_id: str) -> None:
        communications.deliver(process.world, owner_id=UUID(owner_id), message_id=UUID(message_id))

    @app.task(name="notifications.deliver_notification")
    def deliver_notification(owner_id: str, notification_id: str) -> None:
        notifications.deliver(process.world, owner_id=UUID(owner_id), notification_id=UUID(notification_id))

    @app.task(name=JOB_TASK)
    def job(name: str) -> str:
        return JOBS[name].run(process.world)
