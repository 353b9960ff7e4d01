"""What the deployments room's routes take and answer."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from app.domains.deployments.rules import (
    DEPLOYMENT_TYPES,
    LONGEST_MINUTES,
    LONGEST_SECONDS,
    SHORTEST_MINUTES,
    SHORTEST_SECONDS,
    WEEKDAYS,
    ScheduleState,
    State,
)
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


def _region() -> ma.fields.String:
    return ma.fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(1, 63))


class TemplateIn(ma.Schema):
    """What a template is from now on. `region` null: it can be deployed anywhere."""

    name = ma.fields.String(required=True, validate=_name)
    display_name = ma.fields.String(required=True, validate=_text)
    description = ma.fields.String(load_default="", validate=ma.validate.Length(max=1024))
    deployment_type = ma.fields.String(required=True, validate=ma.validate.OneOf(DEPLOYMENT_TYPES))
    region = _region()
    is_default = ma.fields.Boolean(load_default=False)
    is_active = ma.fields.Boolean(load_default=True)
    resource_cpu_default = _size("CPUs")
    resource_memory_default = _size("GB of memory")
    resource_storage_default = _size("GB of storage")
    provision_seconds = ma.fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(SHORTEST_SECONDS, LONGEST_SECONDS),
        metadata={"description": "how long a deployment may take until it answers; null: what its provisioner allows"},
    )
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
    customer_id = ma.fields.UUID(allow_none=True)
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


class WindowIn(ma.Schema):
    """When deployments may begin. `region` null: in every region that has no window of its own."""

    name = ma.fields.String(required=True, validate=_text)
    region = _region()
    weekdays = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(WEEKDAYS)),
        required=True,
        validate=ma.validate.Length(1, len(WEEKDAYS)),
    )
    starts_at = ma.fields.Time(format="%H:%M", required=True, metadata={"description": "HH:MM, local in its time zone"})
    duration_minutes = ma.fields.Integer(
        strict=True, required=True, validate=ma.validate.Range(SHORTEST_MINUTES, LONGEST_MINUTES)
    )
    time_zone = ma.fields.String(
        load_default=None,
        validate=ma.validate.Length(1, 100),
        metadata={"description": "like Europe/Berlin; default: the tenant's"},
    )
    is_active = ma.fields.Boolean(load_default=True)


class WindowOut(WindowIn):
    """A maintenance window."""

    id = ma.fields.UUID()
    created_at = Time()
    updated_at = Time()


class RescheduleIn(ma.Schema):
    """When a deployment is to begin. null: as soon as a maintenance window is open, at once without any."""

    scheduled_at = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, 50),
        metadata={"description": "a day or a time, ISO 8601; without an offset it is the tenant's"},
    )


class ScheduleIn(RescheduleIn):
    """An order's deployment that is to begin at a time."""

    order_id = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, 2**63 - 1))
    region = _region()


class ScheduleFilter(PageQuery):
    """Which scheduled deployments."""

    state = ma.fields.String(validate=ma.validate.OneOf([state.value for state in ScheduleState]))
    order_id = ma.fields.Integer(validate=ma.validate.Range(1, 2**63 - 1))


class ScheduleOut(ma.Schema):
    """A scheduled deployment. `started`: its time has come and the order is being processed."""

    id = ma.fields.UUID()
    order_id = ma.fields.Integer()
    region = ma.fields.String(allow_none=True)
    scheduled_for = Time()
    state = ma.fields.String()
    started_at = Time(allow_none=True)
    cancelled_at = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()
