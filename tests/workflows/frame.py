"""What is compared before and after a rollback: every row of the seller that means something, whatever table it is in.

What stays is history, and says so: an order that is cancelled, a quote that is withdrawn, a payment that was given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from tests.workflows.office import Office

HISTORY = (
    "audit_log",
    "outbox",
    "execution_",
    "workflow_",
    "order_history",
    "order_statistics",
    "bulk_",
    "idempotency",
    "sealed_secrets",
)
"""Tables, by how their names begin, to which rows are only added, or that are about executions themselves."""

COUNTERS = {"billing_series", "invoice_series", "license_signing_keys", "teams"}
"""What is made at its first use and then stays: numbers are not given twice."""

OVER: Mapping[str, str] = {
    "customers": "status = 'inactive'",
    "customer_addresses": "customer_id IN (SELECT id FROM customers WHERE status = 'inactive')",
    "orders": "status IN ('cancelled', 'failed')",
    "order_items": "order_id IN (SELECT id FROM orders WHERE status IN ('cancelled', 'failed'))",
    "service_activations": "order_id IN (SELECT id FROM orders WHERE status IN ('cancelled', 'failed'))",
    "quotes": "status = 'withdrawn'",
    "quote_items": "quote_id IN (SELECT id FROM quotes WHERE status = 'withdrawn')",
    "licenses": "status = 'revoked'",
    "license_allocations": "status = 'returned'",
    "subscriptions": "status = 'cancelled'",
    "subscription_extensions": "undone_at IS NOT NULL",
    "commissions": "status = 'void'",
    "payments": "status IN ('refunded', 'failed', 'cancelled')",
    "refunds": "true",
    "payables": "status = 'withdrawn'",
    "tickets": "status = 'closed'",
    "ticket_messages": "true",
    "ticket_events": "true",
    "deployment_instances": "state = 'destroyed'",
    "scheduled_deployments": "state = 'cancelled'",
    "messages": "status = 'withdrawn'",
    "notifications": "status = 'withdrawn'",
    "notification_recipients": "true",
    "notification_channels": "true",
}
"""Which rows of a table are history."""

VOLATILE = ("updated_at", "version", "search_text")

_TABLES = text(
    """
    SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND c.column_name = 'owner_id' AND t.table_type = 'BASE TABLE' ORDER BY c.table_name
    """
)


def standing(office: Office) -> dict[str, list[str]]:
    """Every row that stands, by table, as JSON text without what changes with each write."""
    dropped = "".join(f" - '{name}'" for name in VOLATILE)
    found: dict[str, list[str]] = {}
    with office.world.across.transaction() as session:
        tables = [name for name in session.execute(_TABLES).scalars() if _is_compared(name)]
    with office.session() as session:
        for table in tables:
            over = OVER.get(table, "false")
            rows: Any = session.execute(
                text(
                    f"SELECT (to_jsonb(t){dropped})::text FROM {table} t "
                    f"WHERE owner_id = :owner AND NOT ({over}) ORDER BY 1"
                ),
                {"owner": office.owner},
            ).scalars()
            found[table] = list(rows)
    return {table: rows for table, rows in found.items() if rows}


def _is_compared(table: str) -> bool:
    return table not in COUNTERS and not table.startswith(HISTORY)
