"""What the activation room's routes take and answer."""

from __future__ import annotations

import marshmallow as ma

from app.http.fields import Time

MAX_TAGS = 50
MAX_MINUTES = 60 * 24 * 365

_text = ma.validate.Length(1, 200)


class WorkflowIn(ma.Schema):
    """What an activation workflow is from now on. `deployment_template_id` null: for any template."""

    name = ma.fields.String(required=True, validate=_text)
    description = ma.fields.String(load_default="", validate=ma.validate.Length(max=1024))
    deployment_template_id = ma.fields.UUID(load_default=None, allow_none=True)
    service_sequence = ma.fields.List(
        ma.fields.Dict(keys=ma.fields.String()),
        required=True,
        metadata={
            "description": "entries {service, sequence, depends_on, critical?, max_retries?, timeout_seconds?, optional?}"
        },
    )
    auto_activate = ma.fields.Boolean(load_default=True)
    rollback_on_failure = ma.fields.Boolean(load_default=True)
    max_duration_minutes = ma.fields.Integer(load_default=60, validate=ma.validate.Range(1, MAX_MINUTES))
    is_active = ma.fields.Boolean(load_default=True)
    is_default = ma.fields.Boolean(load_default=False)
    tags = ma.fields.List(
        ma.fields.String(validate=_text), load_default=list, validate=ma.validate.Length(max=MAX_TAGS)
    )


class WorkflowOut(WorkflowIn):
    """An activation workflow."""

    id = ma.fields.UUID()
    version = ma.fields.Integer()
    created_by = ma.fields.String()
    created_at = Time()
    updated_at = Time()
