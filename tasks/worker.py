"""The Celery object of workers, beat and Flower: `celery -A tasks.worker worker`."""

from __future__ import annotations

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_process_init

from app.core import log
from app.core.bootstrap import check_application_role
from app.core.db import Database
from app.core.settings import Settings
from app.factory import joined_operations
from app.jobs import JOBS
from pipelines.canvas import celery_app, configure
from tasks import engine, steps
from tasks.loops import Loops
from tasks.process import Process

VISIBILITY_TIMEOUT = 3600.0
"""Seconds after which Redis gives an unacknowledged message to another worker: longer than any step may take."""


def make(settings: Settings) -> Celery:
    """A Celery object with every task, wired to this process's world.

    Raises ConfigurationError in production when DATABASE_URL's role is not held by row-level security.
    """
    if settings.production:
        _refuse_loose_role(settings)
    app = celery_app()
    configure(
        app,
        broker_url=settings.celery_broker_url,
        visibility_timeout=VISIBILITY_TIMEOUT,
        task_events=settings.task_events,
        ack_emulation=settings.ack_emulation,
    )
    app.conf.task_time_limit = VISIBILITY_TIMEOUT - 60
    app.conf.beat_schedule = {
        name: {"task": engine.JOB_TASK, "schedule": job.every, "args": (name,), "options": {"expires": job.every}}
        for name, job in JOBS.items()
    }
    app.conf.beat_schedule_filename = str(settings.var_dir / "beat-schedule")
    process = Process(settings, app)
    steps.register(app, process, joined_operations())
    engine.register(app, process)
    worker_process_init.connect(process.after_fork, weak=False)
    setup_logging.connect(lambda **_: log.configure(settings), weak=False)
    loops = Loops(process)
    beat_init.connect(lambda **_: loops.start(), weak=False)
    return app


def _refuse_loose_role(settings: Settings) -> None:
    database = Database(settings.database_url, pool_size=1)
    try:
        check_application_role(database)
    finally:
        database.dispose()


app = make(Settings.from_environment())
