"""The real stack in a folder of its own: servers behind the proxy, every process twice, and whoever dies is started again."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import redis as redis_client

from app.cli.up.programs import CELERY, PYTHON, programs
from app.core.bootstrap import bootstrap
from app.core.ids import OPERATOR_ID, new_id
from app.core.schema import upgrade
from app.core.settings import Settings
from app.domains.activation import service as activation
from app.domains.catalog import service as catalog
from app.embedded import mail, postgres, processes, redis
from app.embedded.machine import LOOPBACK, free_port
from app.embedded.supervisor import Program
from app.factory import build_world
from app.http.principal import Principal
from app.http.tokens import Tokens
from app.seeds import seed

ROOT = Path(__file__).parent.parent
PATH = os.pathsep.join((str(ROOT), str(ROOT / "chaos" / "plugin")))
DATABASE = "chaos"
SERVICE = "chaos-line"
MAX_RETRIES = 10
READY_SECONDS = 300.0
RESTART_SECONDS = 0.5
WATCH_SECONDS = 0.1

ROLES = {"api": "api", "beat": "loops", "loops": "loops", "worker": "worker"}

T = TypeVar("T")

_LEDGER = """
    CREATE TABLE chaos_ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner_id uuid NOT NULL,
      execution_id bigint NOT NULL, step text NOT NULL, item text, what text NOT NULL, key text NOT NULL);
    GRANT SELECT, INSERT ON chaos_ledger TO turnup_app
"""


def eventually(look: Callable[[], T], *, within: float, what: str) -> T:
    """What `look` returns as soon as it is true. Raises TimeoutError."""
    end = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > end:
            message = f"{what} did not happen within {within:g} s"
            raise TimeoutError(message)
        time.sleep(WATCH_SECONDS)
    return found


def children(pid: int) -> list[int]:
    """The processes that this one has started and that still run."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def send(number: signal.Signals, *pids: int) -> None:
    """Send a signal; a process that is gone already is none the worse for it."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


@dataclass
class Kept:
    """A process that is started again when it ends. `held`: not now."""

    program: Program
    process: subprocess.Popen[bytes]
    starts: int = 1
    ended_at: float | None = None
    held: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def tree(self) -> list[int]:
        """The process and its children."""
        return [self.pid, *children(self.pid)]


@dataclass
class Stack:
    """What runs. Faults use its verbs; checks ask its SQL, as the tables' owner and past the proxy."""

    folder: Path
    settings: Settings
    token: str
    recorder_file: Path
    kept: dict[str, Kept] = field(default_factory=dict)
    _proxy: subprocess.Popen[str] | None = None
    _redis: redis.RedisServer | None = None
    _postgres: postgres.PostgresServer | None = None
    _proxy_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def orders(self) -> Path:
        """Where orders to die are put (turnup_chaos.boundaries)."""
        return self.folder / "boundaries"

    @property
    def api(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.api_port}"

    def client(self, **more: Any) -> httpx.Client:
        """A client of the API that may do everything."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.api, headers=headers, trust_env=False, **more)

    def sql(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows as the tables' owner sees them."""
        with psycopg.connect(self.settings.migration_database_url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def crossed(self) -> list[dict[str, Any]]:
        """Who obeyed an order at a boundary, in order."""
        file = self.orders / "crossed.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def broker(self) -> redis_client.Redis:
        """The broker, past the proxy."""
        assert self._redis is not None
        return redis_client.Redis.from_url(self._redis.url)

    def network(self, *words: str) -> None:
        """Tell the proxy (chaos.proxy says what it understands); returns when it has obeyed."""
        with self._proxy_lock:
            assert self._proxy is not None
            assert self._proxy.stdin is not None
            assert self._proxy.stdout is not None
            self._proxy.stdin.write(" ".join(words) + "\n")
            self._proxy.stdin.flush()
            self._proxy.stdout.readline()

    def stop_postgres(self, how: signal.Signals) -> None:
        """End PostgreSQL: SIGINT is its fast shutdown, SIGQUIT the immediate one, after which it has to recover."""
        assert self._postgres is not None
        processes.end([self._postgres.pid], how=how, timeout_s=30)
        if self._postgres.process is not None:
            self._postgres.process.wait()

    def start_postgres(self) -> None:
        """Start it again over the same data, on the same port."""
        self._postgres = postgres.start(self.folder / "postgres", max_connections=150)

    def restart_redis(self) -> None:
        """Kill Redis, delete what it wrote, and start it again: it remembers nothing."""
        assert self._redis is not None
        processes.end([self._redis.pid], how=signal.SIGKILL, timeout_s=30)
        if self._redis.process is not None:
            self._redis.process.wait()
        for file in (self.folder / "redis" / "appendonlydir").glob("*"):
            file.unlink()
        self._redis = redis.start(self.folder / "redis")

    def names(self, role: str) -> list[str]:
        """The processes of a role."""
        return [name for name in self.kept if name.startswith(role)]

    def is_up(self) -> bool:
        """Whether every process that is kept runs."""
        return all(kept.process.poll() is None for kept in self.kept.values())


class Keeper(threading.Thread):
    """Starts the processes and starts them again: the kernel ends them with this thread."""

    def __init__(self, stack: Stack, wanted: list[Program]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._stack = stack
        self._wanted = wanted
        self._ended = threading.Event()
        self.started = threading.Event()

    def run(self) -> None:
        for program in self._wanted:
            self._stack.kept[program.name] = Kept(program, self._spawn(program))
        self.started.set()
        while not self._ended.wait(WATCH_SECONDS):
            for kept in self._stack.kept.values():
                self._look_after(kept)
        for kept in self._stack.kept.values():
            # a zombie of ours may still be stopped
            send(signal.SIGCONT, *kept.tree)
            kept.process.terminate()
        until = time.monotonic() + 10
        for kept in self._stack.kept.values():
            with suppress(subprocess.TimeoutExpired):
                kept.process.wait(timeout=max(0.1, until - time.monotonic()))
            self._end_group(kept)

    def stop(self) -> None:
        """End all of them."""
        self._ended.set()
        self.join()

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        log = self._stack.folder / "log" / f"{program.name}.log"
        return processes.spawn(program.command, log=log, cwd=program.cwd, env=program.env, death_signal=signal.SIGKILL)

    def _look_after(self, kept: Kept) -> None:
        if kept.process.poll() is None or kept.held:
            return
        now = time.monotonic()
        kept.ended_at = kept.ended_at or now
        if now - kept.ended_at >= RESTART_SECONDS:
            if kept.program.name == "api":
                self._end_group(kept)  # its children would keep the port
            kept.process, kept.ended_at, kept.starts = self._spawn(kept.program), None, kept.starts + 1

    def _end_group(self, kept: Kept) -> None:
        with suppress(ProcessLookupError):
            os.killpg(kept.pid, signal.SIGKILL)
        kept.process.wait()


@contextmanager
def running(folder: Path, *, lease_seconds: float) -> Iterator[Stack]:
    """The stack in this folder until the block ends; begins when the API answers and every worker is ready."""
    folder.chmod(0o755)
    (folder / "log").mkdir()
    (folder / "boundaries").mkdir()
    database = postgres.start(folder / "postgres", max_connections=150)
    broker = redis.start(folder / "redis")
    mails = mail.start(folder / "mail")
    direct = _settings(folder, database, broker, mails, lease_seconds)
    settings = _through(direct, postgres_port=free_port(), redis_port=free_port())
    token = Tokens(settings).issue(Principal(new_id(), OPERATOR_ID, "chaos@example.com", permissions=frozenset({"*"})))
    stack = Stack(
        folder, replace(settings, migration_database_url=direct.migration_database_url), token, folder / "effects.jsonl"
    )
    stack._postgres, stack._redis = database, broker  # noqa: SLF001 - made here
    recorder_port = free_port()
    keeper: Keeper | None = None
    helpers: list[subprocess.Popen[Any]] = []
    try:
        _prepare(direct, database.admin_url, lease_seconds)
        ways = (
            f"postgres:{_port(settings.database_url)}:{database.port}",
            f"redis:{_port(settings.redis_url)}:{broker.port}",
        )
        stack._proxy = subprocess.Popen(  # noqa: SLF001
            [sys.executable, "-m", "chaos.proxy", *ways],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            process_group=0,
        )
        helpers.append(stack._proxy)  # noqa: SLF001
        assert stack._proxy.stdout is not None  # noqa: SLF001
        stack._proxy.stdout.readline()  # noqa: SLF001
        helpers.append(
            processes.spawn(
                [sys.executable, "-m", "chaos.recorder", str(recorder_port), str(stack.recorder_file)],
                log=folder / "log" / "recorder.log",
                cwd=ROOT,
                death_signal=signal.SIGKILL,
            )
        )
        keeper = Keeper(stack, _programs(stack, settings, recorder=f"http://{LOOPBACK}:{recorder_port}"))
        keeper.start()
        keeper.started.wait()
        _until_ready(stack)
        yield stack
    finally:
        if keeper is not None and keeper.is_alive():
            keeper.stop()
        for helper in helpers:
            helper.kill()
            helper.wait()
        mails.stop()
        assert stack._redis is not None  # noqa: SLF001
        assert stack._postgres is not None  # noqa: SLF001
        stack._redis.stop()  # noqa: SLF001
        stack._postgres.stop()  # noqa: SLF001


def _settings(
    folder: Path,
    database: postgres.PostgresServer,
    broker: redis.RedisServer,
    mails: mail.MailServer,
    lease_seconds: float,
) -> Settings:
    """Settings that lead straight to the servers: for who prepares and who checks."""
    password = secrets.token_urlsafe(16)

    def url(role: str) -> str:
        return f"postgresql://turnup_{role}:{password}@{LOOPBACK}:{database.port}/{DATABASE}"

    return Settings(
        environment="development",
        var_dir=folder,
        secret_key=secrets.token_urlsafe(32),
        database_url=url("app"),
        system_database_url=url("system"),
        migration_database_url=url("owner"),
        provisioner_database_url=url("provisioner"),
        redis_url=broker.url,
        smtp_url=mails.url,
        endpoints_port=free_port(),
        api_port=free_port(),
        prepared_statements=True,
        lease_seconds=lease_seconds,
        resend_after=lease_seconds / 2,
        workflow_retry_max_attempts=MAX_RETRIES + 1,
        access_token_minutes=24 * 60,
        user_rate_limit="1000000 per minute",
        tenant_rate_limit="1000000 per minute",
    )


def _through(settings: Settings, *, postgres_port: int, redis_port: int) -> Settings:
    """The same through the proxy, for the processes."""
    databases = ("database_url", "system_database_url", "migration_database_url", "provisioner_database_url")
    ways = {name: _at(getattr(settings, name), postgres_port) for name in databases}
    return replace(settings, redis_url=_at(settings.redis_url, redis_port), **ways)  # type: ignore[arg-type]


def _at(url: str, port: int) -> str:
    return url.replace(f":{_port(url)}/", f":{port}/")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def _prepare(settings: Settings, admin_url: str, lease_seconds: float) -> None:
    """Roles, tables, seeds; a service that is activated at the recorder; the ledger."""
    bootstrap(admin_url, settings)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for role in ("app", "system"):
            # as in an installation of that lease; the bootstrap keeps to half a minute at the least
            connection.execute(
                f"ALTER ROLE turnup_{role} IN DATABASE {DATABASE} "
                f"SET idle_in_transaction_session_timeout = '{lease_seconds:g}s'".encode()
            )
    upgrade(settings)
    world = build_world(settings)
    try:
        seed(world)
        with world.database.transaction(OPERATOR_ID) as session:
            catalog.create_service(session, code=SERVICE, name="Chaos Line")
            catalog.set_price(session, service_code=SERVICE, currency="USD", unit_price=Decimal("10.00"))
            workflow = activation.choose_workflow(session, template_id=None)
            entries = [{**entry, "max_retries": MAX_RETRIES} for entry in workflow.service_sequence]
            line = {"service": SERVICE, "sequence": len(entries) + 1, "depends_on": ["billing-invoicing"]}
            activation.update_workflow(
                session,
                workflow_id=workflow.id,
                fields={"service_sequence": [*entries, line | {"max_retries": MAX_RETRIES}]},
            )
    finally:
        world.close()
    with psycopg.connect(settings.migration_database_url, autocommit=True) as connection:
        connection.execute(_LEDGER)


def _programs(stack: Stack, settings: Settings, *, recorder: str) -> list[Program]:
    """What `turnup up` runs, but for Flower, and more of it: a third worker of two children, two beats, two loops of their own."""
    wanted = {program.name: program for program in programs(settings) if program.name != "flower"}
    worker, beat = wanted["worker1"], wanted["beat"]
    place = worker.command.index("-c")
    larger = [*worker.command]
    larger[place + 1], larger[place + 3] = "2", "worker3@%h"
    # a file of its own: the schedule is for one process
    second = (*CELERY, "beat", "--pidfile=", "-s", str(settings.var_dir / "beat2-schedule"))
    wanted["worker3"] = replace(worker, name="worker3", command=tuple(larger))
    wanted["beat2"] = replace(beat, name="beat2", command=second)
    wanted["loops"] = replace(beat, name="loops", command=(*PYTHON, "tasks.loops"))

    def told(program: Program) -> Program:
        role = next((role for start, role in ROLES.items() if program.name.startswith(start)), "")
        environment = {
            **(program.env or {}),
            "PYTHONPATH": PATH,
            "CHAOS_FOLDER": str(stack.orders),
            "CHAOS_ROLE": role,
            "CHAOS_RECORDER": recorder,
        }
        return replace(program, env=environment)

    return [told(program) for program in wanted.values()]


def _until_ready(stack: Stack) -> None:
    def answers() -> bool:
        try:
            with stack.client(timeout=5) as client:
                return client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    eventually(answers, within=READY_SECONDS, what="an answer of the API")
    for name in stack.names("worker"):
        log = stack.folder / "log" / f"{name}.log"
        eventually(lambda log=log: " ready." in log.read_text(errors="replace"), within=READY_SECONDS, what=f"{name}")  # type: ignore[misc]
