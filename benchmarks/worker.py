"""Our workers' Celery object, with task events as BENCH_EVENTS says: `celery -A benchmarks.worker worker`."""

from __future__ import annotations

import os

from celery import Celery

from tasks.worker import app

EVENTS = "BENCH_EVENTS"


def switch_events(celery: Celery, *, on: bool) -> None:
    """Task events of workers and of senders."""
    celery.conf.update(worker_send_task_events=on, task_send_sent_event=on)


switch_events(app, on=os.environ.get(EVENTS) == "on")
