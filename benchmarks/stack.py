"""The servers and processes that a measurement runs on: embedded PostgreSQL (durable) and Valkey, workers of one child."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from app.core.bootstrap import bootstrap
from app.core.ids import OPERATOR_ID
from app.core.schema import upgrade
from app.core.settings import Settings
from app.core.world import World
from app.embedded import mail, postgres, redis
from app.embedded.machine import free_port
from app.factory import build_world
from app.seeds import seed

ROOT = Path(__file__).parent.parent
PATH = os.pathsep.join((str(ROOT), str(ROOT / "benchmarks" / "plugin")))
READY_SECONDS = 60

LEDGER = """
    CREATE TABLE benchmark_ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner_id uuid,
      workflow bigint NOT NULL, step text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
    ALTER TABLE benchmark_ledger ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON benchmark_ledger TO turnup_app
      USING (owner_id = (SELECT nullif(current_setting('app.owner_id', true), '')::uuid));
    GRANT SELECT, INSERT ON benchmark_ledger TO turnup_app
"""
"""What every step of every side writes one row to."""


@dataclass(frozen=True)
class Stack:
    """What runs: the wired world, the owner under which things are measured, and a connection as the tables' owner."""

    settings: Settings
    world: World
    connection: psycopg.Connection[tuple[object, ...]]
    owner: UUID = OPERATOR_ID

    def sql(self, query: str) -> list[tuple[object, ...]]:
        """Ask the database as the tables' owner, on one connection: waiting must cost next to nothing."""
        return self.connection.execute(query.encode()).fetchall()


@contextmanager
def stack(*, resend_after: float = 60.0) -> Iterator[Stack]:
    """Fresh servers in a folder of their own, migrated and seeded; gone when the block ends."""
    # the benchmark's operation is a plugin like anybody's, found by its entry point
    sys.path.append(str(ROOT / "benchmarks" / "plugin"))
    with tempfile.TemporaryDirectory(prefix="turnup-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        database = postgres.start(folder / "postgres", max_connections=200)
        broker = redis.start(folder / "redis")
        mails = mail.start(folder / "mail")
        try:
            password = secrets.token_urlsafe(16)
            settings = Settings(
                environment="test",
                var_dir=folder,
                secret_key=secrets.token_urlsafe(32),
                database_url=f"postgresql://turnup_app:{password}@127.0.0.1:{database.port}/bench",
                system_database_url=f"postgresql://turnup_system:{password}@127.0.0.1:{database.port}/bench",
                migration_database_url=f"postgresql://turnup_owner:{password}@127.0.0.1:{database.port}/bench",
                provisioner_database_url=f"postgresql://turnup_provisioner:{password}@127.0.0.1:{database.port}/bench",
                redis_url=broker.url,
                smtp_url=mails.url,
                endpoints_port=free_port(),
                api_port=free_port(),
                resend_after=resend_after,
                prepared_statements=True,
                user_rate_limit="1000000 per minute",
                tenant_rate_limit="1000000 per minute",
                log_level="INFO",
            )
            bootstrap(database.admin_url, settings)
            upgrade(settings)
            world = build_world(settings)
            seed(world)
            with psycopg.connect(database.admin_url, autocommit=True) as connection:
                connection.execute("GRANT pg_checkpoint TO turnup_owner")
            with psycopg.connect(settings.migration_database_url, autocommit=True) as connection:
                connection.execute(LEDGER)
                try:
                    yield Stack(settings, world, connection)
                finally:
                    world.close()
        finally:
            for server in (mails, broker, database):
                server.stop()


@contextmanager
def processes(
    settings: Settings, commands: Mapping[str, list[str]], *, environment: Mapping[str, str] | None = None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run these until the block ends; begins when each worker has said that it is ready."""
    variables = {**os.environ, **settings.environment_variables(), "PYTHONPATH": PATH, **(environment or {})}
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in commands.items():
            with (settings.var_dir / f"{name}.log").open("wb") as log:
                started.append(subprocess.Popen(command, env=variables, stdout=log, stderr=log, cwd=ROOT))
        for name in commands:
            if "worker" in name:
                _until_ready(settings.var_dir / f"{name}.log")
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def celery_worker(app: str, *, name: str, queue: str, children: int, events: bool) -> list[str]:
    """The command of a worker: the same for every side."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        app,
        "worker",
        "-c",
        str(children),
        "-n",
        f"{name}@%h",
        "-Q",
        queue,
    ]
    return [*command, "-l", "INFO", "--without-gossip", "--without-mingle", *(["-E"] if events else [])]


def turnup_workers(*, number: int = 2, events: bool = True) -> dict[str, list[str]]:
    """Workers of one child each."""
    return {
        f"worker{n}": celery_worker("tasks.worker", name=f"bench{n}", queue="turnup", children=1, events=events)
        for n in range(number)
    }


def beat() -> dict[str, list[str]]:
    """Beat, with the sweeper and the relay in its process."""
    return {"beat": [sys.executable, "-m", "celery", "-A", "tasks.worker", "beat", "--pidfile="]}


def _until_ready(log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while "ready." not in log.read_text(errors="replace"):
        if time.monotonic() > end:
            message = f"a worker did not become ready; its log:\n{log.read_text(errors='replace')[-2000:]}"
            raise RuntimeError(message)
        time.sleep(0.05)
