"""What an execution was started with, read from its row when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import text

from app.core.db import Database
from app.domains.workflows.store.records import Execution

_READ = {
    "context": text("SELECT context FROM workflow_executions WHERE id = :id"),
    "event": text("SELECT event FROM workflow_executions WHERE id = :id"),
}


class StartedWith(Mapping[str, Any]):
    """An execution's context or event that is too large to be read with each element of a step.

    It is read once, in a transaction of its own: at any time, whatever becomes of the one that claimed the step.
    """

    def __init__(self, what: Literal["context", "event"], execution: Execution, database: Database) -> None:
        self._what, self._execution, self._database = what, execution, database

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        with self._database.transaction(self._execution.owner_id) as session:
            content: Mapping[str, Any] = session.execute(_READ[self._what], {"id": self._execution.id}).scalar_one()
        return content

    def __getitem__(self, name: str) -> Any:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)
