"""Workflows in one process: what is sent to the broker waits in memory until it is worked off here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from app.core.world import World
from app.domains.communications import service as communications
from app.domains.notifications import service as notifications
from app.domains.workflows import service as workflows
from app.domains.workflows.service import Delivery
from pipelines.plan import Chain, Segment

TASKS: Mapping[str, Callable[[World, UUID, str], object]] = {
    workflows.SETTLE_TASK: lambda world, owner, about: workflows.settle(
        world.database, owner_id=owner, execution_id=int(about)
    ),
    workflows.EXPIRE_TASK: lambda world, owner, about: workflows.expire(
        world.database, owner_id=owner, execution_id=int(about)
    ),
    workflows.STOP_CHILDREN_TASK: lambda world, owner, about: workflows.stop_children(
        world.database, owner_id=owner, execution_id=int(about)
    ),
    workflows.ADMIT_TASK: lambda world, owner, about: workflows.admit(world.database, owner_id=owner, key=about),
    "communications.deliver_message": lambda world, owner, about: communications.deliver(
        world, owner_id=owner, message_id=UUID(about)
    ),
    "notifications.deliver_notification": lambda world, owner, about: notifications.deliver(
        world, owner_id=owner, notification_id=UUID(about)
    ),
}


class Broker:
    """The port for sending; nothing leaves the process."""

    def __init__(self) -> None:
        self._steps: deque[Delivery] = deque()
        self._tasks: deque[tuple[str, UUID, str]] = deque()

    def send_steps(
        self,
        owner_id: UUID,
        execution_id: int,
        segments: Sequence[Segment],
        *,
        countdown: int | None = None,
        undo: bool = False,
    ) -> None:
        del countdown  # the clock stands still while work is done
        for segment in segments:
            chains = [segment] if isinstance(segment, Chain) else segment.chains
            self._steps.extend(self._delivery(owner_id, execution_id, chain.hops[0].number, undo) for chain in chains)

    def send_task(self, name: str, *args: str | int) -> None:
        owner_id, about = args
        self._tasks.append((name, UUID(str(owner_id)), str(about)))

    def is_reachable(self) -> bool:
        return True

    def wake(self, channel: str) -> None:
        """Nobody listens."""

    def work_off(self, world: World) -> int:
        """Do what there is to do, and what follows from it; returns how much that was."""
        done = 0
        while self._steps or self._tasks:
            done += 1
            if self._tasks:
                name, owner_id, about = self._tasks.popleft()
                TASKS[name](world, owner_id, about)
            else:
                self._run(world, self._steps.popleft())
        return done

    def _run(self, world: World, delivery: Delivery) -> None:
        outcome = workflows.run(world, delivery)
        if outcome.retry_in is None:
            owner_id, execution_id = delivery.owner_id, delivery.execution_id
            self._steps.extend(self._delivery(owner_id, execution_id, number, outcome.undo) for number in outcome.ready)

    @staticmethod
    def _delivery(owner_id: UUID, execution_id: int, number: int, undo: bool) -> Delivery:  # noqa: FBT001 - as it is sent
        return Delivery(owner_id, execution_id, number, undo=undo, worker="soak")
