"""The real servers that the tests share, and the worker processes over them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from app.core.bootstrap import bootstrap
from app.core.schema import upgrade
from app.core.settings import Settings
from app.embedded import mail, postgres, redis
from app.embedded.machine import free_port
from app.embedded.server import Server

VARIABLE = "PYTEST_SERVERS"
ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "tests" / "plugin"
PATH = os.pathsep.join((str(ROOT), str(PLUGIN)))
REDIS_DATABASES = 16

T = TypeVar("T")


class Servers:
    """PostgreSQL and Valkey of one run of the tests: started by the process that pytest was called in, shared by all."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnup-tests-"))
        self.folder.chmod(0o755)
        self._running: list[Server] = []
        try:
            database = postgres.start(
                self.folder / "postgres",
                durable=False,
                max_connections=300,
                # in which order transactions were committed is what some tests are about
                settings={"track_commit_timestamp": "on"},
            )
            self._running.append(database)
            broker = redis.start(self.folder / "redis", durable=False)
            self._running.append(broker)
        except BaseException:
            self.stop()
            raise
        os.environ[VARIABLE] = json.dumps(
            {
                "folder": str(self.folder),
                "admin_url": database.admin_url,
                "redis_url": broker.url,
                "password": secrets.token_urlsafe(16),
            }
        )

    def stop(self) -> None:
        for server in reversed(self._running):
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def shared() -> dict[str, str]:
    """Where the shared servers are."""
    found: dict[str, str] = json.loads(os.environ[VARIABLE])
    return found


def settings_for(name: str, number: int) -> Settings:
    """Settings with a database and a Redis number of their own on the shared servers."""
    where = shared()
    port = where["admin_url"].rpartition(":")[2].partition("/")[0]

    def url(role: str) -> str:
        return f"postgresql://turnup_{role}:{where['password']}@127.0.0.1:{port}/{name}"

    return Settings(
        environment="test",
        var_dir=Path(where["folder"]) / name,
        secret_key="tests-" + where["password"] * 2,
        database_url=url("app"),
        system_database_url=url("system"),
        migration_database_url=url("owner"),
        provisioner_database_url=url("provisioner"),
        redis_url=f"{where['redis_url'].rpartition('/')[0]}/{number}",
        smtp_url="smtp://127.0.0.1:9",
        endpoints_port=free_port(),
        test_clock=True,
        prepared_statements=True,
        lease_seconds=3.0,
        sweep_interval=0.2,
        resend_after=2.0,
        integration_limits=("test-metered=10 per 5 seconds",),
        breaker_seconds=0.5,
        breaker_longest_seconds=2.0,
        public_rate_limit="100000 per minute",
        user_rate_limit="100000 per minute",
        tenant_rate_limit="100000 per minute",
        login_rate_limit="100000 per minute",
        check_events=True,
        log_level="INFO",
    )


def make_test_tables(settings: Settings) -> None:
    """Where the operations of the test plugin note what they did, and the flags that they wait for."""
    with psycopg.connect(settings.migration_database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE test_calls (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner uuid NOT NULL, "
            "execution_id bigint NOT NULL, step text NOT NULL, what text NOT NULL, attempt int NOT NULL, "
            "pid int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        connection.execute("CREATE TABLE test_flags (name text PRIMARY KEY)")
        connection.execute("GRANT SELECT, INSERT ON test_calls, test_flags TO turnup_app")


def prepared(name: str, number: int) -> Settings:
    """Settings with a bootstrapped and migrated database of that name, and that Redis number."""
    settings = settings_for(name, number)
    bootstrap(shared()["admin_url"], settings)
    upgrade(settings)
    make_test_tables(settings)
    return settings


@contextmanager
def worker_processes(settings: Settings, *, workers: int = 2) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Celery workers of one child each, beat with sweeper and relay, and the endpoints process, until the block ends."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    celery = [sys.executable, "-m", "celery", "-A", "tasks.worker"]
    commands = {
        f"worker{n}": [*celery, "worker", "-c", "1", "-n", f"w{n}@{settings.var_dir.name}", "-Q", "turnup", "-E"]
        for n in range(1, workers + 1)
    }
    commands["beat"] = [*celery, "beat", "--pidfile="]
    commands["endpoints"] = [sys.executable, "-m", "app.adapters.provisioners.endpoints"]
    with running(settings, commands) as processes:
        for name in (name for name in commands if name.startswith("worker")):
            eventually(lambda name=name: " ready." in log_of(settings, name), within=120, what=f"{name}'s being ready")
        yield processes


@contextmanager
def running(settings: Settings, commands: dict[str, list[str]]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Processes under these settings; their output is kept in `<var>/<name>.log`."""
    environment = {**os.environ, **settings.environment_variables(), "PYTHONPATH": PATH}
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            processes[name] = start_process(settings, name, command, environment)
        yield processes
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start_process(
    settings: Settings, name: str, command: list[str], environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """One process under these settings."""
    environment = environment or {**os.environ, **settings.environment_variables(), "PYTHONPATH": PATH}
    with (settings.var_dir / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)


def with_mail(settings: Settings, directory: Path) -> tuple[Settings, mail.MailServer]:
    """A real SMTP server, and the settings that send there."""
    server = mail.start(directory)
    return replace(settings, smtp_url=server.url), server


def eventually(look: Callable[[], T], *, within: float = 30.0, what: str = "it") -> T:
    """What `look` returns as soon as it is true; fails when it is not in time. For conditions, never for speed."""
    end = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > end:
            message = f"{what} did not happen within {within:g} s (last: {found!r})"
            raise AssertionError(message)
        time.sleep(0.02)
    return found


def log_of(settings: Settings, name: str) -> str:
    """What a process has written."""
    return (settings.var_dir / f"{name}.log").read_text(errors="replace")


Json = dict[str, Any]
