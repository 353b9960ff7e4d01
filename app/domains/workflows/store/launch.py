"""Making an execution of a workflow's current version: by whoever starts one, and by the step whose child it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.errors import Fault
from app.core.ports import port
from app.core.settings import Settings
from app.core.statements import execute
from app.domains.workflows import queries
from app.domains.workflows.errors import InvalidContext, WorkflowNotFound
from app.domains.workflows.rules import Compiled, compile_snapshot
from app.domains.workflows.store import start as starts
from app.domains.workflows.store.stored import as_json
from pipelines.errors import ExpressionError, StepFailed
from pipelines.expressions import Scope, resolve
from pipelines.loader import check_input, with_defaults
from pipelines.operations import Catalogue

COMPILED_KEPT = 500
KEY_LIMIT = 1_000
"""Bytes of a concurrency key, which is indexed."""

_COMPILED: dict[tuple[int, str, int], tuple[dict[str, Any], Compiled]] = {}

# the tenant's own workflow of that name, else the built-in one
_CURRENT = """
    SELECT w.id, w.name, w.is_active, w.version, v.id AS version_id
    FROM workflows w LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.version
    WHERE w.name = %(name)s AND (w.owner_id = %(owner)s OR w.owner_id IS NULL) ORDER BY w.owner_id IS NULL LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Parent:
    """The step whose child an execution is; `depth`: how many parents its own execution has."""

    execution_id: int
    number: int
    depth: int


def launch(
    session: Session,
    *,
    workflow: str,
    context: Mapping[str, Any],
    trigger_type: str,
    trigger_source: str | None = None,
    correlation_id: str | None = None,
    labels: Mapping[str, Any] | None = None,
    document: dict[str, Any] | None = None,
    start_key: str | None = None,
    event: Mapping[str, Any] | None = None,
    parent: Parent | None = None,
    begin: bool = True,
) -> int:
    """Write the execution, and begin it unless told otherwise; returns its id. `parent`: whose child it is.

    The other words are those of the service's `start`. Raises WorkflowNotFound (also for an inactive one) and InvalidContext.
    """
    settings, operations = port(session, Settings), port(session, Catalogue)
    session.flush()
    found = execute(session, _CURRENT, {"name": workflow, "owner": session.info[OWNER]}).fetchone()
    if found is None or not found.is_active:
        raise WorkflowNotFound(workflow)
    if document is None:
        document, compiled = _kept(session, found, operations)
    else:
        compiled = compile_snapshot(document, operations)
    if start_key is not None and (first := queries.execution_by_start_key(session, found.id, start_key)):
        return int(first.id)
    checked = checked_context(document, context, limit=settings.workflow_output_limit)
    return starts.create(
        session,
        starts.NewExecution(
            owner_id=session.info[OWNER],
            workflow_id=found.id,
            workflow_name=found.name,
            version=document.get("version", found.version),
            document=document,
            context=checked,
            trigger_type=trigger_type,
            trigger_source=trigger_source,
            correlation_id=correlation_id,
            labels=labels or {},
            start_key=start_key,
            event=event,
            concurrency_key=_concurrency_key(session, document, checked, event),
            parent_id=parent.execution_id if parent else None,
            parent_number=parent.number if parent else None,
            depth=parent.depth + 1 if parent else 0,
            max_duration_seconds=document.get("max_duration_seconds") or settings.workflow_execution_timeout,
            is_wanted=begin,
        ),
        compiled,
        # a child begins in any case: its parent, which runs, is let end
        begins=begin and (settings.workflow_engine_enabled or parent is not None),
        resend_after=settings.resend_after,
    )


def checked_context(document: dict[str, Any], context: Mapping[str, Any], *, limit: int) -> dict[str, Any]:
    """The context with the input's defaults. Raises InvalidContext, with every fault, or for more than `limit` bytes."""
    faults = list(check_input(document, context))
    if faults:
        message = "The context does not fit the workflow's input."
        raise InvalidContext(message, faults=faults)
    try:
        as_json(dict(context), "context", limit=limit)
    except StepFailed as error:
        message = f"The context is limited to {limit} bytes of JSON."
        raise InvalidContext(message, faults=[Fault("", str(error))]) from None
    return with_defaults(document, context)


def _concurrency_key(
    session: Session, document: Mapping[str, Any], context: Mapping[str, Any], event: Mapping[str, Any] | None
) -> str | None:
    """The workflow's name and what its key says for this context; None where nothing is limited."""
    if "concurrency" not in document:
        return None
    scope = Scope(context=context, event=event, tenant={"id": str(session.info[OWNER])})
    try:
        key = resolve(document["concurrency"]["key"], scope)
    except ExpressionError as error:
        message = "The concurrency key cannot be made of this context."
        raise InvalidContext(message, faults=[Fault("/concurrency/key", str(error))]) from None
    if len(str(key).encode()) > KEY_LIMIT:
        message = "The concurrency key is too long."
        raise InvalidContext(message, faults=[Fault("/concurrency/key", f"limited to {KEY_LIMIT} bytes")])
    return f"{document['name']}:{key}"


def _kept(session: Session, found: Any, operations: Catalogue) -> tuple[dict[str, Any], Compiled]:
    """A version's document and rows; kept, since a version is immutable and compiling is most of what a start costs."""
    key = (found.version_id, found.version, id(operations))
    if (kept := _COMPILED.get(key)) is None:
        version = queries.version_of(session, found.id, found.version)
        assert version is not None
        if len(_COMPILED) >= COMPILED_KEPT:
            _COMPILED.clear()
        kept = _COMPILED[key] = version.document, compile_snapshot(version.document, operations)
    return kept
