"""Licensing: templates, licenses, signing keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, searchable

revision = "0017_licensing"
down_revision = "0016_customers"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TABLES = ("license_templates", "licenses", "license_signing_keys")
LIVE = sa.text("status IN ('active', 'suspended')")


def upgrade() -> None:
    _license_templates()
    _licenses()
    _license_signing_keys()
    for table in TABLES:
        protect(table)
        keep_updated_at(table)
    searchable("licenses", "uuid", seen=f"owner_id = {OWNER}")


def downgrade() -> None:
    op.execute("DROP FUNCTION licenses_found(text, int)")
    for table in ("licenses", "license_templates", "license_signing_keys"):
        op.drop_table(table)


def _license_templates() -> None:
    op.create_table(
        "license_templates",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("products", JSONB, nullable=False),
        sa.Column("features", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("seats", sa.Integer, nullable=False, server_default="1"),
        sa.Column("term_months", sa.Integer),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        *_row(),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_license_templates_owner_id_code")),
        sa.CheckConstraint("seats >= 1", name=op.f("ck_license_templates_seats")),
        sa.CheckConstraint("term_months >= 1", name=op.f("ck_license_templates_term_months")),
    )
    op.create_index("ix_license_templates_list", "license_templates", ["owner_id", "created_at", "id"])


def _licenses() -> None:
    op.create_table(
        "licenses",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("subscription_id", sa.Uuid),
        sa.Column("template_id", sa.Uuid),
        sa.Column("partner_id", sa.Uuid),
        sa.Column("license_key", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("products", JSONB, nullable=False),
        sa.Column("features", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="active"),
        sa.Column("issued_for", sa.Text, nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.Column("revoke_reason", sa.Text),
        sa.Column("search_text", sa.Text, sa.Computed("lower(license_key)", persisted=True), nullable=False),
        *_row(),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_licenses_customer_id_customers")),
        sa.ForeignKeyConstraint(
            ["template_id"], ["license_templates.id"], name=op.f("fk_licenses_template_id_license_templates")
        ),
        sa.UniqueConstraint("license_key", name=op.f("uq_licenses_license_key")),
        sa.CheckConstraint("status IN ('active', 'suspended', 'revoked', 'expired')", name=op.f("ck_licenses_status")),
        sa.CheckConstraint("seats >= 1", name=op.f("ck_licenses_seats")),
        sa.CheckConstraint("expires_at > issued_at", name=op.f("ck_licenses_expires_at")),
        sa.CheckConstraint("(status = 'revoked') = (revoked_at IS NOT NULL)", name=op.f("ck_licenses_revoked_at")),
    )
    op.create_index(
        "uq_licenses_issued_for", "licenses", ["owner_id", "issued_for"], unique=True, postgresql_where=LIVE
    )
    op.create_index("ix_licenses_list", "licenses", ["owner_id", "created_at", "id"])
    op.create_index("ix_licenses_status", "licenses", ["owner_id", "status", "created_at", "id"])
    op.create_index("ix_licenses_customer_id", "licenses", ["customer_id", "created_at", "id"])
    op.create_index("ix_licenses_subscription_id", "licenses", ["subscription_id"], postgresql_where=LIVE)
    op.create_index("ix_licenses_template_id", "licenses", ["template_id"])
    op.create_index("ix_licenses_to_expire", "licenses", ["expires_at"], postgresql_where=LIVE)
    op.create_index(
        "ix_licenses_search",
        "licenses",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _license_signing_keys() -> None:
    op.create_table(
        "license_signing_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("private_key", sa.Text),
        sa.Column("retired_at", TIME),
        *_row(),
        sa.UniqueConstraint("kid", name=op.f("uq_license_signing_keys_kid")),
        sa.CheckConstraint(
            "(retired_at IS NULL) = (private_key IS NOT NULL)", name=op.f("ck_license_signing_keys_private_key")
        ),
    )
    op.create_index(
        "uq_license_signing_keys_current",
        "license_signing_keys",
        ["owner_id"],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_index("ix_license_signing_keys_list", "license_signing_keys", ["owner_id", "created_at", "id"])


def _row() -> list[sa.Column]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
