"""The servers under a soak: PostgreSQL, Valkey and a mail server in a folder of their own, and the world over them."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.bootstrap import bootstrap
from app.core.schema import upgrade
from app.core.settings import Settings
from app.core.world import World
from app.embedded import mail, postgres, redis
from app.factory import build_world
from app.seeds import seed
from soak.engine import Broker

DATABASE = "soak"


@contextmanager
def world_of(broker: Broker) -> Iterator[World]:
    """Fresh servers, migrated and seeded, with a clock that can be moved; gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="turnup-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        database = postgres.start(folder / "postgres", durable=False)
        streams = redis.start(folder / "redis", durable=False)
        mails = mail.start(folder / "mail")
        password = secrets.token_urlsafe(16)

        def url(role: str) -> str:
            return f"postgresql://turnup_{role}:{password}@127.0.0.1:{database.port}/{DATABASE}"

        settings = Settings(
            environment="test",
            var_dir=folder,
            secret_key=secrets.token_urlsafe(32),
            database_url=url("app"),
            system_database_url=url("system"),
            migration_database_url=url("owner"),
            provisioner_database_url=url("provisioner"),
            redis_url=streams.url,
            smtp_url=mails.url,
            prepared_statements=True,
            test_clock=True,
            check_events=True,
        )
        try:
            bootstrap(database.admin_url, settings)
            upgrade(settings)
            world = build_world(settings, sender=broker)
            try:
                seed(world)
                yield world
            finally:
                world.close()
        finally:
            for server in (mails, streams, database):
                server.stop()
