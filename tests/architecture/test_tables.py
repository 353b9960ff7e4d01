"""Row-level security on every table, and roles that cannot get around it: read from the database's own catalogue."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from app.core.settings import Settings
from app.core.world import World

# Tables without an owner.
NOBODYS = {
    "alembic_version": "the migrations' own",
    "clock_offset": "the test clock; one row, no tenant's",
    "elections": "which process does what; no tenant's",
    "integrations": "an outside system is the whole installation's; what is known of it names no tenant but whose turn it was",
    "test_calls": "the tests' own",
    "test_flags": "the tests' own",
}
# Tables whose owner may be null.
ALSO_BUILT_IN = {
    "workflows": "a built-in workflow is nobody's, and readable to all",
    "workflow_versions": "the same",
    "workflow_triggers": "the same",
    "engine_switches": "that of the whole installation",
}
# What the application may read besides its own rows, each by a policy of its own.
READABLE = {
    "tenants": "a tenant's own row",
    "orders": "the order that made the tenant",
    "order_items": "its items",
    "service_activations": "its activations",
    "workflows": "the built-in ones",
    "workflow_versions": "the built-in ones",
    "workflow_triggers": "the built-in ones",
    "engine_switches": "that of the whole installation",
}

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def catalogue(settings: Settings, world: World) -> Any:
    """Ask as the tables' owner."""

    def ask(query: str) -> Rows:
        with psycopg.connect(settings.migration_database_url) as connection:
            return connection.execute(query.encode()).fetchall()

    return ask


def _names(rows: Rows) -> set[str]:
    return {str(row[0]) for row in rows}


TABLES = """
    SELECT c.relname, c.relispartition, c.relrowsecurity, a.attnotnull
    FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


def test_every_table_has_an_owner(catalogue: Any) -> None:
    tables = catalogue(TABLES)
    assert len(tables) > 30
    assert {name for name, *_, not_null in tables if not_null is None} == set(NOBODYS)
    assert {name for name, *_, not_null in tables if not_null is False} == set(ALSO_BUILT_IN)


def test_every_table_with_an_owner_has_row_level_security(catalogue: Any) -> None:
    assert [name for name, _, secured, not_null in catalogue(TABLES) if not_null is not None and not secured] == []


def test_every_table_with_an_owner_has_a_policy_for_both_roles(catalogue: Any, settings: Settings) -> None:
    owned = {name for name, partition, _, not_null in catalogue(TABLES) if not_null is not None and not partition}
    for policy, url in (("own", settings.database_url), ("across", settings.system_database_url)):
        role = urlsplit(url).username
        found = catalogue(
            f"SELECT tablename FROM pg_policies WHERE policyname = '{policy}' AND cmd = 'ALL' AND permissive = 'PERMISSIVE' "
            f"AND roles = ARRAY['{role}']::name[] AND with_check IS NOT NULL"
        )
        assert _names(found) == owned, policy


def test_the_application_s_rows_are_chosen_by_their_owner_only(catalogue: Any) -> None:
    found = catalogue("SELECT DISTINCT qual, with_check FROM pg_policies WHERE policyname = 'own'")
    assert all(qual == with_check for qual, with_check in found)
    # wrapped where no index is to be chosen for it
    conditions = {qual.removesuffix(" IS TRUE)").removeprefix("(").strip("()") for qual, _ in found}
    assert len(conditions) == 1
    assert "owner_id = " in conditions.pop()


def test_who_may_read_more_is_told_by_name(catalogue: Any) -> None:
    found = catalogue("SELECT tablename, cmd FROM pg_policies WHERE policyname NOT IN ('own', 'across')")
    assert dict(found) == dict.fromkeys(READABLE, "SELECT")


def test_partitions_are_reached_through_their_table_only(catalogue: Any, settings: Settings) -> None:
    partitions = [name for name, partition, *_ in catalogue(TABLES) if partition]
    assert len(partitions) > 2
    roles = [urlsplit(url).username for url in (settings.database_url, settings.system_database_url)]
    reached = catalogue(
        "SELECT c.relname FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS act, "
        f"unnest(ARRAY{roles!r}) AS who WHERE c.relispartition AND has_table_privilege(who, c.oid, act)"
    )
    assert reached == []


def test_what_is_a_log_is_added_to_only(catalogue: Any, settings: Settings) -> None:
    roles = [urlsplit(url).username for url in (settings.database_url, settings.system_database_url)]
    changed = catalogue(
        "SELECT c.relname FROM pg_class c, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS act, "
        f"unnest(ARRAY{roles!r}) AS who WHERE c.relname IN ('audit_log', 'execution_events', 'order_history', 'ticket_events', 'invoice_lines') "
        "AND has_table_privilege(who, c.oid, act)"
    )
    assert changed == []


def test_nobody_else_may_use_a_table(catalogue: Any, settings: Settings) -> None:
    known = {
        urlsplit(url).username
        for url in (settings.database_url, settings.system_database_url, settings.migration_database_url)
    }
    grantees = catalogue(
        "SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = 'public'"
    )
    assert _names(grantees) <= known


def test_the_application_s_role_cannot_get_around_it(catalogue: Any, settings: Settings) -> None:
    role = urlsplit(settings.database_url).username
    powers = catalogue(
        f"SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = '{role}'"
    )
    assert powers == [(False,) * 5]
    owned = catalogue(f"SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = '{role}'")
    assert owned == []
    memberships = catalogue(
        f"SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid "
        f"JOIN pg_roles a ON a.oid = m.member WHERE a.rolname = '{role}'"
    )
    assert memberships == []


def test_the_system_s_role_bypasses_nothing_either(catalogue: Any, settings: Settings) -> None:
    role = urlsplit(settings.system_database_url).username
    assert catalogue(f"SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = '{role}'") == [(False, False)]


@pytest.mark.parametrize("other", ["system_database_url", "migration_database_url", "provisioner_database_url"])
def test_the_application_may_not_become_another_role(settings: Settings, world: World, other: str) -> None:
    role = urlsplit(getattr(settings, other)).username
    with (
        psycopg.connect(settings.database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f'SET ROLE "{role}"')
