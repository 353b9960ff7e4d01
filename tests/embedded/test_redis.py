from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.embedded import machine
from app.embedded import redis as embedded_redis
from app.embedded.errors import PortTaken
from app.embedded.redis import RedisServer


class Starter:
    """Starts servers in one folder, as many processes might after one another, and remembers them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[RedisServer] = []

    def __call__(self, *, port: int = 0, reuse: bool = False, outlive: bool = False) -> RedisServer:
        server = embedded_redis.start(self.folder, port=port, reuse=reuse, outlive=outlive)
        self.servers.append(server)
        return server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path / "redis")
    yield starter
    for server in starter.servers:
        server.stop()


def test_data_and_address_survive_a_stop_and_a_kill(start: Starter) -> None:
    first = start()
    with Redis.from_url(first.url) as client:
        client.set("kept", "before the stop")
    first.stop()
    assert not first.is_running()

    second = start()
    with Redis.from_url(second.url) as client:
        client.append("kept", " and the kill")
    os.kill(second.pid, signal.SIGKILL)

    third = start()
    with Redis.from_url(third.url) as client:
        assert client.get("kept") == b"before the stop and the kill"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert third.url == first.url


def test_it_asks_for_the_password_and_listens_on_this_machine_only(start: Starter) -> None:
    server = start()
    once = Retry(NoBackoff(), retries=0)
    with Redis(host=machine.LOOPBACK, port=server.port, retry=once) as client, pytest.raises(AuthenticationError):
        client.ping()
    with Redis.from_url(server.url) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_a_server_that_was_left_alive_is_reused_or_replaced(start: Starter) -> None:
    left = start(outlive=True)
    found = start(reuse=True)
    assert (found.pid, found.url, found.process) == (left.pid, left.url, None)
    assert start().pid != left.pid
    assert left.process is not None
    assert left.process.wait(timeout=10) == 0


def test_a_taken_port_is_refused_with_a_sentence(start: Starter) -> None:
    with socket.create_server((machine.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port}, which Valkey .* needs, is taken"):
            start(port=port)
