"""The count afterwards, from the outside: the API's answers, the tables as their owner sees them, and the recorder's file."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.history import gaps
from chaos.load import Placed
from chaos.stack import Stack

ENDED = ("completed", "failed", "cancelled")

_UNFINISHED = """
    SELECT (SELECT count(*) FROM workflow_executions WHERE state NOT IN ('completed', 'failed', 'cancelled'))
      + (SELECT count(*) FROM outbox WHERE published_at IS NULL OR handled_at IS NULL)
      + (SELECT count(*) FROM messages WHERE status IN ('queued', 'sending')) AS "left",
      (SELECT max(id) FROM execution_events) AS latest
"""

_STUCK_STEPS = """
    SELECT s.execution_id, s.step_name, s.state FROM workflow_steps s
    JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.state IN ('pending', 'running', 'retrying', 'waiting', 'compensating') OR s.token IS NOT NULL
      OR s.lease_until IS NOT NULL
    ORDER BY s.execution_id, s.sequence_number
"""

_STUCK_EXECUTIONS = """
    SELECT id, state FROM workflow_executions
    WHERE state NOT IN ('completed', 'failed', 'cancelled') OR check_at IS NOT NULL OR rollback IN ('pending', 'running')
    ORDER BY id
"""

_STUCK_EVENTS = "SELECT type, subject FROM outbox WHERE published_at IS NULL OR handled_at IS NULL"

_NOT_UNDONE = """
    SELECT f.execution_id, f.step_name, f.kind, f.state FROM execution_effects f
    JOIN workflow_executions e ON e.id = f.execution_id
    WHERE f.state IN ('intended', 'confirmed') AND f.undo_operation IS NOT NULL
      AND (e.rollback = 'done' OR f.state = 'intended')
    ORDER BY f.id
"""

_STEP_STATES = "SELECT execution_id, step_name, state FROM workflow_steps"

_LEDGER = """
    SELECT execution_id, step, item, what, count(*) AS n FROM chaos_ledger GROUP BY 1, 2, 3, 4 ORDER BY 1
"""

_EVENTS = """
    SELECT id, execution_id, step_name, from_state, to_state, released FROM execution_events
    ORDER BY execution_id, id
"""

_ORDERS = """
    SELECT id, external_order_id AS key, status, organization_slug AS slug, execution_id,
      (SELECT count(*) FROM tenants t WHERE t.slug = o.organization_slug) AS tenants,
      (SELECT count(*) FROM messages m WHERE m.key = 'order/' || o.id || '/confirmation') AS confirmations,
      (SELECT count(*) FROM deployment_instances d WHERE d.order_id = o.id AND d.state <> 'destroyed') AS deployments,
      (SELECT count(*) FROM pg_namespace WHERE nspname = 'tenant_' || o.organization_slug) AS schemas,
      (SELECT count(*) FROM subscriptions s WHERE s.tenant_id IN
        (SELECT a.tenant_id FROM service_activations a WHERE a.order_id = o.id)) AS subscriptions,
      (SELECT count(*) FROM workflow_executions e WHERE e.correlation_id = o.order_number) AS executions
    FROM orders o ORDER BY id
"""


@dataclass(slots=True)
class Counted:
    """What was found. Each list holds sentences; `executions` those whose rows are worth showing."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    executions: list[int] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def say(self, where: list[str], sentence: str, execution_id: int | None = None) -> None:
        where.append(sentence)
        if execution_id is not None and execution_id not in self.executions:
            self.executions.append(execution_id)

    @property
    def violations(self) -> int:
        return sum(map(len, (self.lost, self.doubled, self.stuck, self.leftovers, self.history)))


def on_its_way(stack: Stack) -> dict[str, Any]:
    """How much is `left` to be done (executions, events, mails), and the `latest` transition."""
    return stack.sql(_UNFINISHED)[0]


def count(stack: Stack, placed: Sequence[Placed]) -> Counted:
    """Check every invariant."""
    counted = Counted()
    orders = {row["key"]: row for row in stack.sql(_ORDERS)}
    executions = {row["id"]: row for row in stack.sql("SELECT * FROM workflow_executions")}
    _orders(counted, stack, placed, orders, executions)
    _workflows(counted, placed, executions)
    _stuck(counted, stack)
    _effects_outside(counted, stack, executions)
    _effects_inside(counted, stack, executions)
    _leftovers(counted, stack, orders)
    _histories(counted, stack, executions)
    counted.facts["execution_states"] = dict(
        Counter(f"{row['state']}/{row['rollback']}" for row in executions.values())
    )
    return counted


def _orders(
    counted: Counted,
    stack: Stack,
    placed: Iterable[Placed],
    orders: dict[str, dict[str, Any]],
    executions: dict[int, dict[str, Any]],
) -> None:
    doubles = stack.sql("SELECT external_order_id AS key, count(*) AS n FROM orders GROUP BY 1 HAVING count(*) > 1")
    counted.doubled += [f"order {row['key']} exists {row['n']} times" for row in doubles]
    statuses: Counter[str] = Counter()
    for each in placed:
        if each.kind != "order":
            continue
        row = orders.get(each.key)
        if row is None:
            if each.accepted:
                counted.say(counted.lost, f"order {each.key} was accepted and does not exist: {each.answers}")
            continue
        statuses[row["status"]] += 1
        for what in ("tenants", "confirmations", "deployments", "executions"):
            if row[what] > 1:
                counted.say(counted.doubled, f"order {row['id']} has {row[what]} {what}", row["execution_id"])
        if each.accepted and row["status"] not in each.ends:
            error = (executions.get(row["execution_id"]) or {}).get("error")
            sentence = f"order {row['id']} is {row['status']} and should be {' or '.join(sorted(each.ends))}: {error}"
            counted.say(counted.lost, sentence, row["execution_id"])
        if row["status"] == "active" and not (row["tenants"] and row["deployments"] and row["subscriptions"]):
            counted.say(counted.lost, f"order {row['id']} is active and lacks parts: {row}", row["execution_id"])
    counted.facts["order_states"] = dict(statuses)


def _workflows(counted: Counted, placed: Iterable[Placed], executions: dict[int, dict[str, Any]]) -> None:
    for each in placed:
        if each.kind == "order" or each.id is None:
            continue
        row = executions.get(each.id)
        if row is None:
            counted.say(counted.lost, f"execution {each.id} ({each.kind}) was accepted and does not exist")
        elif (end := f"{row['state']}/{row['rollback']}") not in each.ends:
            sentence = f"execution {each.id} ({each.kind}) is {end} and should be {' or '.join(sorted(each.ends))}: {row['error']}"
            counted.say(counted.lost, sentence, each.id)
    started = Counter(row["workflow_name"] for row in executions.values() if row["parent_id"] is None)
    accepted = Counter(each.kind for each in placed if each.kind != "order" and each.id is not None)
    unanswered = Counter(each.kind for each in placed if each.kind != "order" and each.id is None)
    for name, number in accepted.items():
        if started[name] > number + unanswered[name]:
            counted.doubled.append(f"{name} was started {started[name]} times and accepted {number} times")


def _stuck(counted: Counted, stack: Stack) -> None:
    for row in stack.sql(_STUCK_EXECUTIONS):
        counted.say(counted.stuck, f"execution {row['id']} is {row['state']}", row["id"])
    for row in stack.sql(_STUCK_STEPS):
        sentence = f"step {row['step_name']} of execution {row['execution_id']} is {row['state']}"
        counted.say(counted.stuck, sentence, row["execution_id"])
    for row in stack.sql(_STUCK_EVENTS):
        counted.stuck.append(f"event {row['type']} of {row['subject']} was not published or not handed on")
    for row in stack.sql(
        "SELECT status, count(*) AS n FROM messages WHERE status NOT IN ('delivered', 'withdrawn') GROUP BY 1"
    ):
        counted.stuck.append(f"{row['n']} mails are {row['status']}")


@dataclass(slots=True)
class Outside:
    """The recorder's file, read: keys by execution, step and item; how often each was done and taken back."""

    keys: dict[tuple[int, str, str | None], set[str]] = field(default_factory=lambda: defaultdict(set))
    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    again: list[tuple[str, int]] = field(default_factory=list)

    @classmethod
    def read(cls, stack: Stack) -> Outside:
        outside = cls()
        for line in stack.recorder_file.read_text().splitlines() if stack.recorder_file.exists() else ():
            call = json.loads(line)
            outside.outcomes[f"{call['call']}: {call['outcome']}"] += 1
            if call["call"] == "do":
                outside.keys[call["execution"], call["step"], call.get("item")].add(call["key"])
                outside.done[call["key"]] += call["outcome"] == "done"
            else:
                outside.undone[call["reference"]] += call["outcome"] == "undone"
                if call["outcome"] == "again":
                    outside.again.append((call["reference"], call["execution"]))
        return outside


def _effects_outside(counted: Counted, stack: Stack, executions: dict[int, dict[str, Any]]) -> None:
    """One key for each step (and element), one effect for each key, and taken back exactly where it has to be."""
    outside = Outside.read(stack)
    counted.facts["outside"] = dict(outside.outcomes)
    steps = {(row["execution_id"], row["step_name"]): row["state"] for row in stack.sql(_STEP_STATES)}
    for reference, execution in outside.again:
        counted.say(counted.doubled, f"{reference} was undone under two keys", execution)
    for (execution, step, item), keys in outside.keys.items():
        what = f"{step} {item or ''} of execution {execution}"
        if len(keys) > 1:
            counted.say(counted.doubled, f"{what} had {len(keys)} keys", execution)
        stays = executions[execution]["rollback"] != "done" and steps.get((execution, step)) == "completed"
        for key in keys:
            if outside.done[key] > 1:
                counted.say(counted.doubled, f"the effect of {what} came {outside.done[key]} times", execution)
            is_there = bool(outside.done[key]) and not outside.undone[key]
            if stays and not is_there:
                counted.say(counted.lost, f"{what} is completed and its effect is not there", execution)
            if is_there and not stays:
                counted.say(counted.leftovers, f"{what} left its effect", execution)


def _effects_inside(counted: Counted, stack: Stack, executions: dict[int, dict[str, Any]]) -> None:
    """One row for each step (and element), and one that takes it back exactly where it has to be."""
    noted = {(row["execution_id"], row["step"], row["item"], row["what"]): row["n"] for row in stack.sql(_LEDGER)}
    for (execution, step, item, what), number in noted.items():
        name = f"{step} {item or ''} of execution {execution}"
        if number > 1:
            counted.say(counted.doubled, f"{what} of {name} was noted {number} times", execution)
        taken_back = (execution, step, item, "undo") in noted
        was_rolled_back = executions[execution]["rollback"] == "done"
        if what == "do" and was_rolled_back and not taken_back:
            counted.say(counted.leftovers, f"{name} left its row", execution)
        if what == "do" and taken_back and not was_rolled_back:
            counted.say(counted.lost, f"{name} was undone for no reason", execution)


def _leftovers(counted: Counted, stack: Stack, orders: dict[str, dict[str, Any]]) -> None:
    for row in stack.sql(_NOT_UNDONE):
        sentence = (
            f"the ledger of execution {row['execution_id']} holds {row['kind']} of {row['step_name']} as {row['state']}"
        )
        counted.say(counted.leftovers, sentence, row["execution_id"])
    for row in orders.values():
        if row["status"] not in {"failed", "cancelled"}:
            continue
        left = [what for what in ("tenants", "deployments", "schemas", "subscriptions") if row[what]]
        if (stack.settings.var_dir / "tenants" / row["slug"]).exists():
            left.append("directory")
        if left:
            counted.say(counted.leftovers, f"order {row['id']} is {row['status']} and left {left}", row["execution_id"])


def _histories(counted: Counted, stack: Stack, executions: dict[int, dict[str, Any]]) -> None:
    steps: dict[int, list[dict[str, Any]]] = defaultdict(list)
    events: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in stack.sql("SELECT * FROM workflow_steps ORDER BY execution_id, sequence_number"):
        steps[row["execution_id"]].append(row)
    for row in stack.sql(_EVENTS):
        events[row["execution_id"]].append(row)
    for id_, execution in executions.items():
        if execution["state"] in ENDED:
            for gap in gaps(execution, steps[id_], events[id_]):
                counted.say(counted.history, f"execution {id_}: {gap}", id_)
