"""The four database roles: made by whoever may, as often as one likes, and never more powerful than they should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app.core.bootstrap import BootstrapFailed, bootstrap, check_application_role
from app.core.db import Database
from app.core.ids import new_id
from app.core.settings import ConfigurationError, Settings
from tests.servers import shared

PASSWORD = "p@ss/word:with%signs"
QUOTED = "p%40ss%2Fword%3Awith%25signs"


@dataclass(frozen=True)
class Place:
    """A database that is not there yet, roles of its own, and who may make them."""

    admin_url: str
    settings: Settings
    name: str

    def role(self, kind: str) -> str:
        return f"{self.name}_{kind}"

    def url(self, kind: str) -> str:
        server = urlsplit(self.admin_url)
        netloc = f"{self.role(kind)}:{QUOTED}@{server.hostname}:{server.port}"
        return urlunsplit(("postgresql", netloc, f"/{self.name}", "", ""))


def _run(url: str, *statements: sql.Composed | str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        found: list[Any] = []
        for statement in statements:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            found = cursor.fetchall() if cursor.description else []
        return found


def _named(text: str, **names: str) -> sql.Composed:
    return sql.SQL(text).format(**{key: sql.Identifier(name) for key, name in names.items()})  # type: ignore[arg-type]


@pytest.fixture
def place() -> Iterator[Place]:
    admin_url = shared()["admin_url"]
    name = f"boot_{new_id().hex[-12:]}"
    place = Place(admin_url=admin_url, settings=Settings(environment="test"), name=name)
    yield replace(
        place,
        settings=replace(
            place.settings,
            database_url=place.url("app"),
            migration_database_url=place.url("owner"),
            system_database_url=place.url("system"),
            provisioner_database_url=place.url("provisioner"),
            lease_seconds=45.5,
        ),
    )
    _run(admin_url, _named("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=name))
    for kind in ("app", "owner", "system", "provisioner", "admin"):
        _run(admin_url, _named("DROP ROLE IF EXISTS {name}", name=f"{name}_{kind}"))


def test_it_makes_all_that_is_missing_and_then_nothing(place: Place) -> None:
    first = bootstrap(place.admin_url, place.settings)
    assert len([line for line in first if line.startswith("Role")]) == 4
    assert f"Database {place.name} made." in first
    assert bootstrap(place.admin_url, place.settings) == []
    for kind in ("app", "owner", "system", "provisioner"):
        assert _run(place.url(kind), "SELECT 1") == [(1,)]
    assert {row[0] for row in _run(place.url("app"), "SELECT extname FROM pg_extension")} >= {"btree_gist", "pg_trgm"}


def test_what_each_role_is(place: Place) -> None:
    bootstrap(place.admin_url, place.settings)
    rows = _run(
        place.admin_url,
        sql.SQL(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolreplication, rolcreaterole FROM pg_roles "
            "WHERE starts_with(rolname, {}) ORDER BY rolname"
        ).format(sql.Literal(f"{place.name}_")),
    )
    powers = {name.removeprefix(f"{place.name}_"): tuple(rest) for name, *rest in rows}
    none = (False,) * 5
    assert powers == {"app": none, "owner": none, "system": none, "provisioner": (False, False, False, False, True)}


def test_it_takes_back_what_a_role_should_not_be(place: Place) -> None:
    bootstrap(place.admin_url, place.settings)
    app, system = place.role("app"), place.role("system")
    _run(
        place.admin_url,
        _named("ALTER ROLE {app} SUPERUSER BYPASSRLS CREATEDB PASSWORD 'other'", app=app),
        _named("GRANT {system} TO {app}", app=app, system=system),
    )
    bootstrap(place.admin_url, place.settings)
    assert _run(place.url("app"), "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user") == [
        (False, False)
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _run(place.url("app"), _named("SET ROLE {system}", system=system))


def test_sessions_are_limited(place: Place) -> None:
    bootstrap(place.admin_url, place.settings)
    asked = (
        "SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'),"
        " current_setting('tcp_user_timeout')"
    )
    assert _run(place.url("app"), asked) == [("46s", "5s", "30000")]
    bootstrap(place.admin_url, replace(place.settings, lease_seconds=1.0))
    assert _run(place.url("system"), asked)[0][0] == "30s"


def test_only_the_owner_makes_tables_and_only_the_provisioner_schemas_too(place: Place) -> None:
    bootstrap(place.admin_url, place.settings)
    _run(place.url("owner"), "CREATE TABLE public.made (id int)")
    _run(place.url("provisioner"), "CREATE SCHEMA tenant_one")
    for kind in ("app", "system"):
        for statement in ("CREATE TABLE public.mine (id int)", "CREATE SCHEMA mine", "CREATE TEMP TABLE mine (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                _run(place.url(kind), statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _run(place.url("provisioner"), "SELECT * FROM public.made")


def test_no_other_role_gets_in(place: Place) -> None:
    bootstrap(place.admin_url, place.settings)
    stranger = place.role("admin")
    _run(place.admin_url, _named("CREATE ROLE {name} LOGIN PASSWORD 'p@ss/word:with%signs'", name=stranger))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        _run(place.url("admin"), "SELECT 1")


def test_an_administrator_need_not_be_superuser(place: Place) -> None:
    _run(
        place.admin_url,
        _named(
            "CREATE ROLE {name} LOGIN CREATEROLE CREATEDB PASSWORD 'p@ss/word:with%signs'", name=place.role("admin")
        ),
    )
    admin_url = place.url("admin").rpartition("/")[0] + "/postgres"
    assert f"Database {place.name} made." in bootstrap(admin_url, place.settings)
    assert bootstrap(admin_url, place.settings) == []
    _run(place.url("owner"), "CREATE TABLE public.made (id int)")
    # they are members of the roles that they made, which go before them
    _run(place.admin_url, _named("DROP DATABASE {name} WITH (FORCE)", name=place.name))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"database_url": ""}, "DATABASE_URL must be set"),
        ({"system_database_url": "postgresql://nobody@localhost/db"}, "SYSTEM_DATABASE_URL must be set"),
        ({"migration_database_url": "postgresql://o:p@localhost/other"}, "must name one database"),
    ],
)
def test_urls_that_cannot_be_are_told_before_anything_is_made(place: Place, change: dict[str, str], said: str) -> None:
    with pytest.raises(BootstrapFailed, match=said):
        bootstrap(place.admin_url, replace(place.settings, **change))  # type: ignore[arg-type]


def test_two_urls_with_one_role_are_refused(place: Place) -> None:
    settings = replace(place.settings, system_database_url=place.settings.database_url)
    with pytest.raises(BootstrapFailed, match="four different roles"):
        bootstrap(place.admin_url, settings)


def test_a_server_that_is_not_there_is_a_sentence_without_a_password(place: Place) -> None:
    with pytest.raises(BootstrapFailed) as failed:
        bootstrap("postgresql://admin:topsecret@127.0.0.1:1/postgres", place.settings)
    assert "could not be made ready" in str(failed.value)
    assert "topsecret" not in str(failed.value)


class TestApplicationRole:
    def _check(self, url: str) -> None:
        database = Database(url)
        try:
            check_application_role(database)
        finally:
            database.dispose()

    def test_the_role_that_bootstrap_makes_will_do(self, place: Place) -> None:
        bootstrap(place.admin_url, place.settings)
        _run(place.url("owner"), "CREATE TABLE public.made (id int)")
        self._check(place.url("app"))

    def test_a_superuser_is_refused(self, place: Place) -> None:
        with pytest.raises(ConfigurationError, match="a superuser"):
            self._check(place.admin_url)

    def test_the_tables_owner_is_refused(self, place: Place) -> None:
        bootstrap(place.admin_url, place.settings)
        _run(place.url("owner"), "CREATE TABLE public.made (id int)")
        with pytest.raises(ConfigurationError, match="the owner of tables"):
            self._check(place.url("owner"))

    @pytest.mark.parametrize(
        ("power", "said"), [("BYPASSRLS", "bypass row-level security"), ("CREATEROLE", "make and change roles")]
    )
    def test_a_role_with_more_power_is_refused(self, place: Place, power: str, said: str) -> None:
        bootstrap(place.admin_url, place.settings)
        _run(place.admin_url, _named(f"ALTER ROLE {{app}} {power}", app=place.role("app")))
        with pytest.raises(ConfigurationError, match=said):
            self._check(place.url("app"))

    def test_a_member_of_the_system_role_is_refused(self, place: Place) -> None:
        bootstrap(place.admin_url, place.settings)
        _run(
            place.url("owner"),
            "CREATE TABLE public.made (id int)",
            _named("CREATE POLICY across ON public.made TO {system} USING (true)", system=place.role("system")),
        )
        self._check(place.url("app"))
        _run(place.admin_url, _named("GRANT {s} TO {a}", s=place.role("system"), a=place.role("app")))
        with pytest.raises(ConfigurationError, match="work across owners"):
            self._check(place.url("app"))
