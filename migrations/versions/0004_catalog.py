"""The catalogue: services, prices, packages, regions, tax rates."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import keep_updated_at, protect

revision = "0004_catalog"
down_revision = "0003_tenants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _services()
    _packages()
    _places()
    for table in ("services", "prices", "packages", "regions", "tax_rates"):
        protect(table)
        keep_updated_at(table)
    protect("package_items")


def _timestamps() -> tuple[sa.Column, sa.Column]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def _services() -> None:
    op.create_table(
        "services",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_services_owner_id_code")),
    )
    op.create_table(
        "prices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("service_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("unit_price", sa.Numeric(16, 3), nullable=False),
        sa.Column("annual_discount_percent", sa.Numeric(6, 3), nullable=False, server_default=sa.text("0")),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_prices_service_id_services"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("service_id", "currency", name=op.f("uq_prices_service_id_currency")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_prices_currency")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_prices_unit_price")),
        sa.CheckConstraint("annual_discount_percent BETWEEN 0 AND 100", name=op.f("ck_prices_annual_discount_percent")),
    )
    op.create_index("ix_prices_owner_id_currency", "prices", ["owner_id", "currency"])


def _packages() -> None:
    op.create_table(
        "packages",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_packages_owner_id_code")),
    )
    op.create_table(
        "package_items",
        sa.Column("package_id", sa.Uuid, primary_key=True),
        sa.Column("service_id", sa.Uuid, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_package_items_package_id_packages"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_package_items_service_id_services")),
    )
    op.create_index("ix_package_items_service_id", "package_items", ["service_id"])


def _places() -> None:
    op.create_table(
        "regions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_regions_owner_id_code")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_regions_country")),
    )
    op.create_table(
        "tax_rates",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("region_code", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("rate", sa.Numeric(6, 3), nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.UniqueConstraint(
            "owner_id",
            "region_code",
            "country",
            name=op.f("uq_tax_rates_owner_id_region_code_country"),
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("rate BETWEEN 0 AND 100", name=op.f("ck_tax_rates_rate")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_tax_rates_country")),
        sa.CheckConstraint("region_code IS NULL OR country IS NULL", name=op.f("ck_tax_rates_one_place")),
    )


def downgrade() -> None:
    for table in ("tax_rates", "regions", "package_items", "packages", "prices", "services"):
        op.drop_table(table)
