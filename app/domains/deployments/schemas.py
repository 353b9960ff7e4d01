"""What the deployments room's routes take and answer."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from app.domains.deployments.rules import DEPLOYMENT_TYPES, State
from app.http.endpoint import PageQuery
from app.http.fields import Time

MAX_SIZE = Decimal(1_000_000)

_name = ma.validate.Regexp(r"^[a-z0-9][a-z0-9._-]{0,62}\Z", error="Lower-case letters, digits, dots, _ and -.")
_text = ma.validate.Length(1, 200)


def _size(unit: str) -> ma.fields.Decimal:
    return ma.fields.Decimal(
        places=2,
        allow_nan=False,
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(0, MAX_SIZE),
        metadata={"description": unit},
    )


class TemplateIn(ma.Schema):
    """What a template is from now on. `region` null: it can be deployed anywhere."""

    name = ma.fields.String(required=True, validate=_name)
    display_name = ma.fields.String(required=True, validate=_text)
    description = ma.fields.String(load_default="", validate=ma.validate.Length(max=1024))
    deployment_type = ma.fields.String(required=True, validate=ma.validate.OneOf(DEPLOYMENT_TYPES))
    region = ma.fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(1, 63))
    is_default = ma.fields.Boolean(load_default=False)
    is_active = ma.fields.Boolean(load_default=True)
    resource_cpu_default = _size("CPUs")
    resource_memory_default = _size("GB of memory")
    resource_storage_default = _size("GB of storage")
    configuration = ma.fields.Dict(keys=ma.fields.String(), load_default=dict)


class TemplateOut(TemplateIn):
    """A template."""

    id = ma.fields.UUID()
    created_at = Time()
    updated_at = Time()


class InstanceFilter(PageQuery):
    """Which deployments."""

    state = ma.fields.String(validate=ma.validate.OneOf([state.value for state in State]))
    tenant_id = ma.fields.UUID()
    order_id = ma.fields.Integer(validate=ma.validate.Range(1, 2**63 - 1))


class InstanceOut(ma.Schema):
    """What was provisioned for a tenant."""

    id = ma.fields.UUID()
    tenant_id = ma.fields.UUID()
    template_id = ma.fields.UUID()
    order_id = ma.fields.Integer(allow_none=True)
    environment = ma.fields.String()
    region = ma.fields.String(allow_none=True)
    deployment_type = ma.fields.String()
    state = ma.fields.String()
    endpoint = ma.fields.String(allow_none=True)
    allocated_cpu = ma.fields.Decimal(allow_none=True)
    allocated_memory_gb = ma.fields.Decimal(allow_none=True)
    allocated_storage_gb = ma.fields.Decimal(allow_none=True)
    external_reference = ma.fields.String()
    health_status = ma.fields.String(allow_none=True)
    last_health_check = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()
