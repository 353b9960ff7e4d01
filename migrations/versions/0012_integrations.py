"""Circuit breakers and turns of outside systems, shared by all tenants and workers."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import grant

revision = "0012_integrations"
down_revision = "0011_waiting"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "integrations",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False, server_default="closed"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("openings", sa.Integer, nullable=False, server_default="0"),
        sa.Column("opened_at", TIME),
        sa.Column("retry_at", TIME),
        sa.Column("probe", sa.Uuid),
        sa.Column("last_error", sa.Text),
        sa.Column("last_failed_at", TIME),
        sa.Column("is_queued", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("turn", sa.Uuid),
        sa.CheckConstraint("state IN ('closed', 'open', 'half_open')", name=op.f("ck_integrations_state")),
    )
    grant("integrations", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    # the version before knows of no held steps: it sends them
    op.execute("UPDATE workflow_steps SET throttled_by = NULL, not_before = NULL WHERE throttled_by IS NOT NULL")
    op.drop_table("integrations")
