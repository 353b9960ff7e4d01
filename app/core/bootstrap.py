"""The database's roles: made once by an administrator, and looked at before production starts.

Four roles, named by the four URLs: the application, the tables' owner (migrations), the system role (work across
owners), the provisioner (tenants' schemas and roles). None is a superuser and none bypasses row-level security;
migrations only grant to them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.db import Database
from app.core.settings import ConfigurationError, Settings

log = logging.getLogger(__name__)

OLDEST_VERSION = 150000
EXTENSIONS = ("btree_gist", "pg_trgm")
MIN_IDLE_SECONDS = 30
LOCK_TIMEOUT = "5s"
TCP_USER_TIMEOUT = "30s"
CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT = "60s"

# any number: two bootstraps at once go one after the other
_LOCK = 7_120_051


class BootstrapFailed(Exception):
    """The database cannot be made ready; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    """One role as its URL names it."""

    setting: str
    name: str
    password: str = field(repr=False)
    database: str
    makes_roles: bool = False

    @property
    def attributes(self) -> dict[str, bool]:
        """The attributes that it has, by their column in pg_roles."""
        return {
            "rolcanlogin": True,
            "rolsuper": False,
            "rolbypassrls": False,
            "rolcreatedb": False,
            "rolreplication": False,
            "rolcreaterole": self.makes_roles,
        }


_WORDS = {
    "rolcanlogin": "LOGIN",
    "rolsuper": "SUPERUSER",
    "rolbypassrls": "BYPASSRLS",
    "rolcreatedb": "CREATEDB",
    "rolreplication": "REPLICATION",
    "rolcreaterole": "CREATEROLE",
}


def bootstrap(admin_url: str, settings: Settings) -> list[str]:
    """Make roles, database and extensions as the settings' URLs name them, and set the roles' limits and grants.

    `admin_url`: a superuser's, or that of a role that may make roles and databases (at the server, not a pooler).
    Repeats without harm: passwords and limits are set again, nothing is dropped. Returns what was new, as sentences.
    Raises BootstrapFailed.
    """
    application, owner, system, provisioner = roles = _roles(settings)
    database = owner.database
    made: list[str] = []
    try:
        with _connected(admin_url) as server, _one_at_a_time(server):
            _require_version(server)
            for role in roles:
                made += _make_role(server, role)
            _keep_apart(server, application=application, others=(owner, system, provisioner))
            _act_for(server, owner)
            made += _make_database(server, database, owner=owner)
            for role in roles:
                _limit(server, role, idle_seconds=max(MIN_IDLE_SECONDS, math.ceil(settings.lease_seconds)))
            with _connected(_in_database(admin_url, database)) as inside:
                made += _make_extensions(inside)
                _grant(inside, database, application=application, owner=owner, system=system, provisioner=provisioner)
    except psycopg.Error as error:
        message = f"The database could not be made ready: {_said(error)}"
        raise BootstrapFailed(message) from error
    for sentence in made:
        log.info(sentence)
    return made


def check_application_role(database: Database) -> None:
    """Refuse an application role that row-level security does not hold, or that cannot be looked at.

    Raises ConfigurationError with a sentence.
    """
    try:
        with database.engine.connect() as connection:
            row = connection.execute(_WHAT_IT_MAY).one()
    except OperationalError:
        raise ConfigurationError("DATABASE_URL cannot be reached, so its role cannot be checked.") from None
    for is_so, what in (
        (row.rolsuper, "a superuser"),
        (row.rolbypassrls, "allowed to bypass row-level security"),
        (row.rolcreaterole, "allowed to make and change roles"),
        (row.owns, "the owner of tables (or a member of the role that is)"),
        (row.crosses, "a member of the role for work across owners"),
    ):
        if is_so:
            message = (
                f"DATABASE_URL names the role {row.rolname}, which is {what}: no tenant's rows would be safe from "
                "another's. Name a role of its own there; `turnup db bootstrap` makes it."
            )
            raise ConfigurationError(message)


_WHAT_IT_MAY = text(
    """
    SELECT rolname, rolsuper, rolbypassrls, rolcreaterole,
           EXISTS (
               SELECT FROM pg_class
               WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                 AND pg_has_role(current_user, relowner, 'MEMBER')
           ) AS owns,
           EXISTS (
               SELECT FROM pg_policy, unnest(polroles) AS role
               WHERE polname = 'across' AND role <> 0 AND pg_has_role(current_user, role, 'MEMBER')
           ) AS crosses
    FROM pg_roles WHERE rolname = current_user
    """
)


def _roles(settings: Settings) -> tuple[_Role, _Role, _Role, _Role]:
    """Application, owner, system, provisioner."""
    roles = (
        _role("DATABASE_URL", settings.database_url),
        _role("MIGRATION_DATABASE_URL", settings.migration_database_url),
        _role("SYSTEM_DATABASE_URL", settings.system_database_url),
        _role("PROVISIONER_DATABASE_URL", settings.provisioner_database_url, makes_roles=True),
    )
    if len({role.name for role in roles}) < len(roles):
        message = f"{', '.join(role.setting for role in roles)} must name four different roles."
        raise BootstrapFailed(message)
    if len({role.database for role in roles}) > 1:
        message = f"{', '.join(role.setting for role in roles)} must name one database."
        raise BootstrapFailed(message)
    return roles


def _role(setting: str, url: str, *, makes_roles: bool = False) -> _Role:
    parts = urlsplit(url)
    name, password, database = (
        unquote(part or "") for part in (parts.username, parts.password, parts.path.lstrip("/"))
    )
    if not (name and password and database):
        message = f"{setting} must be set, with a user, a password and a database."
        raise BootstrapFailed(message)
    return _Role(setting=setting, name=name, password=password, database=database, makes_roles=makes_roles)


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS, application_name="turnup-bootstrap"
    ) as connection:
        # a statement with a password's hash in it is for nobody's log; only superusers may say so
        if _is_superuser(connection):
            connection.execute("SET log_statement = 'none'")
            connection.execute("SET log_min_duration_statement = -1")
        connection.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
        yield connection


@contextmanager
def _one_at_a_time(connection: psycopg.Connection[Any]) -> Iterator[None]:
    # a database cannot be made inside a transaction, so this lock belongs to the (private) session
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _require_version(connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < OLDEST_VERSION:
        found = connection.info.server_version // 10000
        message = f"PostgreSQL {OLDEST_VERSION // 10000} or newer is needed; this is {found}."
        raise BootstrapFailed(message)


def _make_role(connection: psycopg.Connection[Any], role: _Role) -> list[str]:
    name = sql.Identifier(role.name)
    made = []
    columns = ", ".join(role.attributes)
    look = f"SELECT {columns} FROM pg_roles WHERE rolname = %s"  # noqa: S608 - the columns are ours
    row = connection.execute(look.encode(), [role.name]).fetchone()
    if row is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        row = connection.execute(look.encode(), [role.name]).fetchone()
        made.append(f"Role {role.name} made.")
    if row is None:
        message = f"The role {role.name} vanished while it was made."
        raise BootstrapFailed(message)
    # only what differs: saying NOSUPERUSER takes a superuser even where nothing changes
    for (column, wanted), is_so in zip(role.attributes.items(), row, strict=True):
        if wanted != is_so:
            word = sql.SQL(("" if wanted else "NO") + _WORDS[column])
            connection.execute(sql.SQL("ALTER ROLE {} {}").format(name, word))
    verifier = connection.pgconn.encrypt_password(role.password.encode(), role.name.encode(), b"scram-sha-256")
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier.decode())))
    return made


def _keep_apart(connection: psycopg.Connection[Any], *, application: _Role, others: tuple[_Role, ...]) -> None:
    """The application's role is a member of none of the others, so it may not SET ROLE to them."""
    for other in others:
        if not _is_member(connection, application, of=other):
            continue
        names = sql.Identifier(other.name), sql.Identifier(application.name)
        connection.execute(sql.SQL("REVOKE {} FROM {}").format(*names))
        if _is_member(connection, application, of=other):
            message = f"The role {application.name} is a member of {other.name} through another role: revoke that."
            raise BootstrapFailed(message)


def _is_member(connection: psycopg.Connection[Any], role: _Role, *, of: _Role) -> bool:
    row = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [role.name, of.name]).fetchone()
    return bool(row and row[0])


def _act_for(connection: psycopg.Connection[Any], owner: _Role) -> None:
    """Whoever is no superuser gives a database or schema only to a role that it is a member of."""
    if not _is_superuser(connection):
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner.name)))


def _make_database(connection: psycopg.Connection[Any], database: str, *, owner: _Role) -> list[str]:
    row = connection.execute(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    if row is not None:
        if row[0] != "UTF8":
            message = f"The database {database} has the encoding {row[0]}; it must be UTF8."
            raise BootstrapFailed(message)
        return []
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
            sql.Identifier(database), sql.Identifier(owner.name)
        )
    )
    return [f"Database {database} made."]


def _limit(connection: psycopg.Connection[Any], role: _Role, *, idle_seconds: int) -> None:
    """How long a session of this role may hold a transaction open, queue for a lock, hang on a dead network."""
    for name, value in (
        ("idle_in_transaction_session_timeout", f"{idle_seconds}s"),
        ("lock_timeout", LOCK_TIMEOUT),
        ("tcp_user_timeout", TCP_USER_TIMEOUT),
    ):
        connection.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
                sql.Identifier(role.name), sql.Identifier(role.database), sql.SQL(name), sql.Literal(value)
            )
        )


def _make_extensions(connection: psycopg.Connection[Any]) -> list[str]:
    made = []
    for extension in EXTENSIONS:
        there = connection.execute(
            "SELECT installed_version IS NOT NULL FROM pg_available_extensions WHERE name = %s", [extension]
        ).fetchone()
        if there is None:
            message = f"The server lacks the extension {extension}: install PostgreSQL's contrib package."
            raise BootstrapFailed(message)
        if not there[0]:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
            made.append(f"Extension {extension} made.")
    return made


def _grant(
    connection: psycopg.Connection[Any],
    database: str,
    *,
    application: _Role,
    owner: _Role,
    system: _Role,
    provisioner: _Role,
) -> None:
    """Nobody but these four gets in. The provisioner makes schemas, and lets tenants' roles in."""
    names = {
        "database": sql.Identifier(database),
        "application": sql.Identifier(application.name),
        "owner": sql.Identifier(owner.name),
        "system": sql.Identifier(system.name),
        "provisioner": sql.Identifier(provisioner.name),
    }
    for statement in (
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {application}, {system}",
        "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {owner}",
        "GRANT CREATE ON DATABASE {database} TO {provisioner}",
        "GRANT CONNECT ON DATABASE {database} TO {provisioner} WITH GRANT OPTION",
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {application}, {system}",
    ):
        connection.execute(sql.SQL(statement).format(**names))


def _in_database(url: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def _is_superuser(connection: psycopg.Connection[Any]) -> bool:
    return connection.info.parameter_status("is_superuser") == "on"


def _said(error: psycopg.Error) -> str:
    """The server's own words, without the statement: it may hold a password's hash."""
    said = error.diag.message_primary or (str(error) if error.sqlstate is None else type(error).__name__)
    return " ".join(said.split()).rstrip(".") + "."
