"""What a run found, as a table and as JSON; and where something is wrong, everything that is known of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.programme import Plan, Result
from chaos.recovery import Wait
from chaos.stack import Stack

SHOWN = 10
"""Sentences of a kind at the most."""
SHOWN_WHOLE = 3
"""Executions with all that is known of them."""


def document(result: Result, plan: Plan) -> dict[str, Any]:
    """What is written to var/chaos.json."""
    counted = result.counted
    return {
        "orders": result.load.orders,
        "seconds": round(result.seconds, 1),
        "lost": len(counted.lost),
        "doubled": len(counted.doubled),
        "stuck": len(counted.stuck),
        "leftovers": len(counted.leftovers),
        "history": len(counted.history),
        "faults": [_row(fault, found) for fault, found in sorted(result.recoveries.items())],
        "workflows": sum(placed.kind != "order" and placed.accepted for placed in result.load.placed),
        "seed": plan.seed,
        "lease_seconds": plan.lease_seconds,
        "faults_at_once": plan.at_once,
        "requests_repeated": result.load.repeated,
        **counted.facts,
    }


def _row(fault: str, found: Sequence[Wait | None]) -> dict[str, Any]:
    """A kind of fault; its recoveries are null when it never fell while work waited for it alone."""
    seconds = [wait[0] for wait in found if wait is not None]
    return {
        "fault": fault,
        "times": len(found),
        "recovery_p50_s": round(median(seconds), 2) if seconds else None,
        "recovery_max_s": round(max(seconds), 2) if seconds else None,
    }


def print_table(console: Console, result: Result, plan: Plan) -> None:
    """The faults with their recoveries, then the counts."""
    table = Table("fault", "times", "recovery p50 (s)", "max (s)", title=f"lease {plan.lease_seconds:g} s")
    for row in document(result, plan)["faults"]:
        seconds = [row["recovery_p50_s"], row["recovery_max_s"]]
        table.add_row(row["fault"], str(row["times"]), *("" if each is None else f"{each:.1f}" for each in seconds))
    for fault in plan.faults:
        if fault not in result.recoveries:
            table.add_row(fault, "0", "", "")
    console.print(table)
    found = document(result, plan)
    counts = Table("orders", "workflows", "seconds", "lost", "doubled", "stuck", "leftovers", "gaps in history")
    names = ("orders", "workflows", "seconds", "lost", "doubled", "stuck", "leftovers", "history")
    counts.add_row(*(str(found[name]) for name in names))
    console.print(counts)
    console.print(f"Ended as: {found['execution_states']}; orders: {found['order_states']}")
    console.print(f"Calls outside: {found['outside']}; requests repeated: {result.load.repeated}")
    console.print(f"Starts of processes: {result.starts}; all quiet after {result.drained_seconds:.0f} s")
    for refused, times in result.load.refused.items():
        console.print(f"refused {times} times: {refused}", markup=False)


def print_violations(console: Console, stack: Stack, result: Result) -> None:
    """Each violation in a sentence, and the executions with their steps and history."""
    counted = result.counted
    for name in ("lost", "doubled", "stuck", "leftovers", "history"):
        found: list[str] = getattr(counted, name)
        for sentence in found[:SHOWN]:
            console.print(f"{name}: {sentence}", markup=False, style="red")
        if len(found) > SHOWN:
            console.print(f"{name}: and {len(found) - SHOWN} more", style="red")
    for execution_id in counted.executions[:SHOWN_WHOLE]:
        print_execution(console, stack, execution_id)


def print_execution(console: Console, stack: Stack, execution_id: int) -> None:
    """An execution, its steps and its history."""
    execution = stack.sql("SELECT * FROM workflow_executions WHERE id = %s", execution_id)[0]
    shown = ("workflow_name", "correlation_id", "state", "rollback", "stopping", "unmet_sinks", "check_at", "error")
    console.print(
        f"execution {execution_id}: " + json.dumps({k: execution[k] for k in shown}, default=str), markup=False
    )
    columns = (
        "sequence_number",
        "step_name",
        "state",
        "unmet",
        "attempts",
        "undo_attempts",
        "token",
        "sent_at",
        "error_message",
    )
    steps = Table(*columns)
    for row in stack.sql("SELECT * FROM workflow_steps WHERE execution_id = %s ORDER BY sequence_number", execution_id):
        steps.add_row(*(str(row[column]) for column in columns))
    console.print(steps)
    columns = ("id", "at", "step_name", "from_state", "to_state", "attempt", "worker", "error", "released")
    events = Table(*columns)
    for row in stack.sql("SELECT * FROM execution_events WHERE execution_id = %s ORDER BY id", execution_id):
        events.add_row(*(str(row[column]) for column in columns))
    console.print(events)


def write(path: Path, result: Result, plan: Plan) -> None:
    """Write the JSON document."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document(result, plan), indent=1) + "\n")
