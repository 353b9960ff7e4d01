"""Runs migrations as the tables' owner (MIGRATION_DATABASE_URL), giving up on a lock rather than queueing everyone behind it."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from app.core.db import Base
from app.core.settings import Settings
from app.factory import load_models

load_models()


def run() -> None:
    url = context.config.attributes.get("url") or Settings.from_environment().migration_database_url
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_server_default=False,
            include_object=_ours,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:  # noqa: FBT001 - Alembic's signature
    return not (kind == "table" and name is not None and name.startswith("execution_events_"))


run()
