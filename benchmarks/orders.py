"""Orders per second through the whole pipeline, deployment type `none`: HTTP in, active out, mails queued and delivered."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import httpx

from app.core.ids import OPERATOR_ID, new_id
from app.domains.deployments import service as deployments
from app.http.principal import Principal
from app.http.tokens import Tokens
from benchmarks.stack import Stack, processes, turnup_workers

TIMEOUT_SECONDS = 600


def measure(stack: Stack, *, orders: int, package: str = "starter") -> dict[str, Any]:
    """Place and submit orders over HTTP, and wait until all are active."""
    settings = stack.settings
    api = [sys.executable, "-m", "gunicorn", "--threads", "8", "--worker-class", "gthread", "app.wsgi:app"]
    address = f"127.0.0.1:{settings.api_port}"
    token = Tokens(settings).issue(Principal(new_id(), OPERATOR_ID, "bench@example.com", permissions=frozenset({"*"})))
    with stack.world.database.transaction(OPERATOR_ID) as session:
        templates = session.scalars(deployments.all_templates()).all()
        template = next(each.id for each in templates if each.deployment_type == "none")
    with (
        processes(settings, turnup_workers()),
        processes(settings, {"api": [*api, "--bind", address]}),
        httpx.Client(base_url=f"http://{address}", timeout=30, headers={"Authorization": f"Bearer {token}"}) as client,
    ):
        _until_up(client)
        created = []
        begun = time.perf_counter()
        for _ in range(orders):
            at = time.perf_counter()
            _place(client, package, str(template))
            created.append(time.perf_counter() - at)
        placed = time.perf_counter() - begun
        end = time.monotonic() + TIMEOUT_SECONDS
        states: dict[str, int] = {}
        while states.get("active", 0) + states.get("failed", 0) < orders and time.monotonic() < end:
            time.sleep(0.05)
            states = {str(s): int(str(n)) for s, n in stack.sql("SELECT status, count(*) FROM orders GROUP BY status")}
        took = time.perf_counter() - begun
    return {
        "orders": orders,
        "package": package,
        "states": states,
        "failures": [
            str(row)
            for row in stack.sql("SELECT DISTINCT error FROM workflow_executions WHERE state = 'failed' LIMIT 5")
        ],
        "orders_per_second": orders / took,
        "placed_per_second": orders / placed,
        "place_and_submit_p50_ms": statistics.median(created) * 1000,
        "place_and_submit_p99_ms": statistics.quantiles(created, n=100)[98] * 1000,
        "seconds": took,
    }


def _place(client: httpx.Client, package: str, template_id: str) -> None:
    slug = f"b{new_id().hex[-14:]}"
    order = client.post(
        "/api/v1/orders",
        json={
            "customer_email": f"{slug}@example.com",
            "customer_name": "Bench Mark",
            "company_name": f"Bench {slug}",
            "organization_slug": slug,
            "deployment_region": "us-east-1",
            "package_code": package,
            "billing_cycle": "monthly",
            "deployment_template_id": template_id,
        },
    )
    order.raise_for_status()
    client.post(f"/api/v1/orders/{order.json()['id']}/submit", json={"auto_activate": True}).raise_for_status()


def _until_up(client: httpx.Client) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if client.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError
