"""Activation: sequences, activations, and what the built-in service codes set up."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect

revision = "0009_activation"
down_revision = "0008_billing"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
SETUP = (
    "subscriber_realms",
    "radius_realms",
    "radius_nas_clients",
    "monitoring_targets",
    "monitoring_checks",
    "report_sets",
    "enabled_triggers",
)


def upgrade() -> None:
    _activation_workflows()
    _service_activations()
    _subscribers_and_radius()
    _monitoring()
    _reports_and_triggers()
    for table in SETUP:
        protect(table)
        if table != "monitoring_checks":
            keep_updated_at(table)


def downgrade() -> None:
    for table in (*reversed(SETUP), "service_activations", "activation_workflows"):
        op.drop_table(table)


def _activation_workflows() -> None:
    op.create_table(
        "activation_workflows",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("deployment_template_id", sa.Uuid),
        sa.Column("service_sequence", JSONB, nullable=False),
        sa.Column("auto_activate", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("rollback_on_failure", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("max_duration_minutes", sa.Integer, nullable=False, server_default="60"),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("tags", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("created_by", sa.Text),
        *_row(),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_activation_workflows_owner_id_name")),
        sa.CheckConstraint("max_duration_minutes > 0", name=op.f("ck_activation_workflows_max_duration_minutes")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_activation_workflows_version")),
        sa.ForeignKeyConstraint(
            ["deployment_template_id"],
            ["deployment_templates.id"],
            name=op.f("fk_activation_workflows_deployment_template"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "uq_activation_workflows_default",
        "activation_workflows",
        ["owner_id", "deployment_template_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_activation_workflows_deployment_template_id", "activation_workflows", ["deployment_template_id"]
    )
    protect("activation_workflows")
    keep_updated_at("activation_workflows")


def _service_activations() -> None:
    op.create_table(
        "service_activations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("order_item_id", sa.Uuid),
        sa.Column("tenant_id", sa.Uuid),
        sa.Column("service_code", sa.Text, nullable=False),
        sa.Column("service_name", sa.Text, nullable=False),
        sa.Column("activation_status", sa.Text, nullable=False, server_default="pending"),
        sa.Column("sequence_number", sa.Integer, nullable=False),
        sa.Column("depends_on", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("critical", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("started_at", TIME),
        sa.Column("completed_at", TIME),
        sa.Column(
            "duration_seconds",
            sa.Double,
            sa.Computed("(EXTRACT(epoch FROM (completed_at - started_at)))::double precision", persisted=True),
        ),
        sa.Column("success", sa.Boolean),
        sa.Column("error_message", sa.Text),
        sa.Column("error_details", JSONB),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("max_retries", sa.Integer, nullable=False, server_default="3"),
        sa.Column("timeout_seconds", sa.Double),
        sa.Column("terms", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("activation_data", JSONB, nullable=False, server_default=sa.text("'{}'")),
        *_row(),
        sa.UniqueConstraint("order_id", "service_code", name=op.f("uq_service_activations_order_id_service_code")),
        sa.CheckConstraint(
            "activation_status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped', 'rolled_back')",
            name=op.f("ck_service_activations_activation_status"),
        ),
        sa.CheckConstraint("retry_count >= 0 AND max_retries >= 0", name=op.f("ck_service_activations_retries")),
    )
    op.create_index("ix_service_activations_tenant_id", "service_activations", ["tenant_id"])
    protect("service_activations", readable=f"tenant_id = {OWNER}")
    keep_updated_at("service_activations")


def _subscribers_and_radius() -> None:
    op.create_table(
        "subscriber_realms",
        *_of_tenant("subscriber_realms", unique=True),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("number_prefix", sa.Text, nullable=False),
        sa.Column("next_number", sa.BigInteger, nullable=False, server_default="1"),
        *_row(),
        sa.CheckConstraint("next_number >= 1", name=op.f("ck_subscriber_realms_next_number")),
    )
    op.create_table(
        "radius_realms",
        *_of_tenant("radius_realms", unique=True),
        sa.Column("realm", sa.Text, nullable=False),
        *_row(),
    )
    op.create_table(
        "radius_nas_clients",
        *_of_tenant("radius_nas_clients"),
        sa.Column("radius_realm_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("shared_secret", sa.Text, nullable=False),
        *_row(),
        sa.UniqueConstraint("radius_realm_id", "name", name=op.f("uq_radius_nas_clients_radius_realm_id_name")),
        sa.CheckConstraint("shared_secret LIKE 'secret:%'", name=op.f("ck_radius_nas_clients_shared_secret_sealed")),
        sa.ForeignKeyConstraint(
            ["radius_realm_id"],
            ["radius_realms.id"],
            name=op.f("fk_radius_nas_clients_radius_realm_id_radius_realms"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(op.f("ix_radius_nas_clients_tenant_id"), "radius_nas_clients", ["tenant_id"])


def _monitoring() -> None:
    op.create_table(
        "monitoring_targets",
        *_of_tenant("monitoring_targets"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        *_row(),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_monitoring_targets_tenant_id_name")),
        sa.CheckConstraint("state IN ('pending', 'up', 'down')", name=op.f("ck_monitoring_targets_state")),
        sa.CheckConstraint("state = 'pending' OR address IS NOT NULL", name=op.f("ck_monitoring_targets_address")),
    )
    op.create_table(
        "monitoring_checks",
        *_of_tenant("monitoring_checks"),
        sa.Column("target_id", sa.Uuid, nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("is_up", sa.Boolean, nullable=False),
        sa.Column("response_seconds", sa.Double, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.ForeignKeyConstraint(
            ["target_id"],
            ["monitoring_targets.id"],
            name=op.f("fk_monitoring_checks_target_id_monitoring_targets"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(op.f("ix_monitoring_checks_tenant_id"), "monitoring_checks", ["tenant_id"])
    op.create_index("ix_monitoring_checks_target_id", "monitoring_checks", ["target_id", "checked_at"])


def _reports_and_triggers() -> None:
    op.create_table(
        "report_sets",
        *_of_tenant("report_sets", unique=True),
        sa.Column("reports", JSONB, nullable=False),
        *_row(),
    )
    op.create_table(
        "enabled_triggers",
        *_of_tenant("enabled_triggers"),
        sa.Column("workflow_name", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        *_row(),
        sa.UniqueConstraint(
            "tenant_id", "workflow_name", "event", name=op.f("uq_enabled_triggers_tenant_id_workflow_name_event")
        ),
    )


def _of_tenant(table: str, *, unique: bool = False) -> list[sa.schema.SchemaItem]:
    parts: list[sa.schema.SchemaItem] = [
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants")),
    ]
    if unique:
        parts.append(sa.UniqueConstraint("tenant_id", name=op.f(f"uq_{table}_tenant_id")))
    return parts


def _row() -> list[sa.Column]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
