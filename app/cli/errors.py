"""How the command line says what went wrong.

click.ClickException
└── Failed   it cannot be done: a sentence that says what to do; exit code 1
"""

from __future__ import annotations

from typing import IO, Any

import psycopg
from click import ClickException, echo
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from app.core.bootstrap import BootstrapFailed
from app.core.errors import BusinessError
from app.core.settings import ConfigurationError
from app.embedded.errors import EmbeddedError
from pipelines.errors import DefinitionError

KNOWN = (BusinessError, DefinitionError, ConfigurationError, BootstrapFailed, EmbeddedError, DBAPIError, RedisError)
"""What `explained` has words for; any other exception is a fault of the program and keeps its traceback."""

_MISSING_TABLE = "42P01"
_MISSING_SCHEMA = "3F000"


class Failed(ClickException):
    """It cannot be done; the message is a sentence that says what to do."""

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentence as it stands."""
        echo(self.message, file=file, err=file is None)


def explained(error: Exception) -> str:
    """An expected error in words, its faults one a line. Holds no password."""
    match error:
        case BusinessError():
            is_told = [fault.message for fault in error.faults] == [error.message]
            return "\n".join([error.message, *(f"  {fault}" for fault in error.faults if not is_told)])
        case DefinitionError():
            return "\n".join(["The definition cannot run.", *(f"  {fault}" for fault in error.faults)])
        case DBAPIError():
            return _database_error(error)
        case RedisError():
            return f"Redis cannot be used ({first_line(error)}): see that the server behind REDIS_URL runs."
        case _:
            return str(error)


def _database_error(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    if state in {_MISSING_TABLE, _MISSING_SCHEMA}:
        return "The database is not migrated: run `turnup migrate`."
    if state is None and isinstance(error.orig, psycopg.OperationalError):
        return (
            f"The database does not answer ({first_line(error.orig)}): see that the server behind DATABASE_URL runs; "
            "where `turnup up` brings it, that has to be running."
        )
    return f"The database refuses this: {first_line(error.orig or error)}"


def first_line(error: BaseException) -> str:
    """An error's text without what follows its first line, or its name where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
