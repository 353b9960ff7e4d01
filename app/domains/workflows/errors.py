"""What the workflows room refuses."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.errors import Conflict, Fault, Invalid, NotFound


class WorkflowNotFound(NotFound):
    """`Workflow '<name>' not found`."""

    def __init__(self, name: str | int) -> None:
        super().__init__(f"Workflow '{name}' not found")


class ExecutionNotFound(NotFound):
    """`Execution <id> not found`."""

    def __init__(self, execution_id: int) -> None:
        super().__init__(f"Execution {execution_id} not found")


class StepNotFound(NotFound):
    """`Execution <id> has no step <name>`."""

    def __init__(self, execution_id: int, name: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(f"Execution {execution_id} has no step '{name}'", faults=faults)


class BulkNotFound(NotFound):
    """`Bulk operation <id> not found`."""

    def __init__(self, bulk_id: int) -> None:
        super().__init__(f"Bulk operation {bulk_id} not found")


class InvalidDefinition(Invalid):
    """A definition that could not run; its faults by JSON pointer."""


class InvalidContext(Invalid):
    """A context that does not fit the workflow's input schema; its faults by JSON pointer."""


class VersionExists(Conflict):
    """A saved version is immutable."""


class WrongState(Conflict):
    """The execution is in a state in which this cannot be done."""


class IntegrationNotFound(NotFound):
    """`Integration '<name>' not found`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Integration '{name}' not found")
