"""Tenants, their users and roles, refresh tokens; the operator's own row."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.ids import OPERATOR_ID
from migrations.tenancy import OWNER, application_role, keep_updated_at, protect, system_role

revision = "0003_tenants"
down_revision = "0002_http"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tenants()
    _users()
    _roles()
    _refresh_tokens()


def _timestamps() -> tuple[sa.Column, sa.Column]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def _tenants() -> None:
    tenants = op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("settings", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("domain", sa.Text),
        sa.Column("branding", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint("slug", name=op.f("uq_tenants_slug")),
        sa.CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$'", name=op.f("ck_tenants_slug_form")),
    )
    op.create_index("ix_tenants_owner_id", "tenants", ["owner_id", "created_at", "id"])
    op.bulk_insert(tenants, [{"id": OPERATOR_ID, "name": "Operator", "slug": "operator", "owner_id": OPERATOR_ID}])
    protect("tenants", readable=f"id = {OWNER}")
    keep_updated_at("tenants")
    # slugs are unique over all owners, whose rows nobody else sees: this tells whether one exists, and nothing more
    op.execute(
        """
        CREATE FUNCTION slug_is_taken(wanted text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
        RETURN EXISTS (SELECT FROM public.tenants WHERE slug = wanted)
        """
    )
    op.execute("REVOKE ALL ON FUNCTION slug_is_taken(text) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION slug_is_taken(text) TO {application_role()}, {system_role()}")


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("last_login_at", sa.DateTime(timezone=True)),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["tenants.id"], name=op.f("fk_users_owner_id_tenants"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_users_owner_id", "users", ["owner_id", "created_at", "id"])
    protect("users")
    keep_updated_at("users")


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("permissions", JSONB, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_roles_owner_id_name")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["tenants.id"], name=op.f("fk_roles_owner_id_tenants"), ondelete="CASCADE"
        ),
    )
    protect("roles")
    keep_updated_at("roles")
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("role_id", sa.Uuid, primary_key=True),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name=op.f("fk_user_roles_role_id_roles"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_user_roles_role_id", "user_roles", ["role_id"])
    protect("user_roles")


def _refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("family_id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_refresh_tokens_user_id_users"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id", "expires_at"])
    protect("refresh_tokens")


def downgrade() -> None:
    op.execute("DROP FUNCTION slug_is_taken(text)")
    for table in ("refresh_tokens", "user_roles", "roles", "users", "tenants"):
        op.drop_table(table)
