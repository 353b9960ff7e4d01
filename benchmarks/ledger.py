"""Whether the ledger holds exactly the right rows: every side's every step once, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.stack import Stack
from benchmarks.workload import Shape

_ROWS = "SELECT workflow, step FROM benchmark_ledger WHERE workflow BETWEEN %s AND %s ORDER BY workflow, step"


class LedgerWrong(Exception):
    """Rows are missing or doubled: what was measured was not the work."""


def check(stack: Stack, expected: Mapping[int, Shape]) -> int:
    """Compare with the workflows that were run; returns the number of rows. Raises LedgerWrong."""
    rows = stack.connection.execute(_ROWS, (min(expected), max(expected))).fetchall()
    found: dict[int, list[str]] = {}
    for workflow, step in rows:
        found.setdefault(int(str(workflow)), []).append(str(step))
    wrong = [number for number, shape in expected.items() if sorted(found.pop(number, [])) != sorted(shape.names)]
    if wrong or found:
        message = f"{len(wrong)} workflows with wrong rows (the first: {wrong[:3]}), {len(found)} that nobody ran"
        raise LedgerWrong(message)
    return len(rows)
