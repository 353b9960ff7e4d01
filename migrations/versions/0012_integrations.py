"""Circuit breakers and turns of outside systems, shared by all tenants and workers."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import grant

revision = "0012_integrations"
down_revision = "0011_waiting"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
HELD = "ix_workflow_steps_throttled_by"


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
    # the oldest of a tenant first, without sorting all of them at each pass
    op.drop_index(HELD, "workflow_steps")
    _index(["throttled_by", "owner_id", "execution_id", "sequence_number"])


def _index(columns: list[str]) -> None:
    op.create_index(HELD, "workflow_steps", columns, postgresql_where=sa.text("throttled_by IS NOT NULL"))


def downgrade() -> None:
    op.execute(
        "UPDATE workflow_steps SET throttled_by = NULL, not_before = CASE WHEN sent_at IS NULL THEN NULL ELSE not_before END "
        "WHERE throttled_by IS NOT NULL"
    )
    op.drop_index(HELD, "workflow_steps")
    _index(["owner_id", "throttled_by"])
    op.drop_table("integrations")
