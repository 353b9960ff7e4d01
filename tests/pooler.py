"""A real PgBouncer in transaction mode between the processes and PostgreSQL."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.rows import dict_row

from app.core.settings import Settings
from app.embedded.machine import LOOPBACK, free_port
from tests.servers import eventually

SERVERS = 6
"""Connections to PostgreSQL per role: fewer than the processes open, so that transactions do change connections."""

KNOWS_PREPARED = (1, 21)
"""The version that does."""


def program() -> str | None:
    """Where PgBouncer is on this machine; Debian keeps it where an ordinary user does not look."""
    return shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))


def version(of: str) -> tuple[int, int]:
    said = subprocess.run([of, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


def why_not(*, prepared: bool) -> str | None:
    """Why these tests cannot run here; None when they can."""
    found = program()
    if found is None:
        return "PgBouncer is not installed (Debian: apt-get install pgbouncer)"
    if prepared and version(found) < KNOWS_PREPARED:
        return f"PgBouncer {'.'.join(map(str, version(found)))} knows no prepared statements; 1.21 does"
    return None


@dataclass(frozen=True)
class Pooler:
    """A running one. `settings`: those by which a process reaches the database through it."""

    settings: Settings
    console: str = field(repr=False)

    def show(self, what: str) -> list[dict[str, Any]]:
        """What its console says."""
        with psycopg.connect(self.console, autocommit=True, row_factory=dict_row) as connection:
            cursor = psycopg.ClientCursor(connection, row_factory=dict_row)  # the console knows simple queries only
            return cursor.execute(f"SHOW {what}".encode()).fetchall()


@contextmanager
def pooler(settings: Settings, *, prepared: bool) -> Iterator[Pooler]:
    """Between these settings' database and whoever uses the settings that it yields, until the block ends."""
    found, port, password = program(), free_port(), secrets.token_urlsafe(16)
    assert found
    folder = settings.var_dir / "pgbouncer"
    folder.mkdir(parents=True)
    users = {"console": password}
    for url in (settings.database_url, settings.system_database_url):
        parts = urlsplit(url)
        users[str(parts.username)] = str(parts.password)
    direct = urlsplit(settings.database_url)
    (folder / "users.txt").write_text("".join(f'"{name}" "{secret}"\n' for name, secret in users.items()))
    configuration = {
        "listen_addr": LOOPBACK,
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": folder / "users.txt",
        "admin_users": "console",
        "pool_mode": "transaction",
        "default_pool_size": SERVERS,
        "max_client_conn": 200,
        "logfile": folder / "pgbouncer.log",
    }
    if version(found) >= KNOWS_PREPARED:
        configuration["max_prepared_statements"] = 200 if prepared else 0
    lines = "".join(f"{name} = {value}\n" for name, value in configuration.items())
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={LOOPBACK} port={direct.port}\n\n[pgbouncer]\n{lines}"
    )
    command = [found, str(folder / "pgbouncer.ini")]
    if os.geteuid() == 0:  # which it refuses
        _give_to(folder, "nobody")
        command[1:1] = ["-u", "nobody"]
    console = f"postgresql://console:{password}@{LOOPBACK}:{port}/pgbouncer"
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        eventually(lambda: _answers(console, process), what="PgBouncer's being ready")
        through = [_through(url, port) for url in (settings.database_url, settings.system_database_url)]
        yield Pooler(
            replace(settings, database_url=through[0], system_database_url=through[1], prepared_statements=prepared),
            console,
        )
    finally:
        process.kill()
        process.wait()


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{LOOPBACK}:{port}"))


def _give_to(folder: Path, user: str) -> None:
    uid = pwd.getpwnam(user).pw_uid
    for path in (folder, *folder.iterdir()):
        os.chown(path, uid, -1)


def _answers(console: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "PgBouncer has ended"
    try:
        psycopg.connect(console, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
