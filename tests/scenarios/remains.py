"""What an order has set up and is still there: in the database, on the disk and on the network."""

from __future__ import annotations

import httpx
import psycopg

from app.core.settings import Settings
from tests.servers import Json

OF_THE_TENANT = (
    "subscriber_realms",
    "radius_realms",
    "radius_nas_clients",
    "monitoring_targets",
    "monitoring_checks",
    "report_sets",
    "enabled_triggers",
    "billing_accounts",
    "subscriptions",
)

DEPLOYED = frozenset({"tenant", "schema", "role", "directory", "endpoint", "deployment_instance", "effects"})
STARTED = DEPLOYED | {"subscriber_realms", "billing_accounts", "subscriptions"}


def tenant_answer(settings: Settings, slug: str, path: str = "/") -> httpx.Response:
    """What the endpoints process answers under the tenant's host name."""
    return httpx.get(
        f"http://127.0.0.1:{settings.endpoints_port}{path}",
        headers={"Host": f"{slug}.{settings.base_domain}"},
        timeout=5,
        trust_env=False,
    )


def remains(settings: Settings, order: Json) -> set[str]:
    """Names of what is left of an order."""
    slug, order_id = order["organization_slug"], order["id"]
    queries = {
        "tenant": ("SELECT count(*) FROM tenants WHERE slug = %s", slug),
        "schema": ("SELECT count(*) FROM pg_namespace WHERE nspname = %s", f"tenant_{slug}"),
        "role": ("SELECT count(*) FROM pg_roles WHERE starts_with(rolname, %s)", f"tenant_{slug}@"),
        "sealed_secrets": ("SELECT count(*) FROM sealed_secrets WHERE strpos(purpose, %s) > 0", slug),
        "deployment_instance": (
            "SELECT count(*) FROM deployment_instances WHERE state <> 'destroyed' AND order_id = %s",
            order_id,
        ),
        "effects": (
            """
            SELECT count(*) FROM execution_effects WHERE state IN ('intended', 'confirmed') AND undo_operation IS NOT NULL
              AND execution_id IN (SELECT id FROM workflow_executions WHERE correlation_id = %s)
            """,
            order["order_number"],
        ),
    }
    for table in OF_THE_TENANT:
        of_the_order = "SELECT tenant_id FROM service_activations WHERE order_id = %s"
        queries[table] = (f"SELECT count(*) FROM {table} WHERE tenant_id IN ({of_the_order})", order_id)
    found = set()
    with psycopg.connect(settings.migration_database_url) as connection:
        for name, (query, parameter) in queries.items():
            row = connection.execute(query.encode(), (parameter,)).fetchone()
            if row is not None and row[0]:
                found.add(name)
    if (settings.var_dir / "tenants" / slug).exists():
        found.add("directory")
    if tenant_answer(settings, slug).status_code != 404:
        found.add("endpoint")
    return found
