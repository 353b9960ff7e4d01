"""Deployments: templates, the packages' templates, instances."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import keep_updated_at, protect

revision = "0007_deployments"
down_revision = "0006_communications"
branch_labels = None
depends_on = None

SIZE = sa.Numeric(10, 2)


def upgrade() -> None:
    op.create_table(
        "deployment_templates",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("deployment_type", sa.Text, nullable=False),
        sa.Column("region", sa.Text),
        sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("resource_cpu_default", SIZE),
        sa.Column("resource_memory_default", SIZE),
        sa.Column("resource_storage_default", SIZE),
        sa.Column("configuration", JSONB, nullable=False, server_default=sa.text("'{}'")),
        *_row(),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_deployment_templates_owner_id_name")),
        sa.CheckConstraint(
            "deployment_type IN ('local', 'kubernetes', 'awx', 'docker', 'none')",
            name=op.f("ck_deployment_templates_deployment_type"),
        ),
        sa.CheckConstraint(
            "resource_cpu_default >= 0 AND resource_memory_default >= 0 AND resource_storage_default >= 0",
            name=op.f("ck_deployment_templates_resources"),
        ),
    )
    op.create_index(
        "uq_deployment_templates_default",
        "deployment_templates",
        ["owner_id", "region"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "package_templates",
        sa.Column("owner_id", sa.Uuid, primary_key=True),
        sa.Column("package_code", sa.Text, primary_key=True),
        sa.Column("template_id", sa.Uuid, nullable=False),
        *_times(),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["deployment_templates.id"],
            name=op.f("fk_package_templates_template_id_deployment_templates"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_package_templates_template_id", "package_templates", ["template_id"])
    op.create_table(
        "deployment_instances",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("template_id", sa.Uuid, nullable=False),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("environment", sa.Text, nullable=False, server_default="production"),
        sa.Column("region", sa.Text),
        sa.Column("deployment_type", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("endpoint", sa.Text),
        sa.Column("allocated_cpu", SIZE),
        sa.Column("allocated_memory_gb", SIZE),
        sa.Column("allocated_storage_gb", SIZE),
        sa.Column("config", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("external_reference", sa.Text, nullable=False),
        sa.Column("health_status", sa.Text),
        sa.Column("last_health_check", sa.DateTime(timezone=True)),
        *_row(),
        sa.CheckConstraint(
            "state IN ('pending', 'provisioning', 'active', 'failed', 'destroying', 'destroyed')",
            name=op.f("ck_deployment_instances_state"),
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["deployment_templates.id"],
            name=op.f("fk_deployment_instances_template_id_deployment_templates"),
        ),
    )
    op.create_index(
        "uq_deployment_instances_live",
        "deployment_instances",
        ["tenant_id", "environment"],
        unique=True,
        postgresql_where=sa.text("state <> 'destroyed'"),
    )
    op.create_index("ix_deployment_instances_owner_id", "deployment_instances", ["owner_id", "created_at", "id"])
    op.create_index("ix_deployment_instances_template_id", "deployment_instances", ["template_id"])
    op.create_index(
        "ix_deployment_instances_health",
        "deployment_instances",
        ["last_health_check"],
        postgresql_where=sa.text("state = 'active' AND endpoint IS NOT NULL"),
    )
    for table in ("deployment_templates", "package_templates", "deployment_instances"):
        protect(table)
        keep_updated_at(table)


def downgrade() -> None:
    for table in ("deployment_instances", "package_templates", "deployment_templates"):
        op.drop_table(table)


def _row() -> list[sa.Column]:
    return [sa.Column("owner_id", sa.Uuid, nullable=False), *_times()]


def _times() -> list[sa.Column]:
    return [
        sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
        for name in ("created_at", "updated_at")
    ]
