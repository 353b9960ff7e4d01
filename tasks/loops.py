"""What watches without the broker: sweeper, timer, and who takes events from the outbox to the bus and to those who wait.

Threads of beat's process. Any number of such processes may run: the sweeper takes executions by SKIP LOCKED, the timer is
elected, the relay works under a transaction's advisory lock, each event is handed on once. A pass that fails is logged and
the next one comes.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable

from sqlalchemy import text

from app.adapters.bus.port import Bus
from app.core.election import is_elected
from app.core.events import CHANNELS, publish_batch
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.waker import hear
from app.domains.workflows import service as workflows
from pipelines.canvas import celery_app, configure
from tasks.probes import Probes
from tasks.process import Process

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
COMPANY_SECONDS = 0.2
"""How long events wait for others behind one that was just published, or handed on."""

TIMER_SECONDS = 0.25
"""Between two ticks of the timer: what is due is woken well within a second."""

BULK_SECONDS = 0.5
"""Between two passes over the bulk operations."""

TIMER = "timer"
TIMER_LEASE_SECONDS = 10.0


class Loops:
    """The threads of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stopped = threading.Event()
        self._holder = new_id()
        self._probes: Probes | None = None

    def start(self) -> None:
        """Run all loops until the process ends."""
        for loop in (self.sweep, self.time, self.relay, self.hand_on, self.bulk):
            threading.Thread(target=self._guarded, args=(loop,), name=loop.__name__, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def sweep(self) -> None:
        """One pass of the sweeper, then its interval's rest."""
        world = self._process.world
        if self._probes is None:
            self._probes = Probes(self._process.sender, world.redis, world.operations.queues())
        with world.across.transaction() as session:
            at = session.execute(text("SELECT now()")).scalar_one()
        seen = self._probes.seen(at)
        with world.across.transaction() as session:
            workflows.send_lost_work(session, seen=seen)
        self._stopped.wait(self._process.settings.sweep_interval)

    def time(self) -> None:
        """One tick of the timer, if this process is elected; then the time until the next."""
        world = self._process.world
        with world.across.transaction() as session:
            elected = is_elected(session, TIMER, self._holder, seconds=TIMER_LEASE_SECONDS)
        if elected:
            workflows.tick(world)
        self._stopped.wait(TIMER_SECONDS if elected else TIMER_LEASE_SECONDS / 4)

    def hand_on(self) -> None:
        """Hand events to waits and triggers, whenever there are any."""
        self._whenever_told(lambda: workflows.handle_events(self._process.world))

    def bulk(self) -> None:
        """One pass over the bulk operations that are under way, then a rest."""
        workflows.advance_bulk(self._process.world)
        self._stopped.wait(BULK_SECONDS)

    def relay(self) -> None:
        """Publish what is in the outbox, whenever there is anything."""
        world = self._process.world
        bus = world.ports.get(Bus)  # type: ignore[type-abstract]

        def publish() -> int:
            with world.across.transaction() as session:
                return publish_batch(session, bus.publish)

        self._whenever_told(publish)

    def _whenever_told(self, work: Callable[[], int]) -> None:
        """Do what there is to do, by batches, at each event and once a second; the first time also while Redis is away.

        What comes alone is worked off at once, what comes one after the other together. `work`: one batch; returns its size.
        """
        self._all(work)
        with self._process.world.redis.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
            while not self._stopped.is_set():
                listener.psubscribe(CHANNELS)
                if not self._all(work):
                    hear(listener, POLL_SECONDS)
                    self._all(work)
                # meanwhile nobody listens: each word would cost as much as its event
                listener.punsubscribe(CHANNELS)
                self._stopped.wait(COMPANY_SECONDS)

    def _all(self, work: Callable[[], int]) -> int:
        done = 0
        while not self._stopped.is_set() and (batch := work()):
            done += batch
        return done

    def _guarded(self, loop: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            try:
                loop()
            except Exception:
                log.exception("%s failed; trying again", loop.__name__)
                self._stopped.wait(POLL_SECONDS)


def main() -> int:
    """`python -m tasks.loops`: these loops as a process of their own."""
    settings = Settings.from_environment()
    app = celery_app()
    configure(app, broker_url=settings.celery_broker_url, visibility_timeout=3600)
    process = Process(settings, app)
    process.after_fork()
    loops = Loops(process)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    loops.start()
    ended.wait()
    loops.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
