"""Who raised an event, where that was not Turnup itself."""

import sqlalchemy as sa
from alembic import op

revision = "0026_events"
down_revision = "0025_sales"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("source", sa.Text))


def downgrade() -> None:
    op.drop_column("outbox", "source")
