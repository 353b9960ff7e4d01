from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.embedded import account as accounts
from app.embedded import machine, postgres, processes
from app.embedded.account import Account
from app.embedded.errors import DataUnusable, PortTaken
from app.embedded.postgres import PostgresServer


class Starter:
    """Starts servers in one folder, as many processes might after one another, and remembers them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[PostgresServer] = []

    def __call__(
        self, *, port: int = 0, reuse: bool = False, outlive: bool = False, account: Account | None = None
    ) -> PostgresServer:
        server = postgres.start(self.folder, port=port, durable=False, reuse=reuse, outlive=outlive, account=account)
        self.servers.append(server)
        return server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path / "postgres")
    yield starter
    for server in starter.servers:
        server.stop()


def keep(server: PostgresServer, word: str) -> None:
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", (word,))
        connection.execute("CHECKPOINT")


def kept(server: PostgresServer) -> list[str]:
    with psycopg.connect(server.admin_url) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM kept ORDER BY word")]


def test_data_and_address_survive_a_stop_and_a_kill(start: Starter) -> None:
    first = start()
    keep(first, "before the stop")
    first.stop()
    assert not first.is_running()

    second = start()
    keep(second, "before the kill")
    os.kill(second.pid, signal.SIGKILL)  # its own children may still be at work when the next start begins

    third = start()
    assert kept(third) == ["before the kill", "before the stop"]
    assert third.admin_url == second.admin_url == first.admin_url


def test_only_a_password_opens_it_and_only_from_this_machine(start: Starter) -> None:
    server = start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.admin_url.replace(server.access.password, "guess"), connect_timeout=5)
    with psycopg.connect(server.admin_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
    assert stat.S_IMODE((start.folder / "access.json").stat().st_mode) == 0o600
    assert server.access.password not in repr(server)
    assert not [line for line in command_lines() if server.access.password in line]


def test_extensions_of_the_product_are_shipped_and_know_letters_beyond_ascii(start: Starter) -> None:
    with psycopg.connect(start().admin_url) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT lower('ŽIŽEK'), similarity('Žižek', 'žižek')").fetchone() == ("žižek", 1.0)


def test_a_half_made_cluster_is_made_anew(start: Starter) -> None:
    (start.folder / "pgdata.new" / "base").mkdir(parents=True)
    (start.folder / "pgdata.new" / "PG_VERSION").write_text("18\n")
    keep(start(), "made")


def test_a_server_that_was_left_alive_is_reused_or_replaced(start: Starter) -> None:
    left = start(outlive=True)
    found = start(reuse=True)
    assert (found.pid, found.admin_url, found.process) == (left.pid, left.admin_url, None)
    assert found.is_running()

    replaced = start()
    assert replaced.pid != left.pid
    assert left.process is not None
    assert left.process.wait(timeout=10) == 0


def test_a_stale_process_file_that_names_somebody_else_does_no_harm(start: Starter) -> None:
    start().stop()
    (start.folder / "pgdata" / "postmaster.pid").write_text(
        f"{os.getppid()}\n{start.folder / 'pgdata'}\n0\n0\n\n127.0.0.1\n"
    )
    assert start().is_running()


def test_a_taken_port_is_refused_with_a_sentence_and_one_of_the_last_time_is_replaced(start: Starter) -> None:
    first = start()
    first.stop()
    with socket.create_server((machine.LOOPBACK, first.port)):
        with pytest.raises(PortTaken, match=rf"Port {first.port}, which PostgreSQL needs, is taken .* stop it"):
            start(port=first.port)
        assert start().port != first.port


def test_data_without_their_password_are_not_touched(start: Starter) -> None:
    start().stop()
    (start.folder / "access.json").unlink()
    with pytest.raises(DataUnusable, match=r"access\.json .* is gone: put the file back, or delete"):
        start()
    assert (start.folder / "pgdata" / "PG_VERSION").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_user_namespaces_runs_it_as_nobody(start: Starter) -> None:
    start.folder.mkdir(mode=0o700)
    server = start(account=accounts.as_nobody(start.folder))
    keep(server, "by nobody")
    uid = pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{server.pid}").stat().st_uid == uid
    server.stop()
    assert processes.find("postgres", folder=start.folder / "pgdata") == []
    home = (start.folder / "pgdata").resolve().parent
    if home != start.folder:  # nobody could not walk here: the data went to a place of their own
        shutil.rmtree(home)


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
