"""Tables of templates, the packages' templates, and instances."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id

SIZE = Numeric(10, 2)


class DeploymentTemplate(Owned, Timestamped, Base):
    """Something that can be provisioned. `region` null: in any region. Resources: CPUs, GB of memory and storage.

    `provision_seconds`: how long one may take until it answers; null: what its provisioner allows.
    """

    __tablename__ = "deployment_templates"
    __table_args__ = (
        UniqueConstraint("owner_id", "name"),
        CheckConstraint("deployment_type IN ('local', 'kubernetes', 'awx', 'docker', 'none')", name="deployment_type"),
        CheckConstraint(
            "resource_cpu_default >= 0 AND resource_memory_default >= 0 AND resource_storage_default >= 0",
            name="resources",
        ),
        CheckConstraint("provision_seconds BETWEEN 10 AND 1800", name="provision_seconds"),
        # one default per region, and one for any region
        Index(
            "uq_deployment_templates_default",
            "owner_id",
            "region",
            unique=True,
            postgresql_where=text("is_default"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    deployment_type: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    is_default: Mapped[bool] = mapped_column(server_default=false(), default=False)
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    resource_cpu_default: Mapped[Decimal | None] = mapped_column(SIZE)
    resource_memory_default: Mapped[Decimal | None] = mapped_column(SIZE)
    resource_storage_default: Mapped[Decimal | None] = mapped_column(SIZE)
    provision_seconds: Mapped[int | None] = mapped_column(Integer)
    configuration: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)


class PackageTemplate(Owned, Timestamped, Base):
    """Which template a package is provisioned with. `package_code` by value: packages belong to the catalogue."""

    __tablename__ = "package_templates"
    # templates that are removed take their mapping along
    __table_args__ = (Index("ix_package_templates_template_id", "template_id"),)

    owner_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    package_code: Mapped[str] = mapped_column(Text, primary_key=True)
    template_id: Mapped[UUID] = mapped_column(ForeignKey("deployment_templates.id", ondelete="CASCADE"))


class DeploymentInstance(Owned, Timestamped, Base):
    """What was provisioned for a tenant.

    `tenant_id` and `order_id` by value: the row of a destroyed instance outlives its tenant. `external_reference` is
    how the provisioner finds it, known before anything is built. `customer_id` and `provisioned_for` (what asked for it,
    so that asking again finds it) are those of a tenant that was made for a customer, until it is being removed.
    """

    __tablename__ = "deployment_instances"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'provisioning', 'active', 'failed', 'destroying', 'destroyed')", name="state"
        ),
        # a customer who has no deployment left may be deleted
        CheckConstraint(
            "state NOT IN ('destroying', 'destroyed') OR (customer_id IS NULL AND provisioned_for IS NULL)",
            name="customer_of_live",
        ),
        # a tenant's live instance: one per environment
        Index(
            "uq_deployment_instances_live",
            "tenant_id",
            "environment",
            unique=True,
            postgresql_where=text("state <> 'destroyed'"),
        ),
        # what was provisioned for a customer of the same; what keeps a customer from being deleted
        Index(
            "uq_deployment_instances_customer_id",
            "customer_id",
            "template_id",
            "region",
            "environment",
            unique=True,
            postgresql_where=text("customer_id IS NOT NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        # what was asked for before
        Index(
            "uq_deployment_instances_provisioned_for",
            "owner_id",
            "provisioned_for",
            unique=True,
            postgresql_where=text("provisioned_for IS NOT NULL"),
        ),
        # the list of instances, newest first, in keyset pages
        Index("ix_deployment_instances_owner_id", "owner_id", "created_at", "id"),
        # which instances use a template
        Index("ix_deployment_instances_template_id", "template_id"),
        # active instances whose health was looked at longest ago
        Index(
            "ix_deployment_instances_health",
            "last_health_check",
            postgresql_where=text("state = 'active' AND endpoint IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(Uuid)
    template_id: Mapped[UUID] = mapped_column(ForeignKey("deployment_templates.id"))
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    provisioned_for: Mapped[str | None] = mapped_column(Text)
    environment: Mapped[str] = mapped_column(Text, server_default="production", default="production")
    region: Mapped[str | None] = mapped_column(Text)
    deployment_type: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="pending", default="pending")
    endpoint: Mapped[str | None] = mapped_column(Text)
    allocated_cpu: Mapped[Decimal | None] = mapped_column(SIZE)
    allocated_memory_gb: Mapped[Decimal | None] = mapped_column(SIZE)
    allocated_storage_gb: Mapped[Decimal | None] = mapped_column(SIZE)
    config: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    external_reference: Mapped[str] = mapped_column(Text)
    health_status: Mapped[str | None] = mapped_column(Text)
    last_health_check: Mapped[datetime | None]
