"""License templates: found by id or code, edited. Licenses keep what they were issued with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault, Invalid
from app.core.ids import as_uuid
from app.domains.licensing import queries
from app.domains.licensing.errors import LicenseTemplateCodeTaken, LicenseTemplateInUse, LicenseTemplateNotFound
from app.domains.licensing.models import LicenseTemplate
from app.domains.licensing.rules import contents

_EDITABLE = ("code", "name", "products", "features", "seats", "term_months", "is_active")


def all_templates() -> Select[LicenseTemplate]:
    """All templates, to be paged."""
    return queries.templates()


def get_template(session: Session, *, template_id: UUID, locked: bool = False) -> LicenseTemplate:
    """A template, active or not. Raises LicenseTemplateNotFound."""
    if template := queries.template(session, template_id, locked=locked):
        return template
    message = "There is no such license template."
    raise LicenseTemplateNotFound(message)


def find_template(session: Session, *, template: UUID | str) -> LicenseTemplate:
    """The template of that id or code, active or not. Raises LicenseTemplateNotFound, naming what was looked for."""
    template_id = as_uuid(template)
    found = queries.template(session, template_id) if template_id else None
    found = found or queries.template_by_code(session, str(template))
    if found is None:
        message = f"There is no license template “{template}”."
        raise LicenseTemplateNotFound(message, faults=[Fault("/license_template_id", message)])
    return found


def create_template(session: Session, *, fields: Mapping[str, Any]) -> LicenseTemplate:
    """Make a template of these fields. Raises Invalid with all faults, LicenseTemplateCodeTaken."""
    template = LicenseTemplate()
    _write(session, template, fields)
    audit.record(session, "license_template.created", f"license_template/{template.id}", after=_picture(template))
    return template


def update_template(session: Session, *, template_id: UUID, fields: Mapping[str, Any]) -> LicenseTemplate:
    """Change the given fields; licenses that were issued stay as they are.

    Raises LicenseTemplateNotFound, Invalid with all faults, LicenseTemplateCodeTaken.
    """
    template = get_template(session, template_id=template_id, locked=True)
    before = _picture(template)
    _write(session, template, fields)
    session.refresh(template)  # updated_at is the database's
    audit.record(
        session,
        "license_template.updated",
        f"license_template/{template.id}",
        before=before,
        after=_picture(template),
    )
    return template


def delete_template(session: Session, *, template_id: UUID) -> None:
    """Remove a template from which nothing was issued. Raises LicenseTemplateNotFound, LicenseTemplateInUse."""
    template = get_template(session, template_id=template_id, locked=True)
    before = _picture(template)
    try:
        with session.begin_nested():
            session.delete(template)
    except IntegrityError as error:
        if not isinstance(error.orig, ForeignKeyViolation):
            raise
        message = f"Licenses were issued from “{before['code']}”: make it inactive instead."
        raise LicenseTemplateInUse(message) from error
    audit.record(session, "license_template.deleted", f"license_template/{template_id}", before=before)


def _write(session: Session, template: LicenseTemplate, fields: Mapping[str, Any]) -> None:
    if unknown := sorted(fields.keys() - set(_EDITABLE)):
        message = f"A license template has no {', '.join(unknown)}."
        raise Invalid(message, faults=[Fault(f"/{name}", "This field does not exist.") for name in unknown])
    wanted = _picture(template) | dict(fields)
    held = contents.Contents(
        products=tuple(wanted["products"] or ()),
        features=wanted["features"] or {},
        seats=1 if wanted["seats"] is None else wanted["seats"],
    )
    found = [
        *contents.code_faults(wanted["code"] or ""),
        *contents.faults(held),
        *contents.term_faults(wanted["term_months"]),
    ]
    if found:
        message = "The license template is not valid."
        raise Invalid(message, faults=found)
    try:
        with session.begin_nested():
            for name, value in fields.items():
                setattr(template, name, value)
            session.add(template)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        message = f"There is a license template “{wanted['code']}” already."
        raise LicenseTemplateCodeTaken(message, faults=[Fault("/code", message)]) from error


def _picture(template: LicenseTemplate) -> dict[str, Any]:
    return {name: getattr(template, name) for name in _EDITABLE}
