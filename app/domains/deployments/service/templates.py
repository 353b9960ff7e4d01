"""Templates: listed, edited, chosen for an order or for a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault, Invalid
from app.domains.deployments import queries
from app.domains.deployments.errors import NoTemplate, TemplateNameTaken, TemplateNotFound
from app.domains.deployments.models import DeploymentTemplate
from app.domains.deployments.rules import (
    DEPLOYMENT_TYPES,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Candidate,
    Wish,
    choose,
)

_AUDITED = ("name", "deployment_type", "region", "is_default", "is_active")
_EDITABLE = frozenset(
    {
        *_AUDITED,
        "display_name",
        "description",
        "resource_cpu_default",
        "resource_memory_default",
        "resource_storage_default",
        "provision_seconds",
        "configuration",
    }
)


def choose_template(
    session: Session,
    *,
    template_id: UUID | None = None,
    package_code: str | None = None,
    region: str | None = None,
    deployment_type: str | None = None,
) -> DeploymentTemplate:
    """The template that an order gets; the first rule that matches decides (rules.choose).

    Raises NoTemplate, which says which rules were tried and names the field that ended the choice.
    """
    templates = queries.templates(session, active_only=True)
    wish = Wish(template_id=template_id, package_code=package_code, region=region, deployment_type=deployment_type)
    packages = queries.template_of_package(session, package_code) if package_code is not None else {}
    choice = choose(wish, [_candidate(template) for template in templates], packages)
    if choice.template_id is None:
        message = f"No deployment template fits: {'; '.join(choice.tried)}."
        pointer = "/deployment_template_id" if template_id is not None else "/deployment_type"
        raise NoTemplate(message, faults=[Fault(pointer, message)])
    return next(template for template in templates if template.id == choice.template_id)


def get_template(session: Session, *, template_id: UUID) -> DeploymentTemplate:
    """A template, active or not. Raises TemplateNotFound."""
    if template := queries.template(session, template_id):
        return template
    message = "There is no such deployment template."
    raise TemplateNotFound(message)


def find_template(session: Session, *, template: UUID | str) -> DeploymentTemplate:
    """The template of that id or name, active or not. Raises TemplateNotFound, naming what was looked for."""
    template_id = as_id(template)
    found = queries.template(session, template_id) if template_id else None
    found = found or queries.template_by_name(session, str(template))
    if found is None:
        message = f"There is no deployment template “{template}”."
        raise TemplateNotFound(message, faults=[Fault("/template_id", message)])
    return found


def template_for_customer(
    session: Session, *, template: UUID | str | None, region: str | None, deployment_type: str | None
) -> DeploymentTemplate:
    """The template that a customer's tenant gets: the one named (by id or name), else by the rules of orders.

    A type that is asked for is the type that it gets. Raises TemplateNotFound, NoTemplate.
    """
    named = None if template is None else find_template(session, template=template)
    chosen = choose_template(
        session, template_id=named.id if named else None, region=region, deployment_type=deployment_type
    )
    if deployment_type is not None and chosen.deployment_type != deployment_type:
        where = f" in the region {region}" if region else ""
        found = f"the template {chosen.name} is of type {chosen.deployment_type}"
        message = f"No deployment template of type {deployment_type} fits{where}: {found}."
        raise NoTemplate(message, faults=[Fault("/deployment_type", message)])
    return chosen


def all_templates() -> Select[DeploymentTemplate]:
    """All templates, to be paged."""
    return queries.template_page()


def create_template(session: Session, *, fields: Mapping[str, Any]) -> DeploymentTemplate:
    """Make a template; a default takes the place of its region's former one. Raises Invalid, TemplateNameTaken."""
    template = DeploymentTemplate(display_name=fields.get("name", ""))
    _write(session, template, fields)
    audit.record(session, "deployment_template.created", f"deployment_template/{template.id}", after=_picture(template))
    return template


def update_template(session: Session, *, template_id: UUID, fields: Mapping[str, Any]) -> DeploymentTemplate:
    """Change the given fields; deployments that exist keep what they were made with.

    Raises TemplateNotFound, Invalid, TemplateNameTaken.
    """
    template = get_template(session, template_id=template_id)
    before = _picture(template)
    _write(session, template, fields)
    session.refresh(template)  # updated_at is the database's
    audit.record(
        session,
        "deployment_template.updated",
        f"deployment_template/{template.id}",
        before=before,
        after=_picture(template),
    )
    return template


def _write(session: Session, template: DeploymentTemplate, fields: Mapping[str, Any]) -> None:
    if unknown := fields.keys() - _EDITABLE:
        message = f"A template has no {', '.join(sorted(unknown))}."
        raise Invalid(message, faults=[Fault(f"/{name}", "This field does not exist.") for name in sorted(unknown)])
    if "deployment_type" in fields and fields["deployment_type"] not in DEPLOYMENT_TYPES:
        message = f"A deployment is of type {', '.join(DEPLOYMENT_TYPES)}."
        raise Invalid(message, faults=[Fault("/deployment_type", message)])
    seconds = fields.get("provision_seconds")
    if seconds is not None and not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        message = f"A deployment may take {SHORTEST_SECONDS} to {LONGEST_SECONDS} seconds."
        raise Invalid(message, faults=[Fault("/provision_seconds", message)])
    for name, value in fields.items():
        setattr(template, name, value)
    try:
        with session.begin_nested():
            if template.is_default:
                _demote_others(session, template)
            session.add(template)
    except IntegrityError as error:
        message = f"There is a template “{fields.get('name', template.id)}” already."
        raise TemplateNameTaken(message, faults=[Fault("/name", message)]) from error


def _demote_others(session: Session, template: DeploymentTemplate) -> None:
    with session.no_autoflush:
        session.execute(
            update(DeploymentTemplate)
            .where(
                DeploymentTemplate.is_default,
                DeploymentTemplate.region.is_not_distinct_from(template.region),
                DeploymentTemplate.id.is_distinct_from(template.id),
            )
            .values(is_default=False)
        )


def _candidate(template: DeploymentTemplate) -> Candidate:
    return Candidate(
        id=template.id,
        name=template.name,
        deployment_type=template.deployment_type,
        region=template.region,
        is_default=template.is_default,
        is_active=template.is_active,
    )


def _picture(template: DeploymentTemplate) -> dict[str, Any]:
    return {name: getattr(template, name) for name in _AUDITED}


def as_id(text: UUID | str) -> UUID | None:
    """The id that a text is; None for any other text."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None
