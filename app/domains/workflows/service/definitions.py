"""Workflows and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import audit, event_types
from app.core.db import OWNER
from app.core.errors import Conflict
from app.core.events import canonical
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows import queries
from app.domains.workflows.errors import InvalidDefinition, VersionExists, WorkflowNotFound
from app.domains.workflows.models import Workflow, WorkflowVersion
from app.domains.workflows.rules import steps_of
from app.domains.workflows.service.triggers import save_triggers
from pipelines.definition import Limits
from pipelines.errors import Fault
from pipelines.graph import Graph
from pipelines.loader import normalise, parse, validate
from pipelines.operations import Catalogue
from pipelines.plan import tree


def validate_document(session: Session, *, document: dict[str, Any]) -> tuple[list[Fault], list[Fault]]:
    """Faults and warnings of a definition."""
    report = validate(document, port(session, Catalogue), limits=_limits(session))
    faults = [*report.faults, *_unknown_workflows(session, document)]
    return faults, [*report.warnings, *_unknown_events(document)]


def create_workflow(session: Session, *, document: dict[str, Any], created_by: str | None = None) -> Workflow:
    """Save a new workflow with its first version. Raises InvalidDefinition, or Conflict when the name is taken."""
    checked = _checked(session, document)
    taken = queries.workflow_by_name(session, checked["name"])
    if taken is not None and taken.owner_id == session.info[OWNER]:
        message = f"There is a workflow '{taken.name}' already; save a new version of it."
        raise Conflict(message)
    workflow = Workflow(name=checked["name"], created_by=created_by, version=checked["version"])
    session.add(workflow)
    return _save(session, workflow, checked, created_by)


def new_version(
    session: Session, *, workflow_id: int, document: dict[str, Any], created_by: str | None = None
) -> Workflow:
    """Save a new version and make it the current one. Raises VersionExists when that version was saved before."""
    workflow = _own(session, workflow_id)
    checked = _checked(session, document)
    if checked["name"] != workflow.name:
        message = f"This is the workflow '{workflow.name}'; its name cannot be changed."
        raise InvalidDefinition(message, faults=[Fault("/name", message)])
    if queries.version_of(session, workflow.id, checked["version"]):
        message = f"Version {checked['version']} of '{workflow.name}' is saved and immutable; choose another number."
        raise VersionExists(message, faults=[Fault("/version", message)])
    return _save(session, workflow, checked, created_by)


def deactivate_workflow(session: Session, *, workflow_id: int) -> None:
    """No new executions; running ones end, history stays."""
    workflow = _own(session, workflow_id)
    workflow.is_active = False
    audit.record(session, "workflow.deactivate", f"workflow/{workflow.id}")


def get_workflow(session: Session, *, workflow_id: int) -> Workflow:
    """Raises WorkflowNotFound."""
    workflow = queries.workflow_by_id(session, workflow_id)
    if workflow is None:
        raise WorkflowNotFound(workflow_id)
    return workflow


def list_workflows(*, include_inactive: bool = False, q: str | None = None) -> Select[Any]:
    """A statement for a page of workflows: the tenant's own and the built-in ones."""
    return queries.workflows(include_inactive=include_inactive, q=q)


def list_versions(session: Session, *, workflow_id: int) -> list[WorkflowVersion]:
    """Newest first."""
    return queries.versions(session, get_workflow(session, workflow_id=workflow_id).id)


def get_version(session: Session, *, workflow: Workflow) -> WorkflowVersion:
    """The current version."""
    version = queries.version_of(session, workflow.id, workflow.version)
    if version is None:
        raise WorkflowNotFound(workflow.name)
    return version


def definition_document(session: Session, *, workflow: str) -> dict[str, Any]:
    """The current version's document, for expanding. Raises WorkflowNotFound."""
    found = queries.workflow_by_name(session, workflow)
    if found is None or not found.is_active:
        raise WorkflowNotFound(workflow)
    return get_version(session, workflow=found).document


def canvas_text(document: dict[str, Any]) -> str:
    """The whole workflow's canvas as nested text."""
    return tree(Graph.of(steps_of(document)))


def statistics(session: Session, *, workflow_id: int) -> dict[str, Any]:
    """Counts, durations and success rate (0..1) of a workflow's executions."""
    workflow = get_workflow(session, workflow_id=workflow_id)
    row = queries.statistics(session, workflow.id)
    ended = row.successful + row.failed
    return {
        "workflow_id": workflow.id,
        "total_executions": row.total,
        "successful_executions": row.successful,
        "failed_executions": row.failed,
        "average_duration_seconds": _seconds(row.average),
        "p50_duration_seconds": _seconds(row.p50),
        "p95_duration_seconds": _seconds(row.p95),
        "success_rate": round(row.successful / ended, 4) if ended else 0.0,
    }


def sync_builtins(session: Session, *, operations: Catalogue) -> list[str]:
    """Install the built-in definitions that are new or changed; returns `name version` of each.

    A file whose version number was installed with another content is refused (InvalidDefinition): it needs a new number.
    """
    installed = []
    for file in sorted(resources.files("pipelines.builtin").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".yaml"):
            continue
        document = parse(file.read_text(encoding="utf-8"))
        report = validate(document, operations)
        if report.faults:
            message = f"The built-in definition {file.name} cannot run."
            raise InvalidDefinition(message, faults=report.faults)
        if _sync(session, normalise(document)):
            installed.append(f"{document['name']} {document['version']}")
    return installed


def _sync(session: Session, document: dict[str, Any]) -> bool:
    workflow = queries.builtin_by_name(session, document["name"])
    if workflow is None:
        workflow = Workflow(name=document["name"], created_by="turnup", version=document["version"])
        session.add(workflow)
    elif saved := queries.version_of(session, workflow.id, document["version"]):
        if saved.document != document:
            message = f"Version {document['version']} of '{document['name']}' was installed with another content."
            raise InvalidDefinition(message)
        return False
    _save(session, workflow, document, "turnup")
    return True


def _save(session: Session, workflow: Workflow, document: dict[str, Any], created_by: str | None) -> Workflow:
    workflow.description = document.get("description", "")
    workflow.tags = list(document.get("tags", []))
    workflow.version = document["version"]
    workflow.is_active = True
    session.flush()
    session.add(
        WorkflowVersion(
            workflow_id=workflow.id,
            owner_id=workflow.owner_id,
            version=document["version"],
            document=document,
            created_by=created_by,
        )
    )
    save_triggers(session, workflow, document)
    if workflow.owner_id is not None:
        audit.record(session, "workflow.save", f"workflow/{workflow.id}", after={"version": document["version"]})
    session.flush()
    session.refresh(workflow)
    return workflow


def _checked(session: Session, document: dict[str, Any]) -> dict[str, Any]:
    faults, _ = validate_document(session, document=document)
    if faults:
        message = "The definition cannot run."
        raise InvalidDefinition(message, faults=faults)
    return normalise(document)


def _limits(session: Session) -> Limits:
    settings = port(session, Settings)
    return Limits(
        steps=settings.workflow_steps_limit,
        elements=settings.workflow_elements_limit,
        nesting=settings.workflow_nesting_limit,
    )


def _unknown_workflows(session: Session, document: Any) -> list[Fault]:
    """Each sub-workflow that there is not, or not any more, with its place."""
    steps = document.get("steps") if isinstance(document, Mapping) else None
    faults = []
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        name = step.get("workflow") if isinstance(step, Mapping) and step.get("type") == "sub_workflow" else None
        if isinstance(name, str):
            found = queries.workflow_by_name(session, name)
            if found is None or not found.is_active:
                faults.append(Fault(f"/steps/{index}/workflow", f"Workflow '{name}' not found"))
    return faults


def _unknown_events(document: Any) -> list[Fault]:
    """Each event that looks like one of Turnup's own and is none, with its place: nothing will ever raise it."""
    found = []
    for key in ("triggers", "steps"):
        listed = document.get(key) if isinstance(document, Mapping) else None
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            name = each.get("event") if isinstance(each, Mapping) else None
            if isinstance(name, str) and (message := event_types.mistaken(canonical(name))):
                found.append(Fault(f"/{key}/{index}/event", message))
    return found


def _own(session: Session, workflow_id: int) -> Workflow:
    workflow = get_workflow(session, workflow_id=workflow_id)
    if workflow.owner_id != session.info[OWNER]:
        message = f"'{workflow.name}' is built in and cannot be changed."
        raise Conflict(message)
    return workflow


def _seconds(value: Any) -> float | None:
    return None if value is None else round(float(value), 6)
