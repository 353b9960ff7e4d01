"""Migrations go up, down and up again, and make what the models say; on a database of their own."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory

from app.core import schema
from app.core.bootstrap import bootstrap
from app.core.ids import new_id
from app.core.settings import Settings
from app.factory import load_models
from tests.architecture.code import ROOT
from tests.servers import settings_for, shared

load_models()

# what stands in the schema, extensions' things apart
THINGS = """
    SELECT 'table ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
    UNION ALL SELECT 'function ' || proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL SELECT 'column ' || table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'type ' || typname FROM pg_type t WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
    UNION ALL SELECT 'policy ' || policyname || ' on ' || tablename || ': ' || qual FROM pg_policies
    UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'index ' || indexname || ': ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1
"""


@pytest.fixture(scope="module")
def empty() -> Settings:
    """Settings of a database with nothing in it."""
    settings = settings_for(f"migrations_{new_id().hex[-12:]}", 0)
    bootstrap(shared()["admin_url"], settings)
    return settings


def _things(settings: Settings) -> list[Any]:
    with psycopg.connect(settings.migration_database_url) as connection:
        return [row[0] for row in connection.execute(THINGS.encode()) if "alembic_version" not in row[0]]


def test_up_down_and_up_again(empty: Settings) -> None:
    schema.upgrade(empty)
    schema.check(empty)
    made = _things(empty)
    schema.downgrade(empty, "base")
    assert _things(empty) == []
    schema.upgrade(empty)
    assert _things(empty) == made
    schema.check(empty)


def test_each_can_be_taken_back_alone(empty: Settings) -> None:
    schema.upgrade(empty)
    before = _things(empty)
    for _ in _revisions()[1:]:
        schema.downgrade(empty, "-1")
        lower = _things(empty)
        assert set(lower) != set(before)
        assert len(lower) <= len(before)
        before = lower
    schema.upgrade(empty)
    schema.check(empty)


def test_they_stand_in_one_line() -> None:
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1


def _revisions() -> list[str]:
    return [script.revision for script in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()]
