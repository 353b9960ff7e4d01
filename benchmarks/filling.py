"""Tables filled by SQL: copies of rows that the product itself wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

_COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER' AND identity_generation IS NULL
"""


def copy_rows(
    connection: psycopg.Connection[Any],
    table: str,
    *,
    where: str,
    number: int,
    instead: Mapping[str, str],
) -> None:
    """Copy the rows of `table` that fit `where` so many times, the table's own triggers off.

    `instead`: by column, the expression that replaces its value; `n` counts the copies from 1, `t` is the row. An identity
    column is counted on unless it is named.
    """
    columns = [str(row[0]) for row in connection.execute(_COLUMNS.encode(), (table,)) if row[0] not in instead]
    into = ", ".join([*columns, *instead])
    values = ", ".join([*(f"t.{column}" for column in columns), *instead.values()])
    insert = (
        f"INSERT INTO {table} ({into}) OVERRIDING SYSTEM VALUE SELECT {values} "
        f"FROM generate_series(1, {number}) AS n, {table} AS t WHERE {where}"
    )
    with connection.transaction():
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        connection.execute(insert.encode())
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())


def settle(connection: psycopg.Connection[Any], *tables: str) -> None:
    """What autovacuum and the checkpointer would do in time: the figures afterwards are those of tables at rest.

    Needs the role `pg_checkpoint`.
    """
    for table in tables:
        connection.execute(f"VACUUM (ANALYZE) {table}".encode())
    connection.execute("CHECKPOINT")
