"""Tables of sequences, of activations, and of what the built-in service codes set up for a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Double,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id


class ActivationWorkflow(Owned, Timestamped, Base):
    """A named sequence of services (rules.sequence), for one deployment template or for any.

    `version` counts its changes; orders that have started keep the sequence that they started with.
    """

    __tablename__ = "activation_workflows"
    __table_args__ = (
        UniqueConstraint("owner_id", "name"),
        CheckConstraint("max_duration_minutes > 0", name="max_duration_minutes"),
        CheckConstraint("version >= 1", name="version"),
        # one default per template, and one for any template
        Index(
            "uq_activation_workflows_default",
            "owner_id",
            "deployment_template_id",
            unique=True,
            postgresql_where=text("is_default"),
            postgresql_nulls_not_distinct=True,
        ),
        # the sequences of a template
        Index("ix_activation_workflows_deployment_template_id", "deployment_template_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    deployment_template_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("deployment_templates.id", ondelete="CASCADE", name="fk_activation_workflows_deployment_template")
    )
    service_sequence: Mapped[list[dict[str, Any]]]
    auto_activate: Mapped[bool] = mapped_column(server_default=true(), default=True)
    rollback_on_failure: Mapped[bool] = mapped_column(server_default=true(), default=True)
    max_duration_minutes: Mapped[int] = mapped_column(server_default="60", default=60)
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    is_default: Mapped[bool] = mapped_column(server_default=false(), default=False)
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    tags: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    created_by: Mapped[str | None] = mapped_column(Text)


class ServiceActivation(Owned, Timestamped, Base):
    """One ordered service on its way to being active.

    Order, item and tenant by value: the row outlives a rollback. `terms` is what the order says for it.
    `activation_data` holds endpoints and references, never a secret in clear text.
    """

    __tablename__ = "service_activations"
    __table_args__ = (
        # the activations of an order, and one of them by its code
        UniqueConstraint("order_id", "service_code"),
        CheckConstraint(
            "activation_status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped', 'rolled_back')",
            name="activation_status",
        ),
        CheckConstraint("retry_count >= 0 AND max_retries >= 0", name="retries"),
        # the activations that a tenant may read about itself
        Index("ix_service_activations_tenant_id", "tenant_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    order_id: Mapped[int] = mapped_column(BigInteger)
    order_item_id: Mapped[UUID | None] = mapped_column(Uuid)
    tenant_id: Mapped[UUID | None] = mapped_column(Uuid)
    service_code: Mapped[str] = mapped_column(Text)
    service_name: Mapped[str] = mapped_column(Text)
    activation_status: Mapped[str] = mapped_column(Text, server_default="pending", default="pending")
    sequence_number: Mapped[int]
    depends_on: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    critical: Mapped[bool] = mapped_column(server_default=true(), default=True)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[float | None] = mapped_column(
        Double, Computed("(EXTRACT(epoch FROM (completed_at - started_at)))::double precision", persisted=True)
    )
    success: Mapped[bool | None]
    error_message: Mapped[str | None] = mapped_column(Text)
    error_details: Mapped[dict[str, Any] | None]
    retry_count: Mapped[int] = mapped_column(server_default="0", default=0)
    max_retries: Mapped[int] = mapped_column(server_default="3", default=3)
    timeout_seconds: Mapped[float | None] = mapped_column(Double)
    terms: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    activation_data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)

    @classmethod
    def shared_with(cls, owner_id: UUID) -> ColumnElement[bool]:
        """The activations of the order that made a tenant."""
        return cls.tenant_id == owner_id


class SubscriberRealm(Owned, Timestamped, Base):
    """A tenant's subscribers: their realm, and how they are numbered."""

    __tablename__ = "subscriber_realms"
    __table_args__ = (CheckConstraint("next_number >= 1", name="next_number"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), unique=True)
    realm: Mapped[str] = mapped_column(Text)
    number_prefix: Mapped[str] = mapped_column(Text)
    next_number: Mapped[int] = mapped_column(BigInteger, server_default="1", default=1)


class RadiusRealm(Owned, Timestamped, Base):
    """A tenant's RADIUS realm."""

    __tablename__ = "radius_realms"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), unique=True)
    realm: Mapped[str] = mapped_column(Text)


class RadiusNasClient(Owned, Timestamped, Base):
    """A network access server that may ask about a realm. `shared_secret` is a reference to a sealed secret."""

    __tablename__ = "radius_nas_clients"
    __table_args__ = (
        # the clients of a realm, by name
        UniqueConstraint("radius_realm_id", "name"),
        CheckConstraint("shared_secret LIKE 'secret:%'", name="shared_secret_sealed"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), index=True)  # the clients of a tenant
    radius_realm_id: Mapped[UUID] = mapped_column(ForeignKey("radius_realms.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    shared_secret: Mapped[str] = mapped_column(Text)


class MonitoringTarget(Owned, Timestamped, Base):
    """Something of a tenant's that is watched. pending: there is nothing to ask yet."""

    __tablename__ = "monitoring_targets"
    __table_args__ = (
        # the targets of a tenant, by name
        UniqueConstraint("tenant_id", "name"),
        CheckConstraint("state IN ('pending', 'up', 'down')", name="state"),
        CheckConstraint("state = 'pending' OR address IS NOT NULL", name="address"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="pending", default="pending")


class MonitoringCheck(Owned, Base):
    """One look at a target: when, with what result, and how many seconds the answer took."""

    __tablename__ = "monitoring_checks"
    # the latest checks of a target
    __table_args__ = (Index("ix_monitoring_checks_target_id", "target_id", "checked_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), index=True)  # the checks of a tenant
    target_id: Mapped[UUID] = mapped_column(ForeignKey("monitoring_targets.id", ondelete="CASCADE"))
    checked_at: Mapped[datetime]
    is_up: Mapped[bool]
    response_seconds: Mapped[float] = mapped_column(Double)


class ReportSet(Owned, Timestamped, Base):
    """The reports that a tenant gets: `[{"code", "title", "schedule"}]`, schedules as cron in UTC."""

    __tablename__ = "report_sets"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), unique=True)
    reports: Mapped[list[dict[str, Any]]]


class EnabledTrigger(Owned, Timestamped, Base):
    """An event that may start a built-in workflow for a tenant. Workflows by name: they belong to nobody."""

    __tablename__ = "enabled_triggers"
    __table_args__ = (
        # whether an event starts this workflow for a tenant
        UniqueConstraint("tenant_id", "workflow_name", "event"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    workflow_name: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    is_enabled: Mapped[bool] = mapped_column(server_default=true(), default=True)
