"""The processes of one machine: API, two workers of one child each, beat (with sweeper and relay), endpoints, Flower."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

import app
from app.cli.installation import ADMIN_DATABASE_URL
from app.core.settings import Settings
from app.embedded.machine import LOOPBACK
from app.embedded.supervisor import Program
from app.factory import joined_operations

WORKERS = 2
STATE_SAVE_MILLISECONDS = 60_000
WORKER_STOP_SECONDS = 30.0

PACKAGE = Path(app.__file__).parent
ROOT = PACKAGE.parent
PYTHON = (sys.executable, "-m")
CELERY = (*PYTHON, "celery", "-A", "tasks.worker")

# what a process does not need it does not get
_NOBODYS = ("MIGRATION_DATABASE_URL", "TURNUP_ADMIN_PASSWORD", "FLOWER_PASSWORD", ADMIN_DATABASE_URL)
_DATABASES = ("DATABASE_URL", "SYSTEM_DATABASE_URL", "PROVISIONER_DATABASE_URL")


def programs(settings: Settings) -> list[Program]:
    """What is to run, in the order of starting."""
    work = _environment(settings)
    watch = _environment(settings, without=_DATABASES)
    return [
        Program(
            name="api",
            command=(
                *PYTHON,
                "gunicorn",
                "-c",
                str(PACKAGE / "gunicorn.conf.py"),
                "--no-control-socket",
                "app.wsgi:app",
            ),
            env=work,
            cwd=ROOT,
        ),
        *(
            Program(
                name=f"worker{number}",
                command=_worker(number),
                env=work,
                cwd=ROOT,
                stop_timeout_s=WORKER_STOP_SECONDS,
            )
            for number in range(1, WORKERS + 1)
        ),
        Program(name="beat", command=(*CELERY, "beat", "--pidfile="), env=work, cwd=ROOT),
        Program(name="endpoints", command=(*PYTHON, "app.adapters.provisioners.endpoints"), env=watch, cwd=ROOT),
        Program(
            name="flower",
            command=_flower(settings),
            # not on its command line, which every user of the machine may read
            env=watch | {"FLOWER_BASIC_AUTH": f"{settings.flower_user}:{settings.flower_password}"},
            cwd=ROOT,
        ),
    ]


def _worker(number: int) -> tuple[str, ...]:
    queues = ",".join(joined_operations().queues())
    name = f"worker{number}@%h"
    return (*CELERY, "worker", "-c", "1", "-n", name, "-Q", queues, "--without-gossip", "--without-mingle")


def _flower(settings: Settings) -> tuple[str, ...]:
    return (
        *CELERY,
        "flower",
        f"--address={LOOPBACK}",
        f"--port={settings.flower_port}",
        "--url_prefix=flower",
        "--persistent=True",
        f"--db={settings.var_dir / 'flower.db'}",
        f"--state_save_interval={STATE_SAVE_MILLISECONDS}",
    )


def _environment(settings: Settings, *, without: Collection[str] = ()) -> dict[str, str]:
    environment = os.environ | settings.environment_variables() | {"PYTHONUNBUFFERED": "1"}
    return {name: value for name, value in environment.items() if name not in {*_NOBODYS, *without}}
