"""Deployments of customers: whose they are, how long they may take, custom domains, maintenance windows, schedules."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import keep_updated_at, protect

revision = "0023_schedules"
down_revision = "0022_partners"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TABLES = ("maintenance_windows", "scheduled_deployments")


def upgrade() -> None:
    _tenants()
    _deployments()
    _maintenance_windows()
    _scheduled_deployments()
    for table in TABLES:
        protect(table)
        keep_updated_at(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    # what is built on the columns goes with them
    for column in ("customer_id", "provisioned_for"):
        op.drop_column("deployment_instances", column)
    op.drop_column("deployment_templates", "provision_seconds")
    op.drop_constraint(op.f("ck_tenants_domain_form"), "tenants")
    op.drop_constraint(op.f("uq_tenants_domain"), "tenants")


def _tenants() -> None:
    op.create_unique_constraint(op.f("uq_tenants_domain"), "tenants", ["domain"])
    op.create_check_constraint(op.f("ck_tenants_domain_form"), "tenants", "domain ~ '^[a-z0-9-]+([.][a-z0-9-]+)+$'")


def _deployments() -> None:
    op.add_column("deployment_templates", sa.Column("provision_seconds", sa.Integer))
    op.create_check_constraint(
        op.f("ck_deployment_templates_provision_seconds"),
        "deployment_templates",
        "provision_seconds BETWEEN 10 AND 1800",
    )
    op.add_column("deployment_instances", sa.Column("customer_id", sa.Uuid))
    op.add_column("deployment_instances", sa.Column("provisioned_for", sa.Text))
    op.create_foreign_key(
        op.f("fk_deployment_instances_customer_id_customers"),
        "deployment_instances",
        "customers",
        ["customer_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_deployment_instances_customer_of_live"),
        "deployment_instances",
        "state NOT IN ('destroying', 'destroyed') OR (customer_id IS NULL AND provisioned_for IS NULL)",
    )
    op.create_index(
        "uq_deployment_instances_customer_id",
        "deployment_instances",
        ["customer_id", "template_id", "region", "environment"],
        unique=True,
        postgresql_where=sa.text("customer_id IS NOT NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "uq_deployment_instances_provisioned_for",
        "deployment_instances",
        ["owner_id", "provisioned_for"],
        unique=True,
        postgresql_where=sa.text("provisioned_for IS NOT NULL"),
    )


def _maintenance_windows() -> None:
    op.create_table(
        "maintenance_windows",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("region", sa.Text),
        sa.Column("weekdays", JSONB, nullable=False),
        sa.Column("starts_at", sa.Time, nullable=False),
        sa.Column("duration_minutes", sa.Integer, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        *_row(),
        sa.CheckConstraint(
            """weekdays <@ '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]' AND jsonb_array_length(weekdays) > 0""",
            name=op.f("ck_maintenance_windows_weekdays"),
        ),
        sa.CheckConstraint(
            "duration_minutes BETWEEN 15 AND 10080", name=op.f("ck_maintenance_windows_duration_minutes")
        ),
    )
    op.create_index("ix_maintenance_windows_list", "maintenance_windows", ["owner_id", "created_at", "id"])


def _scheduled_deployments() -> None:
    op.create_table(
        "scheduled_deployments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("region", sa.Text),
        sa.Column("scheduled_for", TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="scheduled"),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("cancelled_at", TIME),
        *_row(),
        sa.CheckConstraint(
            "state IN ('scheduled', 'started', 'cancelled')", name=op.f("ck_scheduled_deployments_state")
        ),
        sa.CheckConstraint(
            "(state = 'started') = (started_at IS NOT NULL)", name=op.f("ck_scheduled_deployments_started_at")
        ),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_scheduled_deployments_cancelled_at")
        ),
    )
    op.create_index(
        "uq_scheduled_deployments_order_id",
        "scheduled_deployments",
        ["owner_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'scheduled'"),
    )
    op.create_index(
        "uq_scheduled_deployments_asked_by",
        "scheduled_deployments",
        ["owner_id", "asked_by"],
        unique=True,
        postgresql_where=sa.text("state <> 'cancelled'"),
    )
    op.create_index("ix_scheduled_deployments_list", "scheduled_deployments", ["owner_id", "created_at", "id"])
    op.create_index(
        "ix_scheduled_deployments_order_id", "scheduled_deployments", ["owner_id", "order_id", "created_at", "id"]
    )
    op.create_index(
        "ix_scheduled_deployments_state", "scheduled_deployments", ["owner_id", "state", "created_at", "id"]
    )
    op.create_index(
        "ix_scheduled_deployments_due",
        "scheduled_deployments",
        ["scheduled_for"],
        postgresql_where=sa.text("state = 'scheduled'"),
    )


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
