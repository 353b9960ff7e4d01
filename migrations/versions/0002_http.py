"""The edge: answers kept by idempotency key, login attempts while Redis is away."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import application_role, protect

revision = "0002_http"
down_revision = "0001_kernel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body_hash", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.UniqueConstraint(
            "owner_id", "principal", "route", "key", name=op.f("uq_idempotency_keys_owner_id_principal_route_key")
        ),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    protect("idempotency_keys")
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
    )
    op.create_index("ix_login_attempts_bucket", "login_attempts", ["bucket", "at"])
    protect("login_attempts")
    # /readyz looks whether the schema is the one that the code was written for
    op.execute(f"GRANT SELECT ON alembic_version TO {application_role()}")


def downgrade() -> None:
    op.execute(f"REVOKE SELECT ON alembic_version FROM {application_role()}")
    op.drop_table("login_attempts")
    op.drop_table("idempotency_keys")
