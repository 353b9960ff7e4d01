"""What became of executions, read from the tables as their owner: many at once, past every cache of the engine."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from app.core.settings import Settings
from pipelines.graph import Graph

PATIENCE = 120.0
REST = 0.05
OVER = ("completed", "failed", "cancelled")
ENDS_A_STEP = frozenset({"completed", "failed", "skipped"})

_EXECUTIONS = "SELECT id, state, rollback, error FROM workflow_executions WHERE id = ANY(%s)"
_STEPS = """
    SELECT execution_id, sequence_number AS number, step_name AS name, state, attempts, tries, output_data AS output,
      parent_number, item_index FROM workflow_steps WHERE execution_id = ANY(%s) ORDER BY execution_id, sequence_number
    """
_EVENTS = """
    SELECT execution_id, step_name AS step, from_state, to_state, attempt, error, coalesce(released, '{}') AS released,
      pg_xact_commit_timestamp(xmin) AS committed FROM execution_events WHERE execution_id = ANY(%s) ORDER BY id
    """
_CALLS = "SELECT execution_id, step, what, attempt, at FROM test_calls WHERE execution_id = ANY(%s) ORDER BY id"


@dataclass(frozen=True)
class Seen:
    """One execution: its row, its steps by name, its history and what its operations noted, both in order.

    The `committed` of an event is when its transaction was committed, by the server's own record.
    """

    execution: Any
    steps: dict[str, Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)

    @property
    def states(self) -> dict[str, str]:
        return {name: row.state for name, row in self.steps.items()}

    def noted(self, what: str) -> list[str]:
        """The steps that noted this, in the order in which they did."""
        return [call.step for call in self.calls if call.what == what]


class Observer:
    """One connection as the tables' owner."""

    def __init__(self, settings: Settings) -> None:
        self._connection = psycopg.connect(settings.migration_database_url, autocommit=True, row_factory=namedtuple_row)

    def close(self) -> None:
        self._connection.close()

    def until_over(
        self, executions: Collection[int], *, meanwhile: Callable[[list[int]], object] = lambda open_: None
    ) -> None:
        """Return when all have ended, or two minutes later. `meanwhile` is called again and again with those that have not."""
        end = time.monotonic() + PATIENCE
        while (open_ := self.open(executions)) and time.monotonic() < end:
            meanwhile(open_)
            time.sleep(REST)

    def open(self, executions: Collection[int]) -> list[int]:
        """Those that have not ended."""
        query = "SELECT id FROM workflow_executions WHERE id = ANY(%s) AND state <> ALL(%s)"
        return [row.id for row in self._connection.execute(query, [list(executions), list(OVER)]).fetchall()]

    def waiting(self, executions: Collection[int]) -> list[tuple[int, str]]:
        """Their steps that are parked."""
        query = "SELECT execution_id, step_name FROM workflow_steps WHERE execution_id = ANY(%s) AND state = 'waiting'"
        return [(row.execution_id, row.step_name) for row in self._connection.execute(query, [list(executions)])]

    def see(self, executions: Collection[int]) -> dict[int, Seen]:
        """Everything about these executions."""
        ids = list(executions)
        seen = {row.id: Seen(row) for row in self._connection.execute(_EXECUTIONS, [ids]).fetchall()}
        for row in self._connection.execute(_STEPS, [ids]).fetchall():
            seen[row.execution_id].steps[row.name] = row
        for row in self._connection.execute(_EVENTS, [ids]).fetchall():
            seen[row.execution_id].events.append(row)
        for row in self._connection.execute(_CALLS, [ids]).fetchall():
            seen[row.execution_id].calls.append(row)
        return seen


def order_faults(graph: Graph, seen: Seen) -> list[str]:
    """What is wrong with the order of steps, and with who sent them.

    A step does nothing before all its dependencies are committed; and it is made ready by exactly one commit, that of the
    dependency that was committed last (by the execution's own start where it has none).
    """
    ends, senders = _ends(seen), _senders(graph, seen)
    faults = [f"{name} ended {len(found)} times" for name, found in ends.items() if len(found) > 1]
    for number, name in enumerate(graph.names):
        before = [ends.get(graph.names[each], []) for each in graph.predecessors[number]]
        sent_by = [event.step for event in senders[number]]
        begun = _begun(name, seen)
        if not all(before):
            if sent_by or begun:
                faults.append(f"{name} was made ready by {sent_by} though not all that it depends on had ended")
            continue
        last = max((found[0] for found in before), key=lambda event: event.committed, default=None)
        # of an execution that stops nothing becomes ready any more
        if sent_by != [last and last.step] and (sent_by or name in ends):
            faults.append(f"{name} was made ready by {sent_by} and not by {last and last.step}")
        if last is not None and begun is not None and begun < last.committed:
            faults.append(f"{name} began before {last.step} was committed")
    return faults


def _ends(seen: Seen) -> dict[str, list[Any]]:
    """By step the events by which it ended."""
    ends: dict[str, list[Any]] = defaultdict(list)
    for event in seen.events:
        if event.step is not None and event.to_state in ENDS_A_STEP:
            ends[event.step].append(event)
    return ends


def _senders(graph: Graph, seen: Seen) -> dict[int, list[Any]]:
    """By step's number the events whose commits made it ready: the execution's start, and the ends of other steps.

    (A parked step that is woken, and a step that is undone, make steps ready as well: themselves, and backwards.)
    """
    senders: dict[int, list[Any]] = defaultdict(list)
    for event in seen.events:
        if event.step is None or event.to_state in ENDS_A_STEP:
            for number in event.released:
                senders[number].append(event)
    return senders


def _begun(name: str, seen: Seen) -> datetime | None:
    return min(
        (call.at for call in seen.calls if call.step == name and call.what in {"attempt", "effect"}), default=None
    )
