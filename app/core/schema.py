"""The database's schema by its migrations."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.core.settings import ConfigurationError, Settings


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Migrate up to a revision, as the tables' owner."""
    command.upgrade(_config(settings), revision)


def downgrade(settings: Settings, revision: str) -> None:
    """Migrate down to a revision (`base`: to nothing)."""
    command.downgrade(_config(settings), revision)


def check(settings: Settings) -> None:
    """Raise alembic.util.CommandError when models and migrations differ."""
    command.check(_config(settings))


def head() -> str | None:
    """The newest revision that this version knows."""
    return ScriptDirectory(str(_scripts())).get_current_head()


def _config(settings: Settings) -> Config:
    if not settings.migration_database_url:
        message = "MIGRATION_DATABASE_URL must be set to migrate."
        raise ConfigurationError(message)
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(_scripts()))
    config.attributes["url"] = settings.migration_database_url
    config.attributes["app_role"] = _user(settings.database_url)
    config.attributes["system_role"] = _user(settings.system_database_url)
    return config


def _scripts() -> Path:
    spec = find_spec("migrations")
    if spec is None or spec.origin is None:
        message = "The migrations are not installed with this package."
        raise ConfigurationError(message)
    return Path(spec.origin).parent


def _user(url: str) -> str | None:
    name = urlsplit(url).username
    return unquote(name) if name else None
