"""Orders and workflows by HTTP, as customers place them: repeated under the same key for as long as nobody answers."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from chaos.stack import SERVICE, Stack
from chaos.workflows import Made

log = logging.getLogger(__name__)

THREADS = 4
ANSWER_SECONDS = 20.0
PATIENCE_SECONDS = 600.0
"""How long a request is repeated; no fault lasts that long."""
AGAIN_SECONDS = 0.3
MOST_AT_WORK = 40
"""Executions under way beyond which nothing new is placed: a backlog would hide what a fault does."""
WORKFLOWS_PER_ORDER = 0.6
REFUSED_FROM = 400
TOO_EARLY = frozenset({401, 408, 409, 425, 429})
"""Answers under which the same request may succeed later: 409 is also "this key is being answered right now"."""
SERVER_ERROR = 500


@dataclass(slots=True)
class Placed:
    """Something that the API accepted (`accepted`), or may have. `ends`: what it has to become."""

    kind: str
    key: str
    ends: frozenset[str]
    accepted: bool = False
    id: int | None = None
    answers: list[str] = field(default_factory=list)


class Load:
    """Places orders evenly over the time, from threads of its own, until the number is reached and the time is over."""

    def __init__(self, stack: Stack, *, orders: int, workflows: Sequence[Made], seconds: float, seed: int) -> None:
        self.placed: list[Placed] = []
        self.repeated = 0
        self.refused: Counter[str] = Counter()
        self._stack = stack
        self._random = random.Random(seed)
        self._begun = time.monotonic()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._at_work = 0
        self._workflows = workflows
        self._plan = self._planned(orders)
        self._threads = [threading.Thread(target=self._work, name=f"load{n}", daemon=True) for n in range(THREADS)]
        self._threads.append(threading.Thread(target=self._watch, name="watch", daemon=True))

    def start(self) -> None:
        """Save the workflows and begin."""
        with self._stack.client(timeout=ANSWER_SECONDS) as client:
            for made in self._workflows:
                client.post("/api/v1/workflows", json=made.document).raise_for_status()
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()

    @property
    def orders(self) -> int:
        """Orders accepted so far."""
        return sum(placed.kind == "order" and placed.accepted for placed in list(self.placed))

    def is_placing(self) -> bool:
        return any(thread.is_alive() for thread in self._threads[:THREADS])

    def stop(self) -> None:
        """Place nothing more; returns when every open request has its answer."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _planned(self, orders: int) -> list[tuple[float, str]]:
        plan = [(self._seconds * n / orders, "order") for n in range(orders)]
        workflows = round(orders * WORKFLOWS_PER_ORDER)
        plan += [(self._seconds * n / workflows, "workflow") for n in range(workflows)]
        return sorted(plan, reverse=True)

    def _work(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                if not self._plan:
                    return
                wait = self._begun + self._plan[-1][0] - time.monotonic()
                what = self._plan.pop()[1] if wait <= 0 and self._at_work < MOST_AT_WORK else None
                if what is not None:
                    self._at_work += 1
                    seed = self._random.random()
            if what is None:
                self._ended.wait(0.05)
                continue
            (self._order if what == "order" else self._workflow)(random.Random(seed))

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            try:
                rows = self._stack.sql(
                    "SELECT count(*) AS n FROM workflow_executions WHERE state IN ('pending', 'running')"
                )
            except psycopg.Error:
                continue
            with self._lock:
                self._at_work = rows[0]["n"]

    def _order(self, chance: random.Random) -> None:
        slug = f"c{chance.randrange(16**12):012x}"
        fate = chance.choices(("active", "failed", "cancelled"), (80, 14, 6))[0]
        ends = {"active"} if fate == "active" else {"failed"} if fate == "failed" else {"active", "cancelled"}
        placed = self._add(Placed("order", slug, frozenset(ends)))
        body = {
            "customer_email": f"{slug}@example.com",
            "customer_name": "Chaos Customer",
            "company_name": f"Chaos {slug}",
            "organization_slug": slug,
            "external_order_id": slug,
            "deployment_region": "us-east-1",
            "deployment_type": chance.choices(("none", "local"), (3, 1))[0],
            "billing_cycle": "monthly",
            "selected_services": [
                {"service_code": code} for code in ("subscriber-provisioning", "billing-invoicing", SERVICE)
            ],
            "service_configuration": {SERVICE: {"broken": fate == "failed"}},
        }
        made = self._ask(placed, "POST", "/api/v1/orders", body, key=slug)
        if made is None:
            return
        placed.id = int(made["id"])
        path = f"/api/v1/orders/{placed.id}"
        placed.accepted = (
            self._ask(placed, "POST", f"{path}/submit", {"auto_activate": True}, key=f"{slug}-s") is not None
        )
        if fate == "cancelled" and placed.accepted:
            self._ended.wait(chance.uniform(0, 2))
            # it may be active, or cancelled, already: both are right
            self._ask(placed, "DELETE", path, None, key=None, may_be_refused=True)

    def _workflow(self, chance: random.Random) -> None:
        made = chance.choices(self._workflows, [each.weight for each in self._workflows])[0]
        key = f"w{chance.randrange(16**12):012x}"
        wanted = {"/".join(made.ends)}
        if made.cancelled:
            wanted |= {"completed/none", "cancelled/none"}
        placed = self._add(Placed(made.name, key, frozenset(wanted)))
        body = {"workflow_name": made.name, "context": dict(made.context)}
        started = self._ask(placed, "POST", "/api/v1/workflows/execute", body, key=key)
        if started is None:
            return
        placed.accepted, placed.id = True, int(started["execution_id"])
        path = f"/api/v1/workflows/executions/{placed.id}"
        if made.cancelled:
            self._ended.wait(chance.uniform(0, 2))
            self._ask(placed, "POST", f"{path}/cancel", {"reason": "chaos"}, key=f"{key}-c", may_be_refused=True)
        for step in made.approvals:
            self._ask(placed, "POST", f"{path}/approve", {"step": step}, key=f"{key}-{step}")

    def _add(self, placed: Placed) -> Placed:
        with self._lock:
            self.placed.append(placed)
        return placed

    def _ask(
        self, placed: Placed, method: str, path: str, body: Any, *, key: str | None, may_be_refused: bool = False
    ) -> dict[str, Any] | None:
        """The answer, however often it takes; None: it was refused, or never came."""
        until = time.monotonic() + PATIENCE_SECONDS
        headers = {"Idempotency-Key": key} if key else {}
        sent = 0
        while time.monotonic() < until:
            sent += 1
            self.repeated += sent > 1
            try:
                with self._stack.client(timeout=ANSWER_SECONDS) as client:
                    answer = client.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                placed.answers.append(f"{method} {path}: {type(error).__name__}")
            else:
                placed.answers.append(f"{method} {path}: {answer.status_code}")
                if answer.is_success:
                    found: dict[str, Any] = answer.json() if answer.content else {}
                    return found
                if answer.status_code < SERVER_ERROR and (may_be_refused or answer.status_code not in TOO_EARLY):
                    if not may_be_refused:
                        self.refused[f"{method} {answer.status_code}: {answer.text[:200]}"] += 1
                    return None
            time.sleep(AGAIN_SECONDS)
        self.refused[f"{method} {path}: no answer within {PATIENCE_SECONDS:g} s"] += 1
        return None
