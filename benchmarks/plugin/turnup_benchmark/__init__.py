"""The benchmark's operation: one small insert into a ledger, through the given session, with row-level security on."""

from __future__ import annotations

from typing import Any

from app.core.statements import execute
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

_INSERT = """
    INSERT INTO benchmark_ledger (owner_id, workflow, step) VALUES (%(owner)s, %(workflow)s, %(step)s)
"""


@OPERATIONS.operation("benchmark_service.insert")
def insert(call: Call) -> dict[str, Any]:
    """Insert one row."""
    execute(call.session, _INSERT, {"owner": call.owner_id, "workflow": call.execution_id, "step": call.step_name})
    return {}
