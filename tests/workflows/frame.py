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

COUNTERS = {"invoice_series", "license_signing_keys", "teams"}
"""What is made at its first use and then stays: numbers are not given twice."""

OVER: Mapping[str, str] = {
    "customers": "status = 'inactive'",
    "partner_customers": "customer_id IN (SELECT id FROM customers WHERE status = 'inactive')",
    "customer_addresses": "customer_id IN (SELECT id FROM customers WHERE status = 'inactive')",
    "orders": "status IN ('cancelled', 'failed')",
    "order_items": "order_id IN (SELECT id FROM orders WHERE status IN ('cancelled', 'failed'))",
    "service_activations": "order_id IN (SELECT id FROM orders WHERE status IN ('cancelled', 'failed'))",
    "quotes": "status = 'withdrawn'",
    "quote_items": "quote_id IN (SELECT id FROM quotes WHERE status = 'withdrawn')",
    "licenses": "status = 'revoked'",
    "license_allocations": "returned_at IS NOT NULL",
    "allocated_licenses": "allocation_id IN (SELECT id FROM license_allocations WHERE returned_at IS NOT NULL)",
    "subscriptions": "status = 'cancelled'",
    "subscription_extensions": "restored_at IS NOT NULL",
    "commissions": "status = 'void'",
    # an invoice keeps its number: it is credited whole
    "invoices": "kind = 'credit_note' OR credited_amount = total_amount",
    "invoice_lines": "invoice_id IN (SELECT id FROM invoices WHERE kind = 'credit_note' OR credited_amount = total_amount)",
    "payments": "status IN ('refunded', 'failed', 'cancelled')",
    "refunds": "true",
    "payables": "status = 'withdrawn'",
    "payable_sources": "payable_id IN (SELECT id FROM payables WHERE status = 'withdrawn')",
    "tickets": "status = 'closed'",
    "ticket_messages": "true",
    "ticket_events": "true",
    "deployment_instances": "state = 'destroyed'",
    "scheduled_deployments": "state = 'cancelled'",
    # what no step has sent tells of what happened, the cancellation of an order, say
    "messages": "status = 'withdrawn' OR NOT starts_with(key, 'step:')",
    "notifications": "status = 'withdrawn'",
    "notification_recipients": "true",
    "notification_channels": "true",
}
"""Which rows of a table are history."""

VOLATILE = ("updated_at", "version", "search_text")
POINTERS = ("order_id", "ordered_for")
"""By these a quote names the order that was made of it last, also when that was cancelled."""

Standing = dict[str, dict[str, dict[str, Any]]]

_TABLES = text(
    """
    SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND c.column_name = 'owner_id' AND t.table_type = 'BASE TABLE' ORDER BY c.table_name
    """
)


def differences(before: Standing, after: Standing) -> list[str]:
    """What is not as it was, a line for each row and field."""
    found = []
    keys = {(table, key) for state in (before, after) for table, rows in state.items() for key in rows}
    for table, key in sorted(keys):
        was, is_ = before.get(table, {}).get(key), after.get(table, {}).get(key)
        if was is None or is_ is None:
            found.append(f"{table} {key}: {'is new' if was is None else 'is gone'}: {is_ or was}")
            continue
        found += [
            f"{table} {key}: {name} was {was.get(name)!r} and is {is_.get(name)!r}"
            for name in sorted(was.keys() | is_.keys())
            if was.get(name) != is_.get(name)
        ]
    return found


def standing(office: Office) -> Standing:
    """Every row that stands, by table and key, without what changes with each write."""
    dropped = "".join(f" - '{name}'" for name in VOLATILE)
    pointers = "".join(f" - '{name}'" for name in POINTERS)
    found: Standing = {}
    with office.world.across.transaction() as session:
        tables = [name for name in session.execute(_TABLES).scalars() if _is_compared(name)]
    with office.session() as session:
        for table in tables:
            over = OVER.get(table, "false")
            rows: Any = session.execute(
                text(
                    f"SELECT to_jsonb(t){dropped}{pointers if table == 'quotes' else ''} FROM {table} t WHERE owner_id = :owner AND NOT ({over})"
                ),
                {"owner": office.owner},
            ).scalars()
            found[table] = {str(row.get("id") or sorted(row.items())): row for row in rows}
    return found


def _is_compared(table: str) -> bool:
    return table not in COUNTERS and not table.startswith(HISTORY)
