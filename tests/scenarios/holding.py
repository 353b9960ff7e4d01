"""Keeping an order where it is: until the block ends, what it needs next cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from tests.servers import eventually, shared


@contextmanager
def table(settings: Settings, name: str) -> Iterator[None]:
    """Nobody reads this table."""
    with psycopg.connect(settings.migration_database_url) as connection:
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(name)))
        yield


@contextmanager
def insert_of_slug(settings: Settings, slug: str) -> Iterator[None]:
    """Nobody learns whether the slug is free: a tenant of that slug is being made, and then it is not."""
    with psycopg.connect(settings.migration_database_url) as connection:
        connection.execute(
            "INSERT INTO tenants (id, owner_id, name, slug) VALUES (%s, %s, %s, %s)",
            (new_id(), OPERATOR_ID, "In the way", slug),
        )
        yield
        connection.rollback()


@contextmanager
def provisioner(settings: Settings, slug: str) -> Iterator[None]:
    """Nobody makes or removes this tenant's schema."""
    database = settings.provisioner_database_url.rpartition("/")[2]
    with psycopg.connect(settings.provisioner_database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"tenant_{slug}@{database}",))
        yield


@contextmanager
def admin(settings: Settings) -> Iterator[psycopg.Connection]:
    """The database of these tests as the server's superuser."""
    name = settings.migration_database_url.rpartition("/")[2]
    with psycopg.connect(f"{shared()['admin_url'].rpartition('/')[0]}/{name}") as connection:
        yield connection


def until_somebody_waits(settings: Settings, query: str) -> None:
    """Return when a statement like this waits for a lock in the database of these tests."""
    with admin(settings) as connection:
        connection.autocommit = True
        look = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s"
        eventually(lambda: connection.execute(look, (query,)).fetchall(), what=f"{query} to wait")
