"""Run a definition in memory, for unit tests of definitions and operations.

    outcome = run(load(document, OPERATIONS), OPERATIONS, {"quote_id": "q1"}, approvals={"sure": True})
    assert outcome.state == "completed"
    assert outcome.steps["create_order"].output["order"]["total"] == "12.00"

One step after the other, over the same graph, expressions, states, retry policies and undo order as the real engine, but
with no database, broker or clock: retries are made at once, and waits are over at once. What the engine guarantees when
things break is not tested here; that takes PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.definition import LIMITS, Limits, Workflow
from pipelines.operations import Catalogue
from pipelines.testing.execution import Execution
from pipelines.testing.looks import letters
from pipelines.testing.records import NOON, OWNER, Given, MemoryCall, Outcome, StepRun, Unanswered

__all__ = ["NOON", "OWNER", "MemoryCall", "Outcome", "StepRun", "Unanswered", "run"]


def run(
    workflow: Workflow,
    operations: Catalogue,
    context: Mapping[str, Any] | None = None,
    *,
    event: Any = None,
    events: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    approvals: Mapping[str, bool | None] | None = None,
    workflows: Mapping[str, Workflow] | None = None,
    session: Any = None,
    ports: Mapping[type[Any], Any] | None = None,
    clock: Callable[[], datetime] = lambda: NOON,
    default_attempts: int = 3,
    choose: Callable[[Sequence[int]], int] = min,
    limits: Limits = LIMITS,
) -> Outcome:
    """Run a workflow to its end, with its rollback where it fails.

    `event` started it. `events` are what waits find, by name (signals too), each once and in order: payloads, or documents
    with their `data`. `approvals` are the answers by step, None for none; `workflows` the sub-workflows by name. `choose`
    picks the next of the steps that are ready (by number; the first by default).

    Raises DefinitionError when the context does not fit the workflow's input, Unanswered when a step would wait for ever.
    """
    given = Given(
        operations=operations,
        session=session,
        ports=ports or {},
        clock=clock,
        default_attempts=default_attempts,
        choose=choose,
        approvals=approvals or {},
        workflows=workflows or {},
        limits=limits,
    )
    given.events = letters(events or {}, given)
    return Execution.start(workflow, given, context or {}, event=event).run()
