"""Activation workflows: edited, listed, chosen for an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault, Invalid
from app.domains.activation import queries
from app.domains.activation.errors import NoActivationWorkflow, SequenceInvalid, WorkflowNameTaken, WorkflowNotFound
from app.domains.activation.models import ActivationWorkflow
from app.domains.activation.rules import sequence
from app.domains.catalog import service as catalog
from app.domains.deployments import service as deployments
from app.domains.deployments.errors import TemplateNotFound

_AUDITED = ("name", "service_sequence", "auto_activate", "rollback_on_failure", "is_active", "is_default", "version")
_EDITABLE = frozenset({*_AUDITED, "description", "deployment_template_id", "max_duration_minutes", "tags"}) - {
    "version"
}


def choose_workflow(session: Session, *, template_id: UUID | None) -> ActivationWorkflow:
    """The active workflow of a deployment template, else the default for any. Raises NoActivationWorkflow."""
    if workflow := queries.fitting_workflow(session, template_id):
        return workflow
    message = "No activation workflow fits: the deployment template has none of its own, and there is no default."
    raise NoActivationWorkflow(message, faults=[Fault("/deployment_template_id", message)])


def get_workflow(session: Session, *, workflow_id: UUID) -> ActivationWorkflow:
    """An activation workflow, active or not. Raises WorkflowNotFound."""
    if workflow := queries.workflow(session, workflow_id):
        return workflow
    message = "There is no such activation workflow."
    raise WorkflowNotFound(message)


def all_workflows() -> Select[ActivationWorkflow]:
    """All activation workflows, to be paged."""
    return queries.workflows()


def create_workflow(session: Session, *, fields: Mapping[str, Any]) -> ActivationWorkflow:
    """Make one; a default takes the place of its template's former one.

    Raises SequenceInvalid with every fault of the sequence, Invalid, WorkflowNameTaken.
    """
    workflow = ActivationWorkflow(created_by=session.info.get(audit.ACTOR), version=1)
    _write(session, workflow, {"service_sequence": None, **fields})
    audit.record(session, "activation_workflow.created", _object(workflow), after=_picture(workflow))
    return workflow


def update_workflow(session: Session, *, workflow_id: UUID, fields: Mapping[str, Any]) -> ActivationWorkflow:
    """Change the given fields and count the version up; orders that have started keep what they started with.

    Raises WorkflowNotFound, SequenceInvalid, Invalid, WorkflowNameTaken.
    """
    workflow = get_workflow(session, workflow_id=workflow_id)
    before = _picture(workflow)
    workflow.version += 1
    _write(session, workflow, fields)
    session.refresh(workflow)  # updated_at is the database's
    audit.record(session, "activation_workflow.updated", _object(workflow), before=before, after=_picture(workflow))
    return workflow


def _write(session: Session, workflow: ActivationWorkflow, fields: Mapping[str, Any]) -> None:
    _check(session, fields)
    try:
        with session.begin_nested():
            for name, value in fields.items():
                setattr(workflow, name, value)
            if workflow.is_default:
                _demote_others(session, workflow)
            session.add(workflow)
    except IntegrityError as error:
        message = f"There is an activation workflow “{fields.get('name', workflow.name)}” already."
        raise WorkflowNameTaken(message, faults=[Fault("/name", message)]) from error


def _check(session: Session, fields: Mapping[str, Any]) -> None:
    if unknown := sorted(fields.keys() - _EDITABLE):
        message = f"An activation workflow has no {', '.join(unknown)}."
        raise Invalid(message, faults=[Fault(f"/{name}", "This field does not exist.") for name in unknown])
    if "service_sequence" in fields:
        known = {service.code for service in catalog.services(session, active_only=False)}
        if faults := sequence.faults(fields["service_sequence"], known):
            message = "The sequence could not run."
            raise SequenceInvalid(message, faults=faults)
    if (template_id := fields.get("deployment_template_id")) is not None:
        try:
            deployments.get_template(session, template_id=template_id)
        except TemplateNotFound as error:
            raise Invalid(error.message, faults=[Fault("/deployment_template_id", error.message)]) from error


def _demote_others(session: Session, workflow: ActivationWorkflow) -> None:
    with session.no_autoflush:
        session.execute(
            update(ActivationWorkflow)
            .where(
                ActivationWorkflow.is_default,
                ActivationWorkflow.deployment_template_id.is_not_distinct_from(workflow.deployment_template_id),
                ActivationWorkflow.id.is_distinct_from(workflow.id),
            )
            .values(is_default=False)
        )


def _object(workflow: ActivationWorkflow) -> str:
    return f"activation_workflow/{workflow.id}"


def _picture(workflow: ActivationWorkflow) -> dict[str, Any]:
    return {name: getattr(workflow, name) for name in _AUDITED}
