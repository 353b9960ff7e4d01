"""The API: how fast orders are made and submitted, how long lists and statistics take, and the whole pipeline's rate.

Everything is asked over HTTP, of the API as `./worker.sh api` starts it, with workers at hand that share the processors.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from threading import local
from typing import Any

from rich.table import Table

from app.core.ids import OPERATOR_ID, new_id
from app.domains.deployments import service as deployments
from app.http.principal import Principal
from app.http.tokens import Tokens
from benchmarks.filling import copy_rows, settle
from benchmarks.stack import Stack, beat, processes, turnup_workers

TIMEOUT_SECONDS = 600
CLIENTS = 4
STEADY_RATE = 40
TIMES = 30
WARM_LISTS = 20
WARM_ORDERS = 200
"""Until the connections of the API's processes have prepared their statements."""
PIPELINE_ORDERS = 100

LISTS = {
    "newest first": "/api/v1/orders",
    "by status": "/api/v1/orders?status=active",
    "by customer": "/api/v1/orders?customer_email=customer500@example.com",
    "since a moment": "/api/v1/orders?created_after=2026-01-01T00:00:00Z",
    "search, found often": "/api/v1/orders?q=bench",
    "search, a thousand found": "/api/v1/orders?q=B0000777",
    "search, found once": "/api/v1/orders?q=B0000777000",
}
STATISTICS = "/api/v1/orders/stats/summary"

BARS = {
    "created_per_second": (80.0, True),
    "steady_p99_ms": (100.0, False),
    "slowest_list_p95_ms": (50.0, False),
    "statistics_p95_ms": (20.0, False),
}


class Client:
    """JSON over connections that are kept open, one for each thread: the client must not cost what is to be measured."""

    def __init__(self, stack: Stack) -> None:
        settings = stack.settings
        principal = Principal(new_id(), OPERATOR_ID, "bench@example.com", permissions=frozenset({"*"}))
        token = Tokens(settings).issue(principal)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._address = ("127.0.0.1", settings.api_port)
        self._local = local()
        with stack.world.database.transaction(OPERATOR_ID) as session:
            templates = session.scalars(deployments.all_templates()).all()
            self._template = str(next(each.id for each in templates if each.deployment_type == "none"))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer's document. Raises RuntimeError for any answer that is no success."""
        if not hasattr(self._local, "connection"):
            self._local.connection = HTTPConnection(*self._address, timeout=30)
        connection: HTTPConnection = self._local.connection
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            connection.close()  # the next request opens it anew
            raise
        if answer.status >= 300:  # noqa: PLR2004
            message = f"{method} {path}: {answer.status} {text[:500]!r}"
            raise RuntimeError(message)
        return json.loads(text)

    def order(self, package: str = "starter") -> int:
        """Make a draft; returns its id."""
        slug = f"b{new_id().hex[-14:]}"
        made = self.ask(
            "POST",
            "/api/v1/orders",
            {
                "customer_email": f"{slug}@example.com",
                "customer_name": "Bench Mark",
                "company_name": f"Bench {slug}",
                "organization_slug": slug,
                "deployment_region": "us-east-1",
                "package_code": package,
                "billing_cycle": "monthly",
                "deployment_template_id": self._template,
            },
        )
        return int(made["id"])

    def order_and_submit(self) -> None:
        """Make an order and have it activated."""
        self.ask("POST", f"/api/v1/orders/{self.order()}/submit", {"auto_activate": True})


def measure(stack: Stack, *, orders: int, many: int, say: Callable[[str], object]) -> dict[str, Any]:
    """All of it. `orders`: of each part; `many`: how many there are when lists and statistics are timed."""
    # the API comes last: it hangs up on a client that says nothing while workers start
    with processes(stack.settings, turnup_workers(number=1)), _api(stack) as client:
        found = {"created_per_second": _created_per_second(client, orders)}
        say(f"orders made: {found['created_per_second']:.0f} a second")
        found |= _steady(client, orders)
        say(f"at {STEADY_RATE} a second: p50 {found['steady_p50_ms']:.0f} ms, p99 {found['steady_p99_ms']:.0f} ms")
    with processes(stack.settings, beat() | turnup_workers()), _api(stack) as client:
        found |= {"pipeline": _pipeline(stack, client, min(orders, PIPELINE_ORDERS))}
        say(f"whole pipeline: {found['pipeline']['orders_per_second']:.1f} orders a second")
    _fill(stack, many)
    say(f"{many} orders in the tables")
    with _api(stack) as client:
        found |= _lists(client)
    return found | {"orders": orders, "orders_in_tables": many}


@contextmanager
def _api(stack: Stack) -> Iterator[Client]:
    """The API, and a client of its own: the connections of the one before are closed."""
    client = Client(stack)
    api = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-c", "app/gunicorn.conf.py", "app.wsgi:app"]
    with processes(stack.settings, {"api": api}):
        _until_up(client)
        yield client


def _created_per_second(client: Client, number: int) -> float:
    """Drafts as fast as four clients get them."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda _: client.order(), range(WARM_ORDERS)))
        begun = time.perf_counter()
        list(pool.map(lambda _: client.order(), range(number)))
        return number / (time.perf_counter() - begun)


def _steady(client: Client, number: int) -> dict[str, float]:
    """Drafts at a fixed rate; each is timed from the moment at which it was due, so that waiting counts."""
    begun = time.perf_counter() + 0.1

    def due(n: int) -> float:
        at = begun + n / STEADY_RATE
        time.sleep(max(0.0, at - time.perf_counter()))
        client.order()
        return (time.perf_counter() - at) * 1000

    with ThreadPoolExecutor(STEADY_RATE) as pool:
        took = list(pool.map(due, range(number)))
    return {"steady_p50_ms": statistics.median(took), "steady_p99_ms": statistics.quantiles(took, n=100)[98]}


def _pipeline(stack: Stack, client: Client, number: int) -> dict[str, Any]:
    """Orders from HTTP to active, one placed after the other while the workers run them."""
    begun = time.perf_counter()
    for _ in range(number):
        client.order_and_submit()
    placed = time.perf_counter() - begun
    end = time.monotonic() + TIMEOUT_SECONDS
    states: dict[str, int] = {}
    while states.get("active", 0) + states.get("failed", 0) < number and time.monotonic() < end:
        time.sleep(0.05)
        states = {str(s): int(str(n)) for s, n in stack.sql("SELECT status, count(*) FROM orders GROUP BY status")}
    return {
        "orders": number,
        "orders_per_second": number / (time.perf_counter() - begun),
        "placed_per_second": number / placed,
        "active": states.get("active", 0),
        "failed": states.get("failed", 0),
    }


def _fill(stack: Stack, number: int) -> None:
    """Copy an order until there are so many: over two years, in all states, a thousand customers."""
    connection = stack.connection
    one = "t.id = (SELECT min(id) FROM orders WHERE status = 'active')"
    at = f"now() - n * interval '730 days' / {number}"
    copy_rows(
        connection,
        "orders",
        where=one,
        number=number,
        instead={
            "order_number": "'B' || lpad(n::text, 10, '0')",
            "customer_email": "'customer' || n % 1000 || '@example.com'",
            "organization_slug": "'bench-' || n",
            "status": "(ARRAY['active', 'active', 'active', 'failed', 'cancelled', 'draft'])[1 + n % 6]",
            "execution_id": "NULL",
            "tenant_id": "NULL",
            "external_order_id": "NULL",
            "created_at": at,
            "updated_at": at,
        },
    )
    connection.execute(
        "INSERT INTO order_statistics (owner_id, day, status, currency, orders, revenue, seconds) "
        "SELECT owner_id, created_at::date, status, currency, count(*), sum(total_amount), sum(coalesce(processing_seconds, 0)) "
        "FROM orders WHERE order_number LIKE 'B%' GROUP BY 1, 2, 3, 4"
    )
    settle(connection, "orders", "order_statistics")


def _lists(client: Client) -> dict[str, Any]:
    def milliseconds(path: str) -> float:
        begun = time.perf_counter()
        client.ask("GET", path)
        return (time.perf_counter() - begun) * 1000

    def p95(path: str) -> float:
        for _ in range(WARM_LISTS):
            milliseconds(path)
        return statistics.quantiles([milliseconds(path) for _ in range(TIMES)], n=20)[-1]

    lists = {name: p95(path) for name, path in LISTS.items()}
    return {"lists_p95_ms": lists, "slowest_list_p95_ms": max(lists.values()), "statistics_p95_ms": p95(STATISTICS)}


def _until_up(client: Client) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            client.ask("GET", "/healthz")
        except (OSError, HTTPException, RuntimeError):
            time.sleep(0.05)
        else:
            return
    message = "the API did not come up"
    raise TimeoutError(message)


def table(found: dict[str, Any]) -> Table:
    """The figures with their bars."""
    made = Table("API", "measured", "bar", "")
    for name, (limit, at_least) in BARS.items():
        holds = found[name] >= limit if at_least else found[name] <= limit
        made.add_row(
            name.replace("_", " "),
            f"{found[name]:.1f}",
            f"{'>=' if at_least else '<='} {limit:g}",
            "[green]pass[/green]" if holds else "[red]FAIL[/red]",
        )
    for name, value in found["lists_p95_ms"].items():
        made.add_row(f"list, {name}, p95 ms", f"{value:.1f}", "", "")
    pipeline = found["pipeline"]
    made.add_row(
        "orders a second, HTTP to active",
        f"{pipeline['orders_per_second']:.1f}",
        "",
        f"{pipeline['active']} of {pipeline['orders']} active",
    )
    return made
