"""Row-level security, grants and triggers that every table gets, in the words of a migration.

The roles are made outside (`turnup db bootstrap`); a migration only grants to the names that the configured URLs carry.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from alembic import context, op

from app.core.settings import Settings

OWNER = "(SELECT nullif(current_setting('app.owner_id', true), '')::uuid)"
ALL = "SELECT, INSERT, UPDATE, DELETE"


def application_role() -> str:
    """The role of DATABASE_URL."""
    return _role("app_role", "database_url")


def system_role() -> str:
    """The role of SYSTEM_DATABASE_URL."""
    return _role("system_role", "system_database_url")


def _role(attribute: str, setting: str) -> str:
    name = context.config.attributes.get(attribute)
    if name is None:
        name = urlsplit(getattr(Settings.from_environment(), setting)).username
    if not name:
        message = f"no role to grant to: {setting.upper()} is not set"
        raise RuntimeError(message)
    return '"' + str(name).replace('"', '""') + '"'


def protect(table: str, *, readable: str | None = None, own: str | None = None, privileges: str = ALL) -> None:
    """Wall in a table of tenants' rows.

    `own`: the condition for full access, by default `owner_id` is the transaction's owner. `readable`: a further condition
    under which rows may be read but not changed. `privileges`: what both roles may do at all (append-only: SELECT, INSERT).
    """
    condition = own or f"owner_id = {OWNER}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own ON {table} TO {application_role()} USING ({condition}) WITH CHECK ({condition})")
    if readable:
        op.execute(f"CREATE POLICY readable ON {table} FOR SELECT TO {application_role()} USING ({readable})")
    op.execute(f"CREATE POLICY across ON {table} TO {system_role()} USING (true) WITH CHECK (true)")
    grant(table, privileges)


def grant(table: str, privileges: str = ALL) -> None:
    """Let both roles use a table."""
    op.execute(f"GRANT {privileges} ON {table} TO {application_role()}, {system_role()}")


def keep_updated_at(table: str) -> None:
    """Set updated_at on each change, also on a direct SQL write."""
    op.execute(f"CREATE TRIGGER touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_updated_at()")


def searchable(table: str, id_type: str, *, seen: str) -> None:
    """A function `<table>_found(pattern, most)`: the ids of rows whose search_text is like the pattern, `/` being the escape.

    It runs as the table's owner, whom no policy holds, so that the trigram index can be used; `seen` is the wall that the
    policies were: the rows that the transaction's owner may read.
    """
    op.execute(
        f"""
        CREATE FUNCTION {table}_found(pattern text, most int) RETURNS SETOF {id_type}
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $found$
        BEGIN
          -- planned for the pattern itself: a rare one by the index, a frequent one by what comes first
          RETURN QUERY EXECUTE format(
            $$SELECT id FROM {table} WHERE search_text LIKE %L ESCAPE '/' AND ({seen}) LIMIT %s$$, pattern, most);
        END $found$
        """
    )
    op.execute(f"REVOKE ALL ON FUNCTION {table}_found(text, int) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {table}_found(text, int) TO {application_role()}")
