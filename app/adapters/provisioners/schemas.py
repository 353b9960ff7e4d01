"""A tenant's own database schema and role, made and removed as the provisioner's role (PostgreSQL 15 and newer).

Roles belong to the whole server, so a role's name carries the database's name too: two installations on one server
may have tenants of one slug. Since PostgreSQL 16 the maker of a role may administer it but neither use it nor become it
until it grants that to itself; before, CREATEROLE alone allows the grant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from app.adapters.provisioners.errors import ProvisioningFailed

PREFIX = "tenant_"
LONGEST_NAME = 63  # bytes of a PostgreSQL identifier; what is longer would be cut off silently
GRANT_OPTIONS_SINCE = 160000
CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 15_000

_ROLE = "SELECT 1 FROM pg_roles WHERE rolname = %s"
_OWNED = "SELECT 1 FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = %s AND r.rolname = %s"


@dataclass(frozen=True, slots=True)
class Names:
    """What a tenant's things are called in the database."""

    schema: str
    role: str


class TenantSchemas:
    """Makes and removes tenants' schemas through one database URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def names(self, slug: str) -> Names:
        """The names for a slug, without looking whether they exist."""
        database = psycopg.conninfo.conninfo_to_dict(self._url).get("dbname", "")
        return Names(schema=_fitting(f"{PREFIX}{slug}"), role=_fitting(f"{PREFIX}{slug}@{database}"))

    def create(self, slug: str) -> Names:
        """Make role and schema, both or neither; what is there already is kept.

        Raises ProvisioningFailed, also when a schema of that name belongs to somebody else.
        """
        names = self.names(slug)
        role, schema = sql.Identifier(names.role), sql.Identifier(names.schema)
        with self._transaction(names) as connection:
            if not _exists(connection, _ROLE, names.role):
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(role))
            _become_member(connection, names.role)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, role))
            if not _exists(connection, _OWNED, names.schema, names.role):
                message = f"There is a schema {names.schema} already, which belongs to somebody else."
                raise ProvisioningFailed(message, permanent=True)
        return names

    def drop(self, slug: str) -> None:
        """Remove the role with its schema and all else that it owns; nothing happens when it is gone.

        A schema of that name which belongs to somebody else stays. Raises ProvisioningFailed.
        """
        names = self.names(slug)
        role = sql.Identifier(names.role)
        with self._transaction(names) as connection:
            if _exists(connection, _ROLE, names.role):
                _become_member(connection, names.role)
                connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
                connection.execute(sql.SQL("DROP ROLE {}").format(role))

    @contextmanager
    def _transaction(self, names: Names) -> Iterator[psycopg.Connection]:
        """One transaction in which nobody else makes or removes these names. Raises ProvisioningFailed."""
        try:
            with psycopg.connect(
                self._url,
                connect_timeout=CONNECT_SECONDS,
                application_name="turnup-provisioner",
                prepare_threshold=None,
                tcp_user_timeout=30_000,
            ) as connection:
                connection.execute(
                    "SELECT set_config('statement_timeout', %s, true), pg_advisory_xact_lock(hashtextextended(%s, 0))",
                    (str(STATEMENT_MILLISECONDS), names.role),
                )
                yield connection
        except psycopg.OperationalError as error:
            message = f"The database for the schema {names.schema} did not answer ({type(error).__name__})."
            raise ProvisioningFailed(message, permanent=False) from error
        except psycopg.Error as error:
            message = f"The schema {names.schema} could not be changed: {error.diag.message_primary}."
            raise ProvisioningFailed(message, permanent=True) from error


def _become_member(connection: psycopg.Connection, role: str) -> None:
    """Let the provisioner's role use the tenant's role: needed to give it a schema, and to remove what it owns."""
    options = " WITH INHERIT TRUE, SET TRUE" if connection.info.server_version >= GRANT_OPTIONS_SINCE else ""
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER" + options).format(sql.Identifier(role)))


def _exists(connection: psycopg.Connection, query: LiteralString, *names: str) -> bool:
    return connection.execute(query, names).fetchone() is not None


def _fitting(name: str) -> str:
    """The name, or a shortened one with a digest behind `_`: no slug holds one, so no slug can imitate it."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST_NAME - 13]}_{digest}"
